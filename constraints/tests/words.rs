//! What the words say: sentences that name things as the user named them, each with its origin.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod common;

use common::case::Case;
use heapq_constraints::explain;

fn words(text: &str) -> Vec<String> {
    let case = Case::read(&common::table(text)).unwrap();
    explain::words(&case.outcome().unwrap())
}

const CAMERA: &str = "[[heap]]\nname = 'system'\n[[heap]]\nname = 'cma'\npresent = false\n\
                      contiguous = true\n[[participant]]\nname = 'camera'\ncontiguous = true\n\
                      min-size = 4096\n[[participant]]\nname = 'app'\nusage = ['cpu-read']\n";

#[test]
fn a_conflict_shows_each_heap_the_elements_and_the_fixes() {
    assert_eq!(
        words(CAMERA),
        [
            "nothing here can satisfy both of these:",
            "  camera needs contiguous = true (the request)",
            "  heap cma has present = false (the request)",
            "no heap here serves camera even alone: copies do not help",
            "cma is not there: present = false (the request)",
            "system has contiguous = false (the default), but camera needs contiguous = true \
             (the request)",
            "it would work without camera.contiguous: system would serve (solved again)",
            "it would work without heap.cma: cma would serve (solved again)",
        ]
    );
}

#[test]
fn a_default_is_called_one() {
    let silent = "[[heap]]\nname = 'tee'\nprotected = true\n[[participant]]\nname = 'display'\n\
                  min-size = 1\n";
    let lines = words(silent);
    let said = "  display states no protected, so the default holds: protected = \"refused\" (the default)";
    assert!(lines.iter().any(|line| line == said), "{lines:?}");
}

#[test]
fn fixes_of_two_go_together_and_copies_say_where_and_how_much() {
    let pipeline = "[[heap]]\nname = 'a'\n[[heap]]\nname = 'b'\n\
                    [[participant]]\nname = 'camera'\nheaps = ['a']\nmin-size = 100\n\
                    [[participant]]\nname = 'scaler'\nheaps = ['b']\nheld = 4\n\
                    [[participant]]\nname = 'display'\nmax-count = 3\n";
    let lines = words(pipeline);
    let has = |line: &str| assert!(lines.iter().any(|other| other == line), "{line}: {lines:?}");
    has("it would work without camera.heaps and scaler.held, both of them: b would serve \
         (solved again)");
    has("or with copies:");
    has("  camera uses a");
    has("  a copy from camera to scaler: 100 bytes a frame");
}

#[test]
fn the_property_that_decides_is_shown_with_its_origin() {
    let pool = "[[heap]]\nname = 'cma'\naddress-window = [[0x1fc000000, 0x200000000]]\n\
                [[heap]]\nname = 'low'\naddress-bits = 40\n\
                [[participant]]\nname = 'camera'\naddress-bits = 32\nmin-size = 1\n";
    let lines = words(pool);
    let has = |line: &str| assert!(lines.iter().any(|other| other == line), "{line}: {lines:?}");
    has("cma has address-window = [[0x1fc000000, 0x200000000]] (the request), but camera needs \
         address-bits = 32 (the request)");
    has(
        "low has address-bits = 40 (the request), but camera needs address-bits = 32 (the request)",
    );
    let window = pool.replace("address-bits = 32", "address-window = [[0, 4096]]");
    let line = "low has address-bits = 40 (the request), but camera needs address-window = \
                [[0x0, 0x1000]] (the request)";
    assert!(words(&window).iter().any(|other| other == line), "{:?}", words(&window));
}

#[test]
fn of_many_fixes_the_shortest_are_told_and_the_others_counted() {
    let mut text = "[[heap]]\nname = 'a'\n".to_owned();
    for n in 0..3 {
        text += &format!(
            "[[participant]]\nname = 'p{n}'\nmin-size = 9\nattribute.x{n} = ['1']\n\
             [[participant]]\nname = 'q{n}'\nattribute.x{n} = ['2']\n"
        );
    }
    let lines = words(&text);
    let fixes = lines.iter().filter(|line| line.starts_with("it would work without "));
    assert_eq!(fixes.count(), 5, "{lines:?}");
    let rest = "and 3 further ways, none of them shorter (--json has all)";
    assert!(lines.iter().any(|line| line == rest), "{lines:?}");
}

#[test]
fn a_fix_that_leaves_the_size_unsaid_does_not_claim_to_serve() {
    let text = "[[heap]]\nname = 'a'\n[[participant]]\nname = 'p'\nmin-size = 9\n\
                [[participant]]\nname = 'q'\nmax-size = 8\n";
    let lines = words(text);
    let has = |line: &str| assert!(lines.iter().any(|other| other == line), "{line}: {lines:?}");
    has("it would work without p.min-size, and somebody must then say how big");
    has("it would work without q.max-size: a would serve (solved again)");
    let optional = format!("{text}[[participant]]\nname = 'r'\nmin-size = 5\noptional = true\n");
    let line = "it would work without p.min-size: a would serve (solved again)";
    assert!(words(&optional).iter().any(|other| other == line), "{:?}", words(&optional));
}

#[test]
fn whom_nothing_serves_even_alone_is_said_to_gain_nothing_by_copies() {
    let text = "[[heap]]\nname = 'a'\n[[participant]]\nname = 'p'\nlink = []\nmin-size = 9\n\
                [[participant]]\nname = 'q'\n";
    let lines = words(text);
    let said = "no heap here serves p even alone: copies do not help";
    assert_eq!(lines[2], said, "{lines:?}");
}

#[test]
fn a_machine_without_heaps_is_said_to_have_none() {
    let lines = words("[[participant]]\nname = 'a'\nmin-size = 1\n");
    assert_eq!(lines, ["this machine offers no heap that anybody could use"]);
}

/// A pool of 64 MiB, and `participants`.
fn on_a_pool(participants: &str) -> Vec<String> {
    let pool = "[[heap]]\nname = 'cma'\ncontiguous = true\ncapacity = 67108864\n\
                [[heap]]\nname = 'system'\n";
    let all = words(&format!("{pool}{participants}"));
    all.into_iter().filter(|line| line.contains(" would serve everybody, but ")).collect()
}

#[test]
fn a_heap_that_lacks_nothing_but_room_is_named_with_what_it_has_and_what_is_asked() {
    let camera = "[[participant]]\nname = 'camera'\ncontiguous = true\nmin-size = 104857600\n";
    let said = |count: u32| {
        format!(
            "cma would serve everybody, but {count} × 104857600 bytes are asked for, and it has \
             capacity = 67108864 (the request)"
        )
    };
    let separate = "[[participant.format]]\nfourcc = 'NV12'\nplanes = 'separate'\n\
                    min-extent = [8192, 8192]\n";
    let planes = said(1).replace("104857600", "100663296");
    for (participants, lines) in [
        (camera.to_owned(), vec![said(1)]),
        (camera.replace("contiguous = true", "contiguous = true\nheld = 4"), vec![said(4)]),
        // Ruled out by others' needs too.
        (format!("{camera}avoid = ['cma']\n"), vec![]),
        (format!("{camera}[[participant]]\nname = 'q'\nheaps = ['system']\n"), vec![]),
        // Whom nobody needs has no say, whichever way.
        (
            format!("{camera}[[participant]]\nname = 'q'\noptional = true\nheld = 9\n"),
            vec![said(1)],
        ),
        // The first table that would do, in the order of the question.
        (
            "[[participant]]\nname = 'camera'\ncontiguous = true\nalternatives = [\n\
             { heaps = ['system'] }, { min-size = 104857600 }, { min-size = 83886080 }]\n\
             [[participant]]\nname = 'app'\nmin-size = 1\n"
                .to_owned(),
            vec![said(1)],
        ),
        // Planes that share the pool count together.
        (format!("[[participant]]\nname = 'camera'\ncontiguous = true\n{separate}"), vec![planes]),
    ] {
        assert_eq!(on_a_pool(&participants), lines, "{participants}");
    }
}

#[test]
fn the_largest_buffer_that_a_heap_gives_is_a_bound_of_its_own() {
    let text = "[[heap]]\nname = 'pool'\nmax-size = 4096\ncapacity = 8192\n\
                [[participant]]\nname = 'camera'\nmin-size = 5000\nheld = 2\n";
    let lines = words(text);
    assert_eq!(
        lines[2..4],
        [
            "pool would serve everybody, but 2 × 8192 bytes are asked for, and it has capacity = \
             8192 (the request)",
            "pool would serve everybody, but a buffer of 8192 bytes is asked for, and it has \
             max-size = 4096 (the request)",
        ],
        "{lines:?}"
    );
}

#[test]
fn a_guess_says_of_whom_nothing_is_known_and_what_to_do() {
    let text = "[[heap]]\nname = 'a'\n[[participant]]\nname = 'r'\nunknown = true\nmin-size = 9\n\
                [[participant]]\nname = 'q'\n[[participant]]\nname = 'p'\n\
                alternatives = [{ unknown = true }]\n";
    let line = "this is a guess: nothing is known of p and r; `heapq probe NODE` finds out what a \
                device takes, a rule in a policy says it";
    assert!(words(text).iter().any(|other| other == line), "{:?}", words(text));
}

#[test]
fn nothing_is_copied_out_of_protected_memory() {
    let heaps = "[[heap]]\nname = 'tee'\nprotected = true\naccess = ['none']\n\
                 [[heap]]\nname = 'system'\n";
    let decoder = "[[participant]]\nname = 'decoder'\nprotected = 'required'\nmin-size = 9\n";
    let either = "[[participant]]\nname = 'display'\nprotected = 'accepted'\n";
    let recorder = "[[participant]]\nname = 'recorder'\nusage = ['cpu-read']\n";
    let copies = |participants: [&str; 3]| -> Vec<String> {
        let lines = words(&format!("{heaps}{}", participants.concat())).into_iter();
        lines.skip_while(|line| line != "or with copies:").skip(1).collect()
    };
    assert!(copies([decoder, either, recorder]).is_empty());
    assert!(copies([either, decoder, recorder]).is_empty());
    // Into it is another matter.
    assert_eq!(
        copies([recorder, either, decoder]),
        [
            "  recorder and display share system",
            "  a copy from display to decoder: 9 bytes a frame",
            "  decoder uses tee",
        ]
    );
}

#[test]
fn a_copy_between_two_formats_is_called_a_conversion() {
    let of = |name: &str, fourcc: &str, more: &str| {
        format!(
            "[[participant]]\nname = '{name}'\nmin-size = 9\n{more}[[participant.format]]\nfourcc = '{fourcc}'\n"
        )
    };
    let bytes = "[[participant]]\nname = 'bytes'\nheaps = ['b']\n";
    let tiled = of("gpu", "XR24", "") + "modifiers = ['TILED']\n";
    let lines = words(&format!(
        "[[heap]]\nname = 'a'\n[[heap]]\nname = 'b'\n{}{tiled}{}{bytes}",
        of("camera", "YUYV", ""),
        of("display", "XR24", "heaps = ['a']\n"),
    ));
    let from = lines.iter().position(|line| line == "or with copies and conversions:").unwrap();
    assert_eq!(
        lines[from + 1..],
        [
            "  camera uses a as YUYV",
            "  a conversion from camera to gpu: 9 bytes a frame",
            "  gpu uses a as XR24 (TILED)",
            "  a conversion from gpu to display: 9 bytes a frame",
            "  display uses a as XR24",
            "  a copy from display to bytes: 9 bytes a frame",
            "  bytes uses b",
        ]
    );
}

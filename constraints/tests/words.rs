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
    let said = "  display says nothing else, which means protected = \"refused\" (the default)";
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
fn a_machine_without_heaps_is_said_to_have_none() {
    let lines = words("[[participant]]\nname = 'a'\nmin-size = 1\n");
    assert_eq!(lines, ["this machine offers no heap that anybody could use"]);
}

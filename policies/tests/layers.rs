//! Which files take part, which replace which, and what becomes of those that cannot be used.

mod common;

use common::{Layers, kernel, with};
use heapq_policies::{Code, FileState, load, load_files, render};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

fn weight(layers: &Layers, heap: &str) -> i64 {
    layers.load().set.heap(heap, kernel("6.12")).heap.weight
}

fn rule(weight: i64) -> String {
    format!("[[heap]]\nname = \"system\"\nweight = {weight}\n")
}

#[test]
fn file_names_decide_over_all_layers() {
    let layers = Layers::new(2);
    layers.write(1, "20-low.toml", &rule(1));
    layers.write(0, "40-high.toml", &rule(2));
    assert_eq!(weight(&layers, "system"), 2, "40- is behind 20-, though its directory is lower");
    layers.write(1, "40-high.toml", &rule(3));
    assert_eq!(weight(&layers, "system"), 3, "the same name replaces");
    layers.write(1, "40-high.toml", "");
    assert_eq!(weight(&layers, "system"), 1, "an empty file masks");
    let loaded = layers.load();
    let file = loaded.files.iter().find(|file| &*file.name == "40-high.toml").unwrap();
    assert_eq!(file.state, FileState::Masked);
    assert_eq!(*file.replaces[0], *layers.dirs[0].join("40-high.toml").to_string_lossy());
}

#[test]
fn more_edges_than_a_graph_takes_are_the_later_files_fault() {
    let layers = Layers::new(1);
    let edges = |count: usize| "[[compatibility]]\nfrom = \"a\"\nto = \"b\"\n".repeat(count);
    layers.write(0, "50-many.toml", &edges(3000));
    layers.write(0, "60-too-many.toml", &edges(2000));
    layers.write(0, "70-few.toml", &edges(10));
    let loaded = layers.load();
    let [complaint] = &*loaded.diagnostics else { panic!("{:#?}", loaded.diagnostics) };
    assert_eq!(complaint.code, Code::TooLarge);
    assert!(complaint.file.ends_with("60-too-many.toml"), "{complaint:?}");
    assert_eq!(loaded.set.edges().len(), 3010 + load(&[]).set.edges().len());
}

#[test]
fn a_link_to_dev_null_masks_a_compiled_in_file() {
    let layers = Layers::new(1);
    std::os::unix::fs::symlink("/dev/null", layers.dirs[0].join("10-generic.toml")).unwrap();
    let loaded = layers.load();
    assert_eq!(loaded.diagnostics, []);
    assert!(!loaded.set.heap("system", kernel("6.12")).known);
}

#[test]
fn a_link_to_a_file_is_that_file() {
    let layers = Layers::new(1);
    let target = layers.top().join("elsewhere");
    std::fs::write(&target, rule(7)).unwrap();
    std::os::unix::fs::symlink(&target, layers.dirs[0].join("50-link.toml")).unwrap();
    assert_eq!(weight(&layers, "system"), 7);
}

#[test]
fn a_file_with_an_error_is_left_out_whole_and_the_rest_goes_on() {
    let layers = Layers::new(1);
    layers.write(0, "50-wrong.toml", &format!("{}weihgt = 9\n", rule(5)));
    layers.write(0, "60-right.toml", &rule(6).replace("system", "other"));
    let loaded = layers.load();
    let [complaint] = &*loaded.diagnostics else { panic!("{:#?}", loaded.diagnostics) };
    assert_eq!((complaint.code, complaint.line), (Code::UnknownKey, 4));
    assert_eq!(loaded.set.heap("system", kernel("6.12")).heap.weight, 0);
    assert_eq!(loaded.set.heap("other", kernel("6.12")).heap.weight, 6);
    let states: Vec<FileState> = loaded.files.iter().rev().take(2).map(|file| file.state).collect();
    assert_eq!(states, [FileState::Used, FileState::LeftOut]);
}

#[test]
fn a_broken_file_does_not_bring_back_what_it_replaces() {
    let layers = Layers::new(2);
    layers.write(0, "50-a.toml", &rule(5));
    layers.write(1, "50-a.toml", "[[heap]\n");
    assert_eq!(weight(&layers, "system"), 0);
}

#[test]
fn files_that_are_no_policy_files_are_said_by_name() {
    let layers = Layers::new(1);
    let dir = &layers.dirs[0];
    std::fs::create_dir(dir.join("50-dir.toml")).unwrap();
    layers.write(0, "51-large.toml", &format!("#{}", "x".repeat(10_000_000)));
    std::fs::write(dir.join("52-bytes.toml"), b"# fine\nname = \"\xff\"\n").unwrap();
    std::os::unix::fs::symlink("nowhere", dir.join("53-dangling.toml")).unwrap();
    std::os::unix::fs::symlink("54-loop.toml", dir.join("54-loop.toml")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(dir.join("55-pipe.toml")).status();
    assert!(pipe.unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", dir.join("56-zero.toml")).unwrap();
    let strange = std::ffi::OsString::from_vec(b"57-\xff.toml".to_vec());
    std::fs::write(dir.join(strange), rule(9)).unwrap();
    layers.write(0, "README", "no policy");
    layers.write(0, ".58-editor.toml", "no policy");
    layers.write(0, "90-last.toml", &rule(3));

    let loaded = layers.load();
    let mut found: Vec<(String, Code, u32)> = loaded
        .diagnostics
        .iter()
        .map(|one| {
            let name = PathBuf::from(&*one.file).file_name().unwrap().to_owned();
            (name.to_string_lossy().into_owned(), one.code, one.line)
        })
        .collect();
    found.sort();
    let expected = [
        ("50-dir.toml", Code::NotAFile, 0),
        ("51-large.toml", Code::TooLarge, 0),
        ("52-bytes.toml", Code::NotUtf8, 2),
        ("53-dangling.toml", Code::Unreadable, 0),
        ("54-loop.toml", Code::Unreadable, 0),
        ("55-pipe.toml", Code::NotAFile, 0),
        ("56-zero.toml", Code::NotAFile, 0),
        ("57-\u{fffd}.toml", Code::NameNotUtf8, 0),
    ];
    assert_eq!(found, expected.map(|(name, code, line)| (name.to_owned(), code, line)));
    assert_eq!(loaded.set.heap("system", kernel("6.12")).heap.weight, 3, "the rest goes on");
    for diagnostic in &loaded.diagnostics {
        assert!(render(diagnostic, false).contains(diagnostic.code.as_str()));
    }
}

#[test]
fn directories_that_are_none() {
    let layers = Layers::new(1);
    let file = layers.write(0, "a", "");
    let loaded = load(&[layers.top().join("absent"), file]);
    let [complaint] = &*loaded.diagnostics else { panic!("{:#?}", loaded.diagnostics) };
    assert_eq!(complaint.code, Code::Unreadable);
}

#[test]
fn hostile_texts_are_complaints() {
    let path = vec!["a"; 79].join(".");
    for text in [
        format!("[[device]]\nmatch = {}", format!("{{ {path} = ").repeat(79)),
        "[".repeat(500_000),
        "[[heap]]\n".repeat(100_000),
        "[[heap]]\nname = \"a\"\nname = \"b\"\n".repeat(30_000),
        format!("[[heap]]\nname = \"{}\"", "*a".repeat(400_000)),
        format!("[[device]]\nmatch = {{ path = \"{}\" }}", "*".repeat(100_000)),
        "heap = 3\ndevice = [1, 2]\ncompatibility = { from = 1 }\n".to_owned(),
        "\u{feff}[[heap]]\n".to_owned(),
    ] {
        let layers = Layers::new(1);
        layers.write(0, "50-hostile.toml", &text);
        let loaded = layers.load();
        assert!(!loaded.diagnostics.is_empty(), "{}", &text[..40]);
        for diagnostic in loaded.diagnostics.iter().take(100) {
            assert!(render(diagnostic, true).len() < 20_000);
        }
    }
}

#[test]
fn contradictory_edges_are_kept_for_the_graph_to_judge() {
    let set = with(
        "[[compatibility]]\nfrom = \"a\"\nto = \"b\"\n[[compatibility]]\nfrom = \"b\"\nto = \"a\"\n",
    );
    let edges: Vec<(String, String, String)> = set
        .edges()
        .iter()
        .map(|edge| (edge.from.to_string(), edge.to.to_string(), edge.origin.to_string()))
        .collect();
    assert_eq!((&*edges[0].0, &*edges[0].1, &*edges[1].0), ("a", "b", "b"));
    assert!(edges[1].2.ends_with("50-test.toml:4") || edges[1].2.ends_with("50-test.toml:5"));
}

#[test]
fn single_files_are_checked_without_the_layers() {
    let layers = Layers::new(1);
    let right = layers.write(0, "any-name.txt", &rule(5));
    let wrong = layers.write(0, "wrong.toml", "[[heap]]\nnmae = \"system\"\n");
    let loaded = load_files(&[right, wrong, layers.top().join("absent.toml")]);
    let codes: Vec<Code> = loaded.diagnostics.iter().map(|one| one.code).collect();
    assert_eq!(codes, [Code::MissingKey, Code::UnknownKey, Code::Unreadable]);
    let states: Vec<FileState> = loaded.files.iter().map(|file| file.state).collect();
    assert_eq!(states, [FileState::Used, FileState::LeftOut, FileState::LeftOut]);
    let heap = loaded.set.heap("system", kernel("6.12"));
    assert_eq!((heap.heap.weight, heap.rules.len()), (5, 1), "no shipped rule is in");
}

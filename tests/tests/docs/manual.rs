//! The manual names every option, key, code and member that there is.

use super::programs::{dir, printed};
use super::snippets::loads;
use super::{read, root};
use heapq_policies::{Code, load_files};
use std::collections::BTreeSet;
use std::process::Command;

/// The long options in a program's help.
fn options(help: &str) -> BTreeSet<String> {
    let words = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let long = words.filter_map(|word| word.strip_prefix("--")).filter(|word| !word.is_empty());
    long.map(str::to_owned).collect()
}

/// The commands that a help lists.
fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Whether an mdoc text has the option.
fn has_option(page: &str, option: &str) -> bool {
    let start = format!("Fl -{option}");
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    page.match_indices(&start).any(|(at, found)| ends(&page[at + found.len()..]))
}

/// Whether one of its lines that begin with an `Li`, or have it in an item, has this word.
fn has_literal(page: &str, word: &str) -> bool {
    let lines = page.lines().filter(|line| line.starts_with(".Li ") || line.starts_with(".It Li "));
    lines.flat_map(str::split_whitespace).any(|found| found == word)
}

#[test]
fn every_option_of_heapq_is_in_its_page() {
    let page = read("docs/man/heapq.1");
    let mut options_seen = BTreeSet::new();
    let mut helps = vec![(Vec::new(), printed("heapq", &["--help"]))];
    while let Some((path, help)) = helps.pop() {
        options_seen.extend(options(&help));
        for command in commands(&help).into_iter().filter(|command| command != "help") {
            assert!(page.contains(&format!(".It Cm {command}")) || path == ["policy"], "{command}");
            let path: Vec<String> = path.iter().cloned().chain([command]).collect();
            let mut words: Vec<&str> = path.iter().map(String::as_str).collect();
            words.push("--help");
            let help = printed("heapq", &words);
            helps.push((path, help));
        }
    }
    assert!(options_seen.len() >= 20, "{options_seen:?}");
    for option in options_seen {
        assert!(has_option(&page, &option), "heapq.1 does not name --{option}");
    }
}

#[test]
fn every_option_of_heapqd_is_in_its_page() {
    let page = read("docs/man/heapqd.8");
    let options = options(&printed("heapqd", &["--help"]));
    assert!(options.len() >= 8, "{options:?}");
    for option in options {
        assert!(has_option(&page, &option), "heapqd.8 does not name --{option}");
    }
}

/// The keys that a table takes, as the complaint about one that it does not take lists them.
fn known(policy: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("50-probe.toml");
    std::fs::write(&file, policy).unwrap();
    let helps = load_files(&[file]).diagnostics.into_iter().filter_map(|one| one.help);
    let list = helps.filter_map(|help| help.strip_prefix("known: ").map(str::to_owned)).next();
    let list = list.unwrap_or_else(|| panic!("no list of keys for {policy}"));
    list.split(", ").map(str::to_owned).collect()
}

#[test]
fn every_key_and_code_of_policies_is_in_their_page() {
    let page = read("docs/man/heapq-policy.5");
    for policy in [
        "[[heap]]\nzzzzzzzzzzzzzzzzzzzz = 1\n",
        "[[compatibility]]\nzzzzzzzzzzzzzzzzzzzz = 1\n",
        "[[device]]\nzzzzzzzzzzzzzzzzzzzz = 1\n",
        "[[device]]\nmatch = { zzzzzzzzzzzzzzzzzzzz = 1 }\n",
        "[[grant]]\nzzzzzzzzzzzzzzzzzzzz = 1\n",
    ] {
        let keys = known(policy);
        assert!(keys.len() >= 2, "{keys:?}");
        for key in keys {
            assert!(has_literal(&page, &key), "heapq-policy.5 does not name {key}");
        }
    }
    for code in Code::ALL {
        assert!(has_literal(&page, code.as_str()), "heapq-policy.5 does not name {code}");
    }
}

#[test]
fn the_example_of_the_policies_page_loads() {
    let page = read("docs/man/heapq-policy.5");
    let (_, examples) = page.split_once(".Sh EXAMPLES\n").unwrap();
    let (_, block) = examples.split_once(".Bd -literal -offset indent\n").unwrap();
    let (text, _) = block.split_once(".Ed\n").unwrap();
    assert!(!text.contains('\\') && !text.contains("\n."), "the text is shown as it stands");
    for table in ["[[heap]]", "[[compatibility]]", "[[device]]", "[[grant]]"] {
        assert!(text.contains(table), "{table}");
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("50-acme-kiosk.toml");
    std::fs::write(&file, text).unwrap();
    loads("heapq-policy.5", &file);
}

#[test]
fn every_member_of_the_interface_is_in_its_page() {
    let page = read("docs/man/org.heapq.Allocator1.5");
    let xml = read("dbus/data/org.heapq.Allocator1.xml");
    let mut members = 0;
    for kind in ["interface", "method", "property"] {
        let start = format!("<{kind} name=\"");
        for name in xml.split(&start).skip(1).filter_map(|rest| rest.split('"').next()) {
            let named = has_literal(&page, name) || page.contains(&format!(".It Fn {name}\n"));
            assert!(named, "org.heapq.Allocator1.5 does not name the {kind} {name}");
            members += 1;
        }
    }
    assert!(members >= 25, "{members}");
}

#[test]
fn every_page_is_installed() {
    let destination = tempfile::tempdir().unwrap();
    let mut install = Command::new(root().join("tests/tools/install.sh"));
    install.arg(dir()).arg(destination.path()).arg("/usr");
    assert!(install.status().unwrap().success());
    let pages = std::fs::read_dir(root().join("docs/man")).unwrap();
    let pages: Vec<String> =
        pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(pages.len(), 4, "{pages:?}");
    for page in pages {
        let (_, section) = page.rsplit_once('.').unwrap();
        let installed = format!("usr/share/man/man{section}/{page}");
        assert!(destination.path().join(&installed).is_file(), "{installed}");
    }
}

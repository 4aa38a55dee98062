//! The JSON Schema takes what the checker takes, and refuses what it refuses.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use heapq_constraints::value::{Node, Table, Value};
use heapq_policies::{Severity, document, load_files, schema};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

fn validator() -> jsonschema::Validator {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::draft202012::new(&schema).unwrap()
}

/// A TOML text as JSON has it.
fn as_json(text: &str) -> Option<Json> {
    document::parse(text).ok().map(|table| of_table(&table))
}

fn of_table(table: &Table) -> Json {
    table.entries.iter().map(|one| (one.key.clone(), of_node(&one.node))).collect()
}

fn of_node(node: &Node) -> Json {
    match &node.value {
        Value::Bool(flag) => json!(flag),
        Value::Integer(number) => json!(i64::try_from(*number).unwrap_or(i64::MAX)),
        Value::Text(text) => json!(text),
        Value::List(items) => items.iter().map(of_node).collect(),
        Value::Table(inner) => of_table(inner),
        Value::Unfit(_) => json!(1.5),
    }
}

/// Whether the checker has no error to tell of a text.
fn is_right(text: &str) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("50-any.toml");
    std::fs::write(&file, text).unwrap();
    load_files(&[file]).diagnostics.iter().all(|one| one.severity() != Severity::Error)
}

fn files(below: &str) -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join(below);
    let paths = std::fs::read_dir(top).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    paths.sort();
    paths
}

#[test]
fn shipped_files_are_valid() {
    let validator = validator();
    for file in files("shipped") {
        let json = as_json(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&json).map(|error| error.to_string()).take(3).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
    }
}

#[test]
fn broken_files_are_not() {
    let validator = validator();
    let mut refused = 0;
    for file in files("tests/broken") {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let Some(json) = as_json(&text) else { continue };
        let right = is_right(&text);
        assert_eq!(validator.is_valid(&json), right, "{}", file.display());
        refused += usize::from(!right);
    }
    assert!(refused >= 10, "{refused}");
}

/// Values of every kind, one of which each key takes.
const VALUES: [&str; 30] = [
    "true",
    "false",
    "0",
    "1",
    "-1",
    "64",
    "65",
    "5000000000",
    "1.5",
    "\"\"",
    "\"system\"",
    "\"*\"",
    "\"required\"",
    "\"scanout\"",
    "\"contiguous\"",
    "\"attribute.tiling\"",
    "\">=6.1 <6.17\"",
    "[]",
    "[\"system\"]",
    "[\"coherent\", \"sync\"]",
    "[\"scanout\", 1]",
    "[[0, 4096]]",
    "[[0, 1, 2]]",
    "{}",
    "{ driver = \"x\" }",
    "[{ usage = [\"scanout\"] }]",
    "{ tiling = [\"x\"] }",
    "{ how = \"GBM\", cached = false }",
    "[{ fourcc = \"NV12\", planes = \"separate\", plane = { 1 = { contiguous = true } } }]",
    "[{ fourcc = \"NV12345\" }]",
];

/// For every key of the schema: the checker and the schema agree on every value.
#[test]
fn each_key_takes_in_the_schema_what_it_takes_in_the_checker() {
    let validator = validator();
    let schema = schema();
    let rules = [
        ("heap", "name = \"a\"\n", &schema["properties"]["heap"]["items"]),
        (
            "device",
            "match = { driver = \"x\" }\n",
            &schema["properties"]["device"]["items"]["else"],
        ),
        ("grant", "users = [0]\nallocate = true\n", &schema["properties"]["grant"]["items"]),
        (
            "compatibility",
            "from = \"a\"\nto = \"b\"\n",
            &schema["properties"]["compatibility"]["items"],
        ),
    ];
    let mut taken = 0;
    for (table, least, rule) in rules {
        for key in rule["properties"].as_object().unwrap().keys() {
            let others = least.lines().filter(|line| !line.starts_with(&format!("{key} =")));
            let others: String = others.map(|line| format!("{line}\n")).collect();
            let others = if key == "names" { String::new() } else { others };
            let mut some = false;
            for value in VALUES {
                let text = format!("[[{table}]]\n{others}{key} = {value}\n");
                let json = as_json(&text).unwrap();
                let right = is_right(&text);
                assert_eq!(validator.is_valid(&json), right, "{text}");
                some |= right;
            }
            assert!(some, "no value serves {table}.{key}");
            taken += 1;
        }
    }
    assert!(taken >= 50, "{taken}");
}

#[test]
fn what_values_mean_together_only_the_checker_knows() {
    let text = "[[heap]]\nname = \"a\"\naddress-window = [[8, 4]]\n";
    assert!(validator().is_valid(&as_json(text).unwrap()) && !is_right(text));
}

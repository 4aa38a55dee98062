//! Well-formed messages that ask for what must not be.

use super::Attack;
use super::way::{Dictionary, Way, hear, modest, with};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::collections::HashMap;
use std::os::fd::AsFd;
use zbus::Variant;
use zbus::wire::{Fd, Signature, Type};

pub(super) const ALL: &[Attack] = &[
    ("keys that no participant has", unknown_keys),
    ("options that no request has", unknown_options),
    ("every kind of value for every key", wrong_types),
    ("ten thousand participants", many_participants),
    ("variants within variants", deep_variants),
    ("huge strings", huge_strings),
    ("huge lists", huge_lists),
    ("doubles that are no numbers", doubles),
    ("the largest numbers", largest_numbers),
    ("a key that stands twice", duplicate_keys),
    ("descriptors of everything as device", descriptors_of_the_wrong_kind),
    ("descriptors for every key", descriptors_everywhere),
    ("names with control characters", odd_names),
    ("leases that are guessed", forged_leases),
    ("leases that were given back", replayed_leases),
    ("wrong signatures", wrong_signatures),
    ("options of Connect that there are not", wrong_connects),
];

const KEYS: [&str; 12] = [
    "name",
    "device",
    "driver",
    "usage",
    "optional",
    "alternatives",
    "format",
    "contiguous",
    "min-size",
    "heaps",
    "address-bits",
    "held",
];

/// The answer to a question with this participant must be an error that says `words`.
fn refused(way: &Way, participants: &[Dictionary<'_>], words: &str) {
    let mut raw = way.open();
    raw.say(&way.call("Plan", &(participants, Dictionary::new())));
    let said = hear(&mut raw, words);
    assert!(said.contains("org.heapq.Error") && said.contains(words), "{words}: {said}");
}

fn unknown_keys(way: &Way) {
    refused(way, &with("colour", Variant::from("red")), "colour");
    refused(way, &with("min_size", Variant::U64(1)), "min_size");
}

fn unknown_options(way: &Way) {
    let mut raw = way.open();
    let options = HashMap::from([("bribe", Variant::U64(1))]);
    raw.say(&way.call("Allocate", &(with("held", Variant::U32(1)), options)));
    assert!(hear(&mut raw, "bribe").contains("bribe"));
}

fn wrong_types(way: &Way) {
    let mut raw = way.open();
    for key in KEYS {
        for value in [
            Variant::Bool(true),
            Variant::I32(-1),
            Variant::U64(u64::MAX),
            Variant::F64(0.5),
            Variant::from(""),
            Variant::from(vec!["a"; 3]),
            Variant::from(vec![1_u8; 3]),
            Variant::from(HashMap::from([("a", 1_u32)])),
            Variant::from((1_u32, "two", 3.0)),
            Variant::from(Signature::U8),
            Variant::from(zbus::wire::ObjectPath::try_from("/a").unwrap()),
        ] {
            raw.say(&way.call("Plan", &(with(key, value), Dictionary::new())));
            assert!(!raw.hear().is_empty(), "{key}");
        }
    }
}

fn many_participants(way: &Way) {
    let names: Vec<String> = (0..10_000).map(|number| format!("p{number}")).collect();
    let one = |name| HashMap::from([("name", Variant::from(name)), ("held", Variant::U32(0))]);
    // What a private socket takes in one message is less.
    let count = if matches!(way, Way::Bus(_)) { 10_000 } else { 2_000 };
    let all: Vec<Dictionary<'_>> = names[..count].iter().map(|name| one(name.as_str())).collect();
    refused(way, &all, "TooMany");
}

fn deep_variants(way: &Way) {
    let mut deep = Variant::U32(1);
    for _ in 0..40 {
        deep = Variant::Variant(Box::new(deep));
    }
    refused(way, &with("min-size", deep), "TooMany");
}

fn huge_strings(way: &Way) {
    let long = "x".repeat(200 << 10);
    for key in ["name", "device", "usage"] {
        refused(way, &[HashMap::from([(key, Variant::from(long.as_str()))])], "TooMany");
    }
}

fn huge_lists(way: &Way) {
    for list in [Variant::from(vec![7_u8; 100 << 10]), Variant::from(vec!["a"; 20 << 10])] {
        refused(way, &with("heaps", list), "TooMany");
    }
}

fn doubles(way: &Way) {
    for number in [f64::NAN, f64::INFINITY, -0.0, 1e300] {
        refused(way, &with("min-count", Variant::F64(number)), "floating-point");
    }
}

fn largest_numbers(way: &Way) {
    let mut raw = way.open();
    for key in ["min-size", "min-count", "held", "size-alignment", "padding"] {
        for number in [u64::MAX, u64::MAX / 2 + 1, 1 << 63, 1 << 40] {
            let question = (with(key, Variant::U64(number)), Dictionary::new());
            raw.say(&way.call("Plan", &question));
            assert!(!raw.hear().is_empty());
            raw.say(&way.call("Allocate", &question));
            let said = raw.hear();
            let granted = said.windows(10).any(|part| part == b"\x05\0\0\0lease\0");
            assert!(!granted, "{key} = {number}");
        }
    }
}

/// A dictionary whose only key stands twice.
struct Twice;

impl Type for Twice {
    const SIGNATURE: &'static Signature = <Dictionary<'_> as Type>::SIGNATURE;
}

impl Serialize for Twice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &Variant::from("one"))?;
        map.serialize_entry("name", &Variant::from("other"))?;
        map.end()
    }
}

fn duplicate_keys(way: &Way) {
    let mut raw = way.open();
    raw.say(&way.call("Plan", &(vec![Twice], Dictionary::new())));
    assert!(hear(&mut raw, "twice").contains("twice"));
}

fn descriptors_of_the_wrong_kind(way: &Way) {
    use rustix::fs::{Mode, OFlags, open};
    let (pipe, _other) = rustix::pipe::pipe().unwrap();
    let (socket, _far) = std::os::unix::net::UnixStream::pair().unwrap();
    let memory = rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let opened = |path: &str, flags| open(path, flags, Mode::empty()).unwrap();
    for (descriptor, words) in [
        (pipe, "no character device"),
        (socket.into(), "no character device"),
        (memory, "no character device"),
        (opened("/", OFlags::DIRECTORY), "no character device"),
        (opened("/dev/null", OFlags::PATH), "O_PATH"),
        (opened("/dev/zero", OFlags::RDONLY), "UnknownDevice"),
    ] {
        let mut raw = way.open();
        let question = with("device", Variant::Fd(Fd::from(&descriptor)));
        raw.say_with(&way.call("Plan", &(question, Dictionary::new())), &[descriptor.as_fd()]);
        let said = hear(&mut raw, words);
        assert!(said.contains(words), "{words}: {said}");
    }
}

fn descriptors_everywhere(way: &Way) {
    let mut raw = way.open();
    let stdin = std::io::stdin();
    for key in KEYS {
        let question = with(key, Variant::Fd(Fd::from(&stdin)));
        raw.say_with(&way.call("Plan", &(question, Dictionary::new())), &[stdin.as_fd()]);
        assert!(!raw.hear().is_empty(), "{key}");
    }
}

fn odd_names(way: &Way) {
    for name in ["", "a\nb", "\u{202e}", "\u{1b}[2J", "../../etc/passwd", "%s%n"] {
        let mut raw = way.open();
        let participant = HashMap::from([
            ("name", Variant::from(name)),
            ("device", Variant::from(name)),
            ("min-size", Variant::U64(1)),
        ]);
        raw.say(&way.call("Plan", &(vec![participant], Dictionary::new())));
        assert!(!raw.hear().is_empty());
    }
}

fn forged_leases(way: &Way) {
    let mut raw = way.open();
    for lease in (0..100).chain([u64::MAX, 1 << 52, (1 << 53) - 1]) {
        for body in [way.call("Release", &lease), way.call("GetBuffers", &(lease, 0_u32))] {
            raw.say(&body);
            let said = hear(&mut raw, "UnknownLease");
            assert!(said.contains("UnknownLease"), "{lease}: {said}");
        }
    }
}

/// The lease that an answer tells of.
fn lease(answer: &[u8]) -> u64 {
    // The key, its end, the variant's signature `t`, and the number at the next multiple of 8: the
    // body begins at one.
    let at = answer.windows(6).position(|part| part == b"lease\0").unwrap() + 6;
    let number = (at + 3).next_multiple_of(8);
    u64::from_le_bytes(answer[number..number + 8].try_into().unwrap())
}

fn replayed_leases(way: &Way) {
    let (mut holder, mut thief) = (way.open(), way.open());
    holder.say(&way.call("Allocate", &modest()));
    let lease = lease(&holder.hear());
    thief.say(&way.call("Release", &lease));
    assert!(hear(&mut thief, "UnknownLease").contains("UnknownLease"));
    holder.say(&way.call("Release", &lease));
    holder.hear();
    holder.say(&way.call("Release", &lease));
    assert!(hear(&mut holder, "UnknownLease").contains("UnknownLease"));
}

fn wrong_signatures(way: &Way) {
    let mut raw = way.open();
    for member in ["Plan", "Allocate", "GetBuffers", "Release", "Connect"] {
        raw.say(&way.call(member, &("nonsense", 7_u8, vec![1.5])));
        let said = hear(&mut raw, "InvalidArgs");
        assert!(said.contains("InvalidArgs"), "{member}: {said}");
    }
}

fn wrong_connects(way: &Way) {
    let mut raw = way.open();
    for (key, value) in [
        ("max-fds", Variant::U32(0)),
        ("max-fds", Variant::U32(254)),
        ("max-fds", Variant::from("many")),
        ("uid", Variant::U32(0)),
    ] {
        raw.say(&way.call("Connect", &HashMap::from([(key, value)])));
        assert!(hear(&mut raw, "InvalidConstraint").contains(key));
    }
}

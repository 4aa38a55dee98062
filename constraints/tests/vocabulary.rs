//! What the reader accepts, and the key that each complaint names.

mod common;

use common::table;
use heapq_constraints::fact::{AccessSet, Pick, Planes, Protection};
use heapq_constraints::question::{Usage, Usages};
use heapq_constraints::value::{Table, Value};
use heapq_constraints::vocabulary::{self, Invalid};
use heapq_constraints::{Constraint, Fact, Origin, Participant};

fn client(_: Option<heapq_constraints::value::Place>) -> Origin {
    Origin::Client
}

fn participant(text: &str) -> Result<Participant, Vec<Invalid>> {
    vocabulary::participant(&table(&format!("name = \"p\"\n{text}")), &client)
}

fn keys(complaints: Vec<Invalid>) -> Vec<String> {
    complaints.into_iter().map(|complaint| complaint.key).collect()
}

#[test]
fn every_plain_key_states_its_constraint() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect::<Vec<_>>();
    let table = [
        ("link = []", Constraint::Link(vec![])),
        ("heaps = ['a', 'b']", Constraint::Heaps(names(&["a", "b"]))),
        ("avoid = ['a']", Constraint::Avoid(names(&["a"]))),
        ("prefer = ['a']", Constraint::Prefer(names(&["a"]))),
        ("contiguous = true", Constraint::Contiguous(true)),
        ("address-bits = 32", Constraint::AddressBits(32)),
        ("base-alignment = 3", Constraint::BaseAlignment(3)),
        (
            "access = ['sync', 'none']",
            Constraint::Access(AccessSet { coherent: false, sync: true, none: true }),
        ),
        ("dma-coherent = false", Constraint::DmaCoherent(false)),
        ("protected = 'accepted'", Constraint::Protected(Protection::Accepted)),
        ("held = 4294967295", Constraint::Held(u32::MAX)),
        ("dedicated = 1", Constraint::Dedicated(1)),
        ("shared = 2", Constraint::Shared(2)),
        ("min-count = 0", Constraint::MinCount(0)),
        ("max-count = 1", Constraint::MaxCount(1)),
        ("min-size = 0", Constraint::MinSize(0)),
        ("max-size = 9223372036854775807", Constraint::MaxSize(u64::MAX / 2)),
        ("padding = 64", Constraint::Padding(64)),
        ("attribute.x = ['y']", Constraint::Attribute("x".into(), names(&["y"]))),
        ("unknown = true", Constraint::Unknown(true)),
    ];
    for (text, constraint) in table {
        let read = participant(text).unwrap();
        assert_eq!(read.facts, [Fact { constraint, origin: Origin::Client }], "{text}");
    }
}

#[test]
fn a_format_entry_is_read_whole() {
    let read = participant(
        "[[format]]\nfourcc = 'NV12'\nmodifiers = ['*', '0x1']\nmin-extent = [1, 2]\n\
         max-extent = [3, 4]\nmust-fit = [[1, 2]]\nextent-alignment = [2, 4]\nmin-stride = 0\n\
         max-stride = 9\nstride-alignment = 3\nwhole-pixel-rows = true\noffset-alignment = 8\n\
         planes = 'separate'\nplane = { 1 = { avoid = ['x'] } }\napart = [[0, 1]]",
    );
    let read = read.unwrap();
    let Constraint::Format(entries) = &read.facts[0].constraint else { panic!("{read:?}") };
    let entry = &entries[0];
    assert_eq!(entry.fourcc, Pick::One("NV12".into()));
    assert_eq!(entry.modifiers, [Pick::Any, Pick::One("0x1".into())]);
    assert_eq!((entry.min_extent, entry.max_extent), (Some([1, 2]), Some([3, 4])));
    assert_eq!((entry.must_fit.as_slice(), entry.extent_alignment), (&[[1, 2]][..], Some([2, 4])));
    assert_eq!((entry.min_stride, entry.max_stride), (Some(0), Some(9)));
    assert_eq!((entry.stride_alignment, entry.whole_pixel_rows), (Some(3), true));
    assert_eq!((entry.offset_alignment, entry.planes), (Some(8), Some(Planes::Separate)));
    assert_eq!(entry.plane[&1], [Constraint::Avoid(vec!["x".into()])]);
    assert_eq!(entry.apart, [[0, 1]]);
}

#[test]
fn alternatives_are_read_with_usage_and_driver() {
    let read = participant("alternatives = [{ usage = ['decode'], driver = 'd' }, { held = 1 }]");
    let read = read.unwrap();
    assert_eq!(read.alternatives[0].usage, Usages::from_iter([Usage::Decode]));
    assert_eq!(read.alternatives[0].driver.as_deref(), Some("d"));
    assert_eq!(read.alternatives[1].facts[0].constraint, Constraint::Held(1));
}

#[test]
fn complaints_name_the_key() {
    let table = [
        ("contigous = true", "p.contigous"),
        ("contiguous = 1", "p.contiguous"),
        ("held = -1", "p.held"),
        ("held = 4294967296", "p.held"),
        ("max-count = 0", "p.max-count"),
        ("address-bits = 0", "p.address-bits"),
        ("address-bits = 65", "p.address-bits"),
        ("base-alignment = 0", "p.base-alignment"),
        ("min-size = 1.5", "p.min-size"),
        ("heaps = []", "p.heaps"),
        ("heaps = ['']", "p.heaps"),
        ("heaps = 'system'", "p.heaps"),
        ("access = []", "p.access"),
        ("access = ['cached']", "p.access"),
        ("address-window = []", "p.address-window"),
        ("address-window = [[1, 1]]", "p.address-window"),
        ("address-window = [[2, 1]]", "p.address-window"),
        ("address-window = [[1, 2, 3]]", "p.address-window"),
        ("attribute.x = []", "p.attribute.x"),
        ("attribute = 1", "p.attribute"),
        ("usage = ['encoding']", "p.usage"),
        ("protected = 'no'", "p.protected"),
        ("usage = ['cpu-read']\nprotected = 'required'", "p.protected"),
        ("usage = ['cpu-read']\naccess = ['none', 'none']", "p.access"),
        ("format = []", "p.format"),
        ("format = 'NV12'", "p.format"),
        ("alternatives = [1]", "p.alternatives"),
        ("held = 1\nalternatives = [{ held = 1 }]", "p.alternatives.held"),
        (
            "attribute.a = ['x']\nalternatives = [{ attribute.a = ['x'] }]",
            "p.alternatives.attribute.a",
        ),
        ("alternatives = [{ optional = true }]", "p.alternatives.optional"),
        ("alternatives = [{ max-count = 0 }]", "p.alternatives.max-count"),
        ("usage = ['cpu-read']\nalternatives = [{ access = ['none'] }]", "p.alternatives.access"),
    ];
    for (text, key) in table {
        assert_eq!(keys(participant(text).unwrap_err()), [key], "{text}");
    }
}

#[test]
fn complaints_about_formats_name_the_key() {
    let table = [
        ("", "p.format.fourcc"),
        ("fourcc = 'NV123'", "p.format.fourcc"),
        ("fourcc = 'NV12'\nmodifiers = []", "p.format.modifiers"),
        ("fourcc = 'NV12'\nmodifiers = ['0xg']", "p.format.modifiers"),
        ("fourcc = 'NV12'\nmin-extent = [0, 1]", "p.format.min-extent"),
        ("fourcc = 'NV12'\nmust-fit = [[1]]", "p.format.must-fit"),
        ("fourcc = 'NV12'\nextent-alignment = [3, 2]", "p.format.extent-alignment"),
        ("fourcc = 'NV12'\nstride-alignment = 0", "p.format.stride-alignment"),
        ("fourcc = 'NV12'\nplane = { 0 = {} }", "p.format.plane"),
        ("fourcc = 'NV12'\nplane = { 4 = {} }\nplanes = 'separate'", "p.format.plane"),
        (
            "fourcc = 'NV12'\nplane = { 0 = { held = 1 } }\nplanes = 'separate'",
            "p.format.plane.held",
        ),
        ("fourcc = 'NV12'\napart = [[4]]", "p.format.apart"),
        ("fourcc = 'NV12'\nblock = [4, 1]", "p.format.block"),
        ("fourcc = '*'\nblock = [4, 1]", "p.format.block"),
        ("fourcc = 'XR24'\nblock = [4, 4]", "p.format.block"),
        ("fourcc = 'XR24'\nblock = [4, 1]\nmodifiers = ['*']", "p.format.block"),
        ("fourcc = 'XR24'\nfourc = 1", "p.format.fourc"),
    ];
    for (text, key) in table {
        assert_eq!(keys(participant(&format!("[[format]]\n{text}")).unwrap_err()), [key], "{text}");
    }
}

#[test]
fn entries_may_not_cover_a_pair_twice() {
    let entry = |fourcc: &str, modifiers: &str| {
        format!("[[format]]\nfourcc = '{fourcc}'\nmodifiers = [{modifiers}]\n")
    };
    let table = [
        (entry("XR24", "'*'") + &entry("XR24", "'X'"), false),
        (entry("XR24", "'X'") + &entry("XR24", "'*'"), false),
        (entry("*", "'X'") + &entry("XR24", "'X'"), false),
        (entry("XR24", "'X'") + &entry("*", "'Y', 'X'"), false),
        (entry("XR24", "'0x0'") + &entry("XR24", "'linear'"), false),
        (entry("XR24", "'0x01'") + &entry("XR24", "'0x1'"), false),
        (entry("XR24", "'X'") + &entry("XR24", "'Y'"), true),
        (entry("*", "'X'") + &entry("XR24", "'Y'"), true),
        (entry("XR24", "'X', 'X'") + &entry("AR24", "'*'"), true),
    ];
    for (text, good) in table {
        let read = participant(&text);
        assert_eq!(
            read.map(|_| ()).map_err(keys),
            if good { Ok(()) } else { Err(vec!["p.format".into()]) },
            "{text}"
        );
    }
}

#[test]
fn heaps_edges_and_requests() {
    let heap = |text: &str| vocabulary::heap(&table(text), &client).map_err(keys);
    let read = heap("name = 'a'\naliases = ['b']\nroles = ['r']\nweight = -2\nfails = 'no-memory'");
    let read = read.unwrap();
    assert_eq!((&*read.name, read.weight, read.bears("b")), ("a", -2, true));
    assert_eq!(
        read.origins.keys().copied().collect::<Vec<_>>(),
        ["aliases", "name", "roles", "weight"]
    );
    let wrong = [
        ("name = 'a'\naccess = []", "heap.a.access"),
        ("name = 'a'\nfails = 'often'", "heap.a.fails"),
        ("name = 'a'\nalignment = 0", "heap.a.alignment"),
        ("name = 'a'\ncontigous = true", "heap.a.contigous"),
        ("contiguous = true", "heap.name"),
    ];
    for (text, key) in wrong {
        assert_eq!(heap(text).unwrap_err(), [key], "{text}");
    }
    let edge = |text: &str| vocabulary::edge(&table(text), &client).map_err(keys);
    assert_eq!(&*edge("from = 'a'\nto = 'b'").unwrap().to, "b");
    assert_eq!(edge("from = 'a'").unwrap_err(), ["compatibility.to"]);
    let request = |text: &str| vocabulary::request(&table(text)).map_err(keys);
    assert_eq!(request("seed-count = 6").unwrap().seed_count, Some(6));
    assert_eq!(request("strict = 1").unwrap_err(), ["request.strict"]);
    assert_eq!(request("stict = true").unwrap_err(), ["request.stict"]);
}

#[test]
fn a_policys_table_has_constraints_only() {
    let facts = |text: &str| vocabulary::facts(&table(text), "rule", &client).map_err(keys);
    assert_eq!(facts("contiguous = true\nattribute.a = ['b']").unwrap().len(), 2);
    assert_eq!(facts("usage = []").unwrap_err(), ["rule.usage"]);
    assert_eq!(facts("[[format]]\nfourcc = 'NV123'").unwrap_err(), ["rule.format.fourcc"]);
}

#[test]
fn what_a_stranger_sends_is_bounded() {
    let long = "x".repeat(257);
    assert_eq!(keys(participant(&format!("heaps = ['{long}']")).unwrap_err()), ["p.heaps"]);
    let many = "'x',".repeat(257);
    let complaint = participant(&format!("heaps = [{many}]")).unwrap_err().remove(0);
    assert!(complaint.rule.contains("256") && complaint.value.len() < 100, "{complaint}");
    let mut extreme = Table::default();
    extreme.push("name", Value::Text("p".into()));
    extreme.push("min-size", Value::Integer(u64::MAX.into()));
    extreme.push("max-size", Value::Integer(i128::MAX));
    let complaints = vocabulary::participant(&extreme, &client).unwrap_err();
    assert_eq!(keys(complaints), ["p.max-size"]);
}

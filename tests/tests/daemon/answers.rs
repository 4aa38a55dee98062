//! Questions over the bus and what comes back, good and bad.

use super::asking::{asked, participant, simple, text, texts};
use super::bus::Bus;
use super::heapqd::{Heapqd, client};
use super::machine::machine;
use heapq_allocator::Outcome;
use heapq_allocator::sys::mapping::Mapping;
use heapq_constraints::answer::Verdict;
use heapq_constraints::value::{Table, Value};
use heapq_dbus::client::{Client, Failure};
use heapq_dbus::error::Error;
use heapq_dbus::wire::answer::read_outcome;
use std::collections::HashMap;
use zbus::Variant;
use zbus::wire::Fd;

#[tokio::test]
async fn a_plan_names_the_heap_and_who_rules_out_the_other() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let contiguous = ("contiguous", Value::Bool(true));
    let question =
        asked(vec![participant("camera", &[contiguous, ("min-size", Value::Integer(100))])]);
    let answer = client(&bus).await.plan(&question).await.unwrap();
    assert_eq!(answer.verdict, Verdict::Ok);
    let plan = answer.plan.unwrap();
    assert_eq!((plan.count, plan.size, plan.allocation_size), (1, 100, 4096));
    assert_eq!(&*plan.candidates[0].heaps[0], "default_cma_region");
    let system = &answer.eliminated[0];
    assert_eq!((&*system.heap, &*system.reasons[0].key), ("system", "contiguous"));
    assert_eq!(&*system.reasons[0].needs[0].participant, "camera");
}

#[tokio::test]
async fn what_one_mapping_writes_another_reads() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let Outcome::Granted(grant) = client.allocate(&simple(3, 8000)).await.unwrap() else {
        panic!("there is memory for 24 kB");
    };
    assert_eq!((grant.buffers.len(), grant.total_buffers), (3, 3));
    assert!(grant.stand_in, "an answer hides that it is no dma-buf");
    for (index, buffer) in (1..).zip(&grant.buffers) {
        let mut writer = Mapping::new(buffer, 8192).unwrap();
        assert!(writer.copy().unwrap().iter().all(|byte| *byte == 0), "not zeroed");
        writer.fill(index);
        let reader = Mapping::new(buffer.try_clone().unwrap(), 8192).unwrap();
        let mut last = [0];
        reader.read_at(8191, &mut last).unwrap();
        assert_eq!(last, [index]);
    }
    client.release(grant.lease).await.unwrap();
    // The buffers are the client's, whatever becomes of the lease.
    Mapping::new(&grant.buffers[0], 8192).unwrap();
}

#[tokio::test]
async fn who_asks_again_is_told_as_much_of_why_there_is_no_memory() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    // All that the machine has, which no quota forbids and no machine can spare.
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
    let total: u64 = meminfo.split_whitespace().nth(1).unwrap().parse().unwrap();
    let size = Variant::U64((total << 10) / 4096 * 4096);
    let camera =
        HashMap::from([("name", "camera".into()), ("contiguous", true.into()), ("min-size", size)]);
    let mut told = Vec::new();
    for _ in 0..3 {
        let proxy = client.proxy();
        let (said, buffers) =
            proxy.allocate(std::slice::from_ref(&camera), &HashMap::new()).await.unwrap();
        assert!(buffers.is_empty());
        let Outcome::NoMemory { answer, tried } = read_outcome(&said, Vec::new()).unwrap() else {
            panic!("{said:?}");
        };
        assert_eq!((&*tried[0].0, tried.len()), ("default_cma_region", 1));
        told.push(answer);
    }
    assert_eq!(&*told[0].eliminated[0].heap, "system");
    assert!(told.iter().all(|answer| *answer == told[0]));
}

#[tokio::test]
async fn forty_buffers_come_in_pages_and_each_is_another() {
    let (bus, root) = (Bus::start(), machine());
    let mut daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let Outcome::Granted(grant) = client.allocate(&simple(40, 4096)).await.unwrap() else {
        panic!("there is memory for 160 kB");
    };
    assert_eq!(grant.buffers.len(), 40);
    let inodes: std::collections::BTreeSet<u64> =
        grant.buffers.iter().map(|fd| rustix::fs::fstat(fd).unwrap().st_ino).collect();
    assert_eq!(inodes.len(), 40);
    for (first, count) in [(15, 14), (32, 8), (39, 1), (40, 0), (u32::MAX, 0)] {
        assert_eq!(client.buffers(grant.lease, first).await.unwrap().len(), count, "from {first}");
    }
    assert!(daemon.is_running(), "the bus has disconnected it");
}

/// The refusal of a question.
async fn refusal(client: &Client, participants: Vec<Table>) -> Error {
    match client.plan(&asked(participants)).await {
        Err(Failure::Refused(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn bad_questions_are_refused_by_key_value_and_nearest_word() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let cases: [(&str, Value, &[&str]); 7] = [
        ("contigous", Value::Bool(true), &["p.contigous", "contiguous"]),
        ("address-bits", Value::Integer(65), &["p.address-bits", "65"]),
        ("address-bits", text("32"), &["p.address-bits", "32"]),
        ("min-size", Value::Integer(-1), &["p.min-size", "-1"]),
        ("max-count", Value::Integer(0), &["p.max-count", "0"]),
        ("usage", texts(&["captrue"]), &["p.usage", "captrue", "capture"]),
        ("heaps", Value::List(Vec::new()), &["p.heaps"]),
    ];
    for (key, value, named) in cases {
        let mut keys = vec![(key, value)];
        if key != "min-size" {
            keys.push(("min-size", Value::Integer(4096)));
        }
        let error = refusal(&client, vec![participant("p", &keys)]).await;
        let Error::InvalidConstraint(words) = &error else { panic!("{key}: {error:?}") };
        for word in named {
            assert!(words.contains(word), "{key}: {words:?} does not name {word}");
        }
    }
}

#[tokio::test]
async fn nobody_says_how_big_is_invalid_and_so_is_size_0() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    for keys in [vec![], vec![("min-size", Value::Integer(0))]] {
        let error = refusal(&client, vec![participant("p", &keys)]).await;
        assert!(
            matches!(&error, Error::InvalidConstraint(words) if words.contains("min-size")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn absurd_sizes_get_no_buffer_and_harm_nobody() {
    let (bus, root) = (Bus::start(), machine());
    let mut daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let before = daemon.descriptors();
    for (count, size) in [(1, 1 << 40), (1, 1 << 62), (u32::MAX, 1 << 30), (1, u64::MAX)] {
        let came = client.allocate(&simple(count, size)).await;
        assert!(!matches!(&came, Ok(Outcome::Granted(_))), "{count} × {size}: {came:?}");
        assert!(!matches!(&came, Err(Failure::Unreachable { .. })), "{count} × {size}: {came:?}");
    }
    assert!(daemon.is_running());
    assert_eq!(daemon.descriptors(), before);
    assert!(matches!(client.allocate(&simple(1, 4096)).await, Ok(Outcome::Granted(_))));
}

#[tokio::test]
async fn unknown_devices_are_errors_and_unknown_heaps_answers() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let size = ("min-size", Value::Integer(4096));
    let keys = [("device", text("/dev/video1")), size.clone()];
    let error = refusal(&client, vec![participant("camera", &keys)]).await;
    let Error::UnknownDevice(words) = &error else { panic!("{error:?}") };
    assert!(words.contains("/dev/video1") && words.contains("/dev/video0"), "{words}");

    let keys = [("heaps", texts(&["sistem"])), size];
    let question = asked(vec![participant("camera", &keys)]);
    let answer = client.plan(&question).await.unwrap();
    assert_eq!(answer.verdict, Verdict::Conflict);
    let absent = answer.eliminated.iter().find(|gone| &*gone.heap == "sistem").unwrap();
    assert_eq!(absent.reasons[0].key, "absent");
}

#[tokio::test]
async fn the_request_is_read_from_the_options() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let mut question = simple(2, 4096);
    question.request.push("limit-total", Value::Integer(4096));
    let answer = client.plan(&question).await.unwrap();
    assert_eq!(answer.verdict, Verdict::Conflict);
    let elements = answer.conflicts.iter().flat_map(|conflict| &conflict.elements);
    assert!(elements.into_iter().any(|element| element.name == "request.limit-total"));

    let mut question = simple(1, 4096);
    question.request.push("limit-totl", Value::Integer(1));
    let refused = client.plan(&question).await;
    let Err(Failure::Refused(Error::InvalidConstraint(words))) = refused else {
        panic!("{refused:?}");
    };
    assert!(words.contains("request.limit-totl") && words.contains("limit-total"), "{words}");
}

/// All that is said of a camera whose node is called so, the reasons included.
async fn said_of(client: &Client, device: Variant<'_>) -> Result<String, Error> {
    let camera = HashMap::from([
        ("name", Variant::from("camera")),
        ("device", device),
        ("min-size", Variant::U64(4096)),
    ]);
    let reply = client.proxy().plan(&[camera], &HashMap::new()).await?;
    Ok(heapq_dbus::wire::answer::json(&reply).to_string())
}

#[tokio::test]
async fn a_node_is_named_by_number_and_by_what_is_open_in_another_mount_namespace_too() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let before = daemon.descriptors();
    let said = said_of(&client, Variant::from("/dev/video0")).await.unwrap();
    assert!(said.contains("\"assumed\":true"), "no device was found: {said}");
    // The machine's camera bears the number of this file; its path means nothing to the daemon.
    let null = std::fs::File::open("/dev/null").unwrap();
    for name in [
        Variant::from("char:1:3"),
        Variant::U64(0x103),
        Variant::U32(0x103),
        Variant::Fd(Fd::from(&null)),
    ] {
        assert_eq!(said_of(&client, name).await.unwrap(), said);
    }
    let zero = std::fs::File::open("/dev/zero").unwrap();
    let unknown = said_of(&client, Variant::Fd(Fd::from(&zero))).await.unwrap_err();
    assert!(matches!(&unknown, Error::UnknownDevice(text) if text.contains("char:1:5")));
    daemon.settles_at(before).await;
}

#[tokio::test]
async fn descriptors_that_prove_no_access_are_refused_with_the_participants_name() {
    use rustix::fs::{Mode, OFlags};
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let opened = |path: &str, flags| rustix::fs::open(path, flags, Mode::empty()).unwrap();
    for (descriptor, kind) in [
        (opened("/dev/null", OFlags::PATH), "O_PATH"),
        (opened("/", OFlags::DIRECTORY), "no character device"),
        (opened("/proc/self/exe", OFlags::RDONLY), "no character device"),
    ] {
        let refused = said_of(&client, Variant::Fd(Fd::from(&descriptor))).await.unwrap_err();
        let Error::InvalidConstraint(words) = &refused else { panic!("{refused:?}") };
        assert!(words.contains("camera.device") && words.contains(kind), "{words}");
    }
}

use super::*;
use heapq_constraints::value::{Table, Value};
use heapq_constraints::{Heap, HeapSet, Origin, Question, solve, vocabulary};
use zbus::wire::serialized::Context;
use zbus::wire::{Endian, to_bytes};

/// The answer of a machine with one scattered heap.
fn answer(key: &str, stated: Value) -> Answer {
    let mut table = Table::default();
    table.push("name", Value::Text("camera".into()));
    table.push("min-size", Value::Integer(5000));
    table.push(key, stated);
    let participant = vocabulary::participant(&table, &|_| Origin::Client).unwrap();
    let question = Question { participants: vec![participant], ..Question::default() };
    solve(&HeapSet::new(vec![Heap::new("system")], &[]).unwrap(), &question).unwrap()
}

/// Over the wire and back.
fn sent(reply: &Reply) -> Received {
    let bytes = to_bytes(Context::new(Endian::native(), 0), reply).unwrap();
    bytes.deserialize().unwrap().0
}

#[test]
fn a_grant_comes_back_as_it_went() {
    let grant = Grant {
        lease: u64::MAX,
        answer: answer("held", Value::Integer(2)).into(),
        candidate: 0,
        buffers: Vec::new(),
        total_buffers: 2,
        fallback_from: vec![("other".into(), "ENOMEM".into())],
        stand_in: true,
    };
    let outcome = Outcome::Granted(grant);
    let received = sent(&allocated(&outcome, true));
    let figures = json(&received);
    assert_eq!(figures["heap"], "system");
    assert_eq!(figures["allocation-size"], 8192);
    assert_eq!(figures["total"], 2);
    let back = read_outcome(&received, Vec::new()).unwrap();
    assert_eq!(format!("{back:?}"), format!("{outcome:?}"));
    let bare = sent(&allocated(&outcome, false));
    assert!(!bare.contains_key("explanation"));
    assert_eq!(read_outcome(&bare, Vec::new()).unwrap_err().key, "explanation");
}

#[test]
fn a_grant_says_the_same_in_bytes_that_were_made_before() {
    let mut answer = answer("held", Value::Integer(2));
    let plan = answer.plan.as_mut().unwrap();
    plan.fourcc = Some("NV12".into());
    plan.left_out = vec!["microphone".into(), "é".into()];
    plan.planes = (0..3)
        .map(|plane| PlanePlan { buffer_index: 0, offset: plane << 33, stride: 640, size: 7 })
        .collect();
    let point = |name: &str| SyncPoint {
        participant: name.into(),
        read: true,
        write: false,
        because: "cpu".into(),
    };
    plan.sync_points = vec![point("viewer"), point("v")];
    let entries = entries(&answer);
    for (candidate, stand_in, tried) in [(0, false, 0), (0, true, 0), (0, true, 2), (1, false, 1)] {
        let grant = Grant {
            lease: u64::MAX - 1,
            answer: answer.clone().into(),
            candidate,
            buffers: Vec::new(),
            total_buffers: 2,
            fallback_from: vec![("other".into(), "ENOMEM".into()); tried],
            stand_in,
        };
        for planned in [None, Some(&entries)] {
            let mut fresh = granted(&grant, false);
            let mut again = granted_as(&grant, planned);
            assert_eq!(json(&sent(&again)), json(&sent(&fresh)));
            for reply in [&mut fresh, &mut again] {
                reply.add_receipt(std::fs::File::open("/dev/null").unwrap().into());
            }
            let received = sent(&again);
            assert_eq!(json(&received), json(&sent(&fresh)));
            assert_eq!(read::<u64>(&received, LEASE).unwrap(), u64::MAX - 1);
        }
    }
}

#[test]
fn what_gave_no_buffers_comes_back_explained() {
    let conflict = answer("contiguous", Value::Bool(true));
    assert_eq!(conflict.verdict, Verdict::Conflict);
    let tried = vec![("system".into(), "ENOMEM".into())];
    let quota = Outcome::OverQuota {
        account: "user ada in cma".into(),
        what: "bytes",
        bound: 3,
        in_use: 2,
        asked: 7,
        origin: "90-local.toml:3".into(),
    };
    let outcomes = [
        Outcome::Conflict(conflict),
        Outcome::NoMemory { answer: answer("held", Value::Integer(1)), tried },
        quota,
    ];
    for outcome in outcomes {
        let back = read_outcome(&sent(&allocated(&outcome, false)), Vec::new()).unwrap();
        assert_eq!(format!("{back:?}"), format!("{outcome:?}"));
    }
}

#[test]
fn replies_of_another_shape_name_the_key() {
    let mut received = sent(&planned(&answer("held", Value::Integer(1))));
    received.insert(VERDICT.into(), OwnedVariant::try_from(Variant::from("maybe")).unwrap());
    assert_eq!(read_outcome(&received, Vec::new()).unwrap_err().key, VERDICT);
    received.remove(VERDICT);
    assert_eq!(read_outcome(&received, Vec::new()).unwrap_err().key, VERDICT);
}

#[test]
fn an_explanation_keeps_within_its_bound_and_says_so() {
    let heaps = (0..128).map(|n| Heap::new(format!("heap-{n}"))).collect();
    let camera = |n: usize| {
        let mut table = Table::default();
        table.push("name", Value::Text(format!("{n}-{}", "x".repeat(200))));
        table.push("min-size", Value::Integer(5000));
        table.push("contiguous", Value::Bool(true));
        vocabulary::participant(&table, &|_| Origin::Client).unwrap()
    };
    let question = Question { participants: (0..60).map(camera).collect(), ..Question::default() };
    let whole = solve(&HeapSet::new(heaps, &[]).unwrap(), &question).unwrap();
    assert!(serde_json::to_vec(&whole).unwrap().len() > 4 * short::LONGEST);
    let received = sent(&planned(&whole));
    assert_eq!(json(&received)[CUT], true);
    let part = read_answer(&received).unwrap();
    assert!(serde_json::to_vec(&part).unwrap().len() <= short::LONGEST);
    assert!(!part.eliminated.is_empty() && whole.eliminated.starts_with(&part.eliminated));
    assert_eq!((part.verdict, part.fixes), (whole.verdict, whole.fixes));
    assert!(!sent(&planned(&answer("contiguous", Value::Bool(true)))).contains_key(CUT));
}

//! The walk over a plan's candidates, and what becomes of buffers when something fails, on heaps
//! that fail as they are told to.

mod changes;

use super::answer::{AskError, Outcome};
use super::size::Size;
use super::walk::{Found, Walk};
use super::{Broker, Config, Standing};
use crate::admission::{Admission, Gauge, Memory};
use crate::caller::{Caller, Holder};
use crate::discover::{Observation, SeenHeap};
use crate::heaps::fake::{Conduct, Fake, PATIENCE};
use crate::heaps::{Heaps, StandIn};
use crate::ledger::{Account, Debtor};
use heapq_constraints::answer::{BufferPlan, Candidate, Plan};
use heapq_constraints::fact::{Access, Planes};
use heapq_constraints::solve::Refused;
use heapq_constraints::{Constraint, Heap, HeapSet, Name, Origin, Participant, Question, explain};
use rustix::io::Errno;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;

const MIB: u64 = 1 << 20;

/// A machine with so many bytes to spare.
#[derive(Debug)]
pub(super) struct Spare(pub(super) u64);

impl Gauge for Spare {
    fn read(&self) -> io::Result<Memory> {
        let reserve = Memory { total: 1 << 30, available: 0, cma_free: 0 }.reserve();
        Ok(Memory { total: 1 << 30, available: self.0 + reserve, cma_free: 0 })
    }
}

fn heap(name: &str, contiguous: bool) -> Heap {
    Heap { contiguous, ..Heap::new(name) }
}

fn machine_heaps() -> HeapSet {
    let heaps = vec![heap("camera-pool", true), heap("cma", true), heap("system", false)];
    HeapSet::new(heaps, &[]).unwrap()
}

fn plan(candidates: &[&[&str]], count: u32, bytes: u64) -> Plan {
    let candidates = candidates.iter().map(|heaps| Candidate {
        heaps: heaps.iter().map(|name| Name::from(*name)).collect(),
        access: Access::Sync,
        contiguous: false,
        protected: false,
        sync_points: Vec::new(),
    });
    let candidates: Vec<_> = candidates.collect();
    let buffers = candidates[0].heaps.len();
    Plan {
        buffers: vec![BufferPlan { size: bytes, allocation_size: bytes }; buffers],
        candidates,
        count,
        size: bytes,
        allocation_size: bytes,
        fourcc: None,
        modifier: None,
        layout: Planes::Joint,
        planes: Vec::new(),
        assumed: false,
        assumed_of: Vec::new(),
        size_assumed: false,
        left_out: Vec::new(),
        chosen_alternatives: Default::default(),
        attributes: Default::default(),
        candidates_complete: true,
        sync_points: Vec::new(),
    }
}

fn walk(fake: &Fake, spare: u64, plan: &Plan) -> Result<Found, AskError> {
    let admission = Admission::new(Spare(spare));
    let known = machine_heaps();
    let walk = Walk {
        heaps: fake,
        admission: &admission,
        known: &known,
        plan,
        name: "camera",
        payer: None,
    };
    let found = walk.run(&Caller::myself());
    assert_eq!(admission.in_flight(), 0, "a ticket outlived its allocation");
    found
}

fn tried(found: Result<Found, AskError>) -> Vec<String> {
    match found.unwrap() {
        Found::Buffers(_) => panic!("buffers"),
        Found::OverQuota(over) => panic!("{over}"),
        Found::NoMemory(tried) => tried.iter().map(|(heap, _)| heap.to_string()).collect(),
    }
}

#[test]
fn a_full_heap_is_followed_by_the_next_candidate() {
    let fake = Fake::default().failing("cma", Errno::NOMEM);
    let found = walk(&fake, MIB, &plan(&[&["cma"], &["camera-pool"]], 3, 4096)).unwrap();
    let Found::Buffers(found) = found else { panic!("no buffers") };
    assert_eq!((found.candidate, found.buffers.len()), (1, 3));
    let [(heap, why)] = found.tried.as_slice() else { panic!("{:?}", found.tried) };
    assert_eq!(&**heap, "cma");
    assert!(why.contains("memory"), "{why}");
}

#[test]
fn a_candidate_of_several_heaps_is_whole_or_not_at_all() {
    let partly = Conduct { fails: Some(Errno::NOMEM), after: 2, ..Conduct::default() };
    let fake = Fake::default().with("cma", partly);
    let plan = plan(&[&["camera-pool", "cma"], &["camera-pool", "system"]], 3, 4096);
    let found = walk(&fake, MIB, &plan).unwrap();
    let Found::Buffers(found) = found else { panic!("no buffers") };
    assert_eq!((found.candidate, found.buffers.len()), (1, 6));
    assert_eq!(&*found.tried[0].0, "camera-pool+cma");
}

#[test]
fn the_word_for_the_end_hangs_on_what_all_failures_share() {
    let both = plan(&[&["cma"], &["camera-pool"]], 1, 4096);
    let failing = |cma, pool| {
        walk(&Fake::default().failing("cma", cma).failing("camera-pool", pool), MIB, &both)
    };
    let gone = failing(Errno::NODEV, Errno::NOENT);
    assert!(matches!(gone, Err(AskError::HeapGone { heaps }) if heaps == ["cma", "camera-pool"]));
    let denied = failing(Errno::ACCESS, Errno::PERM);
    assert!(matches!(denied, Err(AskError::NotAuthorized { .. })));
    let broken = failing(Errno::NODEV, Errno::IO);
    assert!(matches!(broken, Err(AskError::Io { what, .. }) if what.contains("camera-pool")));
    assert_eq!(tried(failing(Errno::NODEV, Errno::NOMEM)), ["cma", "camera-pool"]);
    assert_eq!(tried(failing(Errno::NOMEM, Errno::IO)), ["cma", "camera-pool"]);
}

#[test]
fn a_heap_that_vanished_between_plan_and_walk_is_passed_over() {
    let gone = Conduct { open: Some(Errno::NOENT), ..Conduct::default() };
    let fake = Fake::default().with("cma", gone);
    let found = walk(&fake, MIB, &plan(&[&["cma"], &["system"]], 1, 4096)).unwrap();
    assert!(matches!(found, Found::Buffers(found) if found.candidate == 1));
}

#[test]
fn without_descriptors_no_other_heap_is_tried() {
    let fake = Fake::default().failing("cma", Errno::MFILE);
    let found = walk(&fake, MIB, &plan(&[&["cma"], &["system"]], 1, 4096));
    assert!(matches!(found, Err(AskError::Io { .. })));
    assert_eq!(fake.asked.load(Ordering::Relaxed), 1);
}

#[test]
fn the_system_heap_is_not_asked_for_what_memory_does_not_hold() {
    let fake = Fake::default();
    assert_eq!(tried(walk(&fake, MIB, &plan(&[&["system"]], 2, MIB))), ["system"]);
    assert_eq!(fake.asked.load(Ordering::Relaxed), 0);
    // A contiguous area asks itself.
    let found = walk(&fake, 0, &plan(&[&["system"], &["cma"]], 2, MIB)).unwrap();
    let Found::Buffers(found) = found else { panic!("no buffers") };
    assert!(found.tried[0].1.contains("can be spared"), "{:?}", found.tried);
}

/// A machine with two heaps.
fn two_heaps() -> Observation {
    let seen = |name: &str| SeenHeap { name: name.into(), path: "/sys/x".into(), node: true };
    let heaps = vec![seen("default_cma_region"), seen("system")];
    Observation { heaps, ..Observation::default() }
}

/// On that machine, with the shipped policies.
pub(super) fn broker(fake: Fake, privileged: bool) -> Broker {
    let (board, policy_dirs) = (Some(two_heaps().into()), Vec::new());
    let config = Config { board, policy_dirs, privileged, ..Config::default() };
    Broker::with(config, Box::new(fake), Spare(64 * MIB)).unwrap().0
}

fn question(count: u32, bytes: u64) -> Question {
    let participant = Participant::new("camera")
        .with(Constraint::MinSize(bytes), Origin::Client)
        .with(Constraint::MinCount(count), Origin::Client);
    Question { participants: vec![participant], ..Question::default() }
}

/// Bytes that this user owes for.
fn owed(broker: &Broker) -> u64 {
    let debtor = Debtor::User(Caller::myself().uid);
    broker.ledger.owed(&Account { debtor, heap: None }).bytes
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn stranger() -> Caller {
    Caller::with_groups(4_000_000_001, Vec::new(), None)
}

#[test]
fn sizes_that_nobody_knows_or_that_overflow_are_refused() {
    let mut assumed = plan(&[&["system"]], 1, 4096);
    assumed.size_assumed = true;
    let refused = Size::of(&assumed).unwrap_err();
    assert!(matches!(refused, AskError::Refused(Refused::Invalid(why)) if why.key == "min-size"));
    let vast = plan(&[&["system"]], 3, u64::MAX / 2);
    assert!(matches!(Size::of(&vast), Err(AskError::TooMany { .. })));
}

#[test]
fn what_is_used_up_can_be_had_again_after_a_release() {
    let broker = broker(Fake::default(), true);
    let (me, holder) = (Caller::myself(), Holder::new(":1.1"));
    let mut leases = Vec::new();
    let bound = loop {
        match broker.allocate(&me, &holder, question(1, 4096)).unwrap() {
            Outcome::Granted(grant) => leases.push(grant.lease),
            Outcome::OverQuota { what, bound, in_use, asked, .. } => {
                assert_eq!((what, in_use, asked), ("leases", bound, 1));
                break bound;
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(leases.len() as u64, bound);
    broker.release(&holder, leases[7]).unwrap();
    let again = broker.allocate(&me, &holder, question(1, 4096)).unwrap();
    assert!(matches!(again, Outcome::Granted(_)));
}

#[test]
fn a_machine_without_heaps_has_a_stand_in_when_asked_for() {
    let config = Config {
        board: Some(Observation::default().into()),
        policy_dirs: Vec::new(),
        stand_in: true,
        privileged: true,
        ..Config::default()
    };
    let broker = Broker::with(config, Box::new(StandIn), Spare(64 * MIB)).unwrap().0;
    let (me, holder) = (Caller::myself(), Holder::new(":1.1"));
    let outcome = broker.allocate(&me, &holder, question(1, 40 * MIB)).unwrap();
    assert!(matches!(&outcome, Outcome::Granted(grant) if grant.stand_in));
    // The kernel has not counted a byte of it yet, so we have to.
    let second = broker.allocate(&me, &holder, question(1, 40 * MIB)).unwrap();
    assert!(matches!(second, Outcome::NoMemory { .. }));
    broker.left(&holder);
    assert_eq!(broker.admission.in_flight(), 0);
}

#[test]
fn default_is_deny() {
    let broker = broker(Fake::default(), false);
    let holder = Holder::new(":1.1");
    let refused = broker.allocate(&stranger(), &holder, question(1, 4096)).unwrap_err();
    assert!(matches!(refused, AskError::NotAuthorized { .. }), "{refused}");
    // To ask what would be is everybody's right; what is scarce is not his.
    let answer = broker.plan(&stranger(), question(1, 4096)).unwrap();
    let heaps: Vec<_> =
        answer.plan.clone().unwrap().candidates.into_iter().map(|one| one.heaps).collect();
    assert_eq!(heaps, [["system".into()]]);
    let said = explain::words(&answer).join("\n");
    assert!(
        said.contains("not granted (no [[grant]] lets uid 4000000001 have scarce heaps)"),
        "{said}"
    );
}

#[test]
fn what_the_system_denies_is_told_apart_from_what_is_not_granted() {
    let closed = Conduct { open: Some(Errno::ACCESS), ..Conduct::default() };
    let broker = broker(Fake::default().with("default_cma_region", closed), true);
    let answer = broker.plan(&stranger(), question(1, 4096)).unwrap();
    let said = explain::words(&answer).join("\n");
    assert!(said.contains("may not be opened (fake/default_cma_region)"), "{said}");
    let heaps = broker.heaps(&stranger());
    assert!(!heaps.find("default_cma_region").unwrap().permitted);
    assert!(heaps.find("system").unwrap().permitted);
}

#[test]
fn what_is_granted_is_charged_until_it_is_released_and_gone() {
    let broker = broker(Fake::default(), true);
    let (me, holder, other) = (Caller::myself(), Holder::new(":1.1"), Holder::new(":1.2"));
    let outcome = broker.allocate(&me, &holder, question(40, 4096)).unwrap();
    let Outcome::Granted(mut grant) = outcome else { panic!("no grant") };
    assert_eq!((grant.buffers.len(), grant.total_buffers), (40, 40));
    let kept = grant.buffers.split_off(16);
    assert!(broker.keep(&other, grant.lease, Vec::new()).is_err());
    broker.keep(&holder, grant.lease, kept).unwrap();
    assert_eq!(broker.usage()[0].bytes, 40 * 4096);
    let more = |first| broker.more(&holder, grant.lease, first, 16).map(|fds| fds.len());
    assert_eq!((more(16).unwrap(), more(32).unwrap(), more(40).unwrap()), (16, 8, 0));
    assert_eq!(more(u32::MAX).unwrap(), 0);
    assert!(more(0).is_err());
    assert!(matches!(broker.more(&other, grant.lease, 16, 16), Err(AskError::UnknownLease(_))));
    assert!(broker.release(&other, grant.lease).is_err());
    broker.release(&holder, grant.lease).unwrap();
    assert!(broker.release(&holder, grant.lease).is_err());
    // Somebody has the first sixteen.
    broker.orphans.look();
    let left = &broker.usage()[0];
    assert!(left.orphaned && left.lease == grant.lease, "{left:?}");
    assert_eq!((left.bytes, owed(&broker)), (40 * 4096, 40 * 4096));
    drop(grant);
    broker.orphans.look();
    assert!(broker.usage().is_empty());
    assert_eq!(owed(&broker), 0);
}

#[test]
fn buffers_that_are_passed_on_stay_within_what_may_outlive_leases() {
    let (broker, _dir) = limited("[[limit]]\nusers = 7\nbuffers = 40\n");
    let seven = caller(7, &[], None);
    let mut passed_on = Vec::new();
    for round in 0..1000 {
        let holder = Holder::new(format!(":1.{round}"));
        match broker.allocate(&seven, &holder, question(1, 4096)).unwrap() {
            Outcome::Granted(grant) => passed_on.extend(grant.buffers),
            Outcome::OverQuota { account, what, bound, in_use, .. } => {
                assert_eq!(&*account, "user 7, for what outlived its lease");
                assert_eq!((what, bound, in_use), ("buffers", 10, 10));
            }
            other => panic!("{other:?}"),
        }
        broker.left(&holder);
    }
    assert_eq!(passed_on.len(), 10);
    // Others owe nothing, and whoever closes what he has may have more, without being waited for.
    assert_eq!(came(&broker, &caller(8, &[], None), 1), "system");
    passed_on.truncate(4);
    // Nobody looks again and again just because he is asked to.
    broker.orphans.look();
    assert_eq!(came(&broker, &seven, 6), "system");
}

#[test]
fn who_keeps_accounts_gives_back_what_is_gone_by_itself() {
    let broker = std::sync::Arc::new(broker(Fake::default(), true));
    let keeper = broker.clone();
    std::thread::spawn(move || keeper.keep_accounts());
    let holder = Holder::new(":1.1");
    drop(broker.allocate(&Caller::myself(), &holder, question(2, 4096)).unwrap());
    broker.left(&holder);
    let started = std::time::Instant::now();
    while owed(&broker) > 0 {
        assert!(started.elapsed() < PATIENCE, "{:?}", broker.usage());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn one_user_cannot_have_everything() {
    let broker = broker(Fake::default(), true);
    let outcome = broker.allocate(&Caller::myself(), &Holder::new(":1.1"), question(1, 1 << 40));
    let Outcome::OverQuota { what, bound, in_use, asked, .. } = outcome.unwrap() else {
        panic!("granted")
    };
    assert_eq!((what, bound, in_use, asked), ("bytes", 1 << 30, 0, 1 << 40));
    let many = broker.allocate(&Caller::myself(), &Holder::new(":1.1"), question(2000, 4096));
    assert!(matches!(many, Err(AskError::TooMany { found: 2000, bound: 1024, .. })));
}

#[test]
fn a_failure_leaves_nothing_open_and_nothing_charged() {
    let partly = Conduct { fails: Some(Errno::NOMEM), after: 5, ..Conduct::default() };
    let fake = Fake::default().with("system", partly.clone()).with("default_cma_region", partly);
    let broker = broker(fake, true);
    let (me, holder) = (Caller::myself(), Holder::new(":1.1"));
    drop(broker.allocate(&me, &holder, question(8, 4096)).unwrap());
    // Other tests of this process open files meanwhile: many rounds would show a leak all the same.
    let before = open_descriptors();
    for _ in 0..200 {
        let outcome = broker.allocate(&me, &holder, question(8, 4096)).unwrap();
        assert!(matches!(outcome, Outcome::NoMemory { tried, .. } if tried.len() == 2));
    }
    assert!(open_descriptors() < before + 200, "{before} before");
    assert_eq!((owed(&broker), broker.usage().len()), (0, 0));
}

#[test]
fn a_holder_that_leaves_takes_everything_along() {
    let broker = broker(Fake::default(), true);
    let (me, holder, other) = (Caller::myself(), Holder::new(":1.1"), Holder::new(":1.2"));
    for _ in 0..3 {
        drop(broker.allocate(&me, &holder, question(20, 4096)).unwrap());
    }
    drop(broker.allocate(&me, &other, question(1, 4096)).unwrap());
    broker.left(&holder);
    broker.left(&holder);
    broker.orphans.look();
    assert_eq!(broker.usage().len(), 1);
    assert_eq!(owed(&broker), 4096);
}

#[test]
fn a_holder_that_leaves_during_its_request_gets_nothing() {
    let (begun, has_begun) = channel();
    let (go, go_on) = channel();
    let broker = broker(Fake::default().gated(begun, go_on), true);
    let (me, holder) = (Caller::myself(), Holder::new(":1.1"));
    std::thread::scope(|threads| {
        let request = threads.spawn(|| broker.allocate(&me, &holder, question(1, 4096)));
        has_begun.recv_timeout(PATIENCE).unwrap();
        broker.left(&holder);
        go.send(()).unwrap();
        let outcome = request.join().unwrap();
        assert!(matches!(outcome, Err(AskError::Io { .. })), "{outcome:?}");
    });
    assert!(broker.usage().is_empty());
    assert_eq!(owed(&broker), 0);
}

#[test]
fn many_clients_at_once_leave_no_trace() {
    let broker = broker(Fake::default(), true);
    let me = Caller::myself();
    std::thread::scope(|threads| {
        for client in 0..8 {
            let (broker, me) = (&broker, &me);
            threads.spawn(move || {
                let holder = Holder::new(format!(":1.{client}"));
                for round in 0..20 {
                    let outcome = broker.allocate(me, &holder, question(2, 64 * 1024)).unwrap();
                    if let (Outcome::Granted(grant), 0) = (outcome, round % 2) {
                        broker.release(&holder, grant.lease).unwrap();
                    }
                }
                broker.left(&holder);
            });
        }
    });
    broker.orphans.look();
    assert!(broker.usage().is_empty());
    assert_eq!((owed(&broker), broker.admission.in_flight()), (0, 0));
}

/// On the machine at `root`.
pub(super) fn rooted(root: &std::path::Path) -> Broker {
    let config = Config {
        root: root.to_owned(),
        policy_dirs: Vec::new(),
        privileged: true,
        ..Config::default()
    };
    Broker::with(config, Box::new(Fake::default()), Spare(64 * MIB)).unwrap().0
}

/// For a machine with `system`, made at `root`, where the policies are too.
pub(super) fn governed(root: &std::path::Path) -> Broker {
    std::fs::create_dir_all(root.join("sys/class/dma_heap/system")).unwrap();
    let config =
        Config { root: root.to_owned(), policy_dirs: vec![root.to_owned()], ..Config::default() };
    Broker::with(config, Box::new(Fake::default()), Spare(1 << 30)).unwrap().0
}

#[test]
fn a_machine_read_again_does_not_bring_back_old_policies() {
    let dir = tempfile::tempdir().unwrap();
    let broker = governed(dir.path());
    for round in 1..=20_i64 {
        let policy = format!("[[heap]]\nname = \"system\"\nweight = {round}\n");
        std::fs::write(dir.path().join("90-weight.toml"), policy).unwrap();
        std::fs::create_dir(dir.path().join(format!("sys/class/dma_heap/{round}"))).unwrap();
        std::thread::scope(|threads| {
            threads.spawn(|| broker.rescan().unwrap());
            threads.spawn(|| broker.reload().unwrap());
        });
        let topology = broker.topology();
        assert_eq!(topology.heaps.find("system").unwrap().weight, round);
    }
}

/// A broker whose policies grant everybody everything and say this besides, with its directory.
fn limited(rules: &str) -> (Broker, tempfile::TempDir) {
    limited_on(Box::new(Fake::default()), rules)
}

/// The same on these heaps.
pub(super) fn limited_on(heaps: Box<dyn Heaps>, rules: &str) -> (Broker, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let grant = "[[grant]]\nusers = \"*\"\nallocate = true\nscarce = true\n";
    std::fs::write(dir.path().join("50-grant.toml"), grant).unwrap();
    std::fs::write(dir.path().join("90-limit.toml"), rules).unwrap();
    let policy_dirs = vec![dir.path().to_owned()];
    let config = Config { board: Some(two_heaps().into()), policy_dirs, ..Config::default() };
    let (broker, said) = Broker::with(config, heaps, Spare(64 * MIB)).unwrap();
    assert_eq!(said, []);
    (broker, dir)
}

pub(super) fn caller(uid: u32, gids: &[u32], unit: Option<&str>) -> Caller {
    Caller { uid, gids: gids.to_vec(), unit: unit.map(Name::from), ..stranger() }
}

/// What became of a request: the heap, or whose bound stood against it.
fn came(broker: &Broker, caller: &Caller, count: u32) -> String {
    let outcome = broker.allocate(caller, &Holder::new(":1.1"), question(count, 4096)).unwrap();
    match outcome {
        Outcome::Granted(grant) => {
            let plan = grant.answer.plan.as_ref().unwrap();
            plan.candidates[grant.candidate].heaps[0].to_string()
        }
        Outcome::OverQuota { account, what, bound, in_use, asked, origin } => {
            let line = origin.rsplit(':').next().unwrap().to_owned();
            format!("{account}: {asked} {what}, {in_use} of {bound}, line {line}")
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn users_groups_and_units_have_bounds_by_policy() {
    let (broker, _dir) = limited(
        "[[limit]]\nusers = 7\nbuffers = 4\n[[limit]]\ngroups = 44\nbuffers = 6\n\
         [[limit]]\nunits = \"app-*\"\nleases = 1\n",
    );
    let (seven, eight) = (caller(7, &[1, 44], None), caller(8, &[44], None));
    assert_eq!(came(&broker, &seven, 3), "system");
    assert_eq!(came(&broker, &seven, 3), "user 7: 3 buffers, 3 of 4, line 3");
    assert_eq!(came(&broker, &eight, 3), "system");
    assert_eq!(came(&broker, &eight, 1), "group 44: 1 buffers, 6 of 6, line 6");
    assert_eq!(came(&broker, &caller(9, &[1], Some("app-1.scope")), 1), "system");
    let refused = came(&broker, &caller(9, &[1], Some("app-1.scope")), 1);
    assert_eq!(refused, "unit app-1.scope: 1 leases, 1 of 1, line 9");
    assert_eq!(came(&broker, &caller(9, &[1], Some("app-2.scope")), 1), "system");
}

#[test]
fn a_heap_of_which_somebody_has_enough_gives_way_to_the_next() {
    let (broker, dir) = limited("[[limit]]\nusers = 7\nheaps = \"system\"\nbytes = 8192\n");
    let seven = caller(7, &[], None);
    let place = |count| came(&broker, &seven, count);
    assert_eq!((place(2), place(1)), ("system".to_owned(), "default_cma_region".to_owned()));
    let both = "[[limit]]\nusers = 7\nheaps = \"*\"\nbytes = 8192\n";
    std::fs::write(dir.path().join("90-limit.toml"), both).unwrap();
    assert!(broker.reload().unwrap().applies, "the bounds are others at once");
    assert_eq!(place(1), "default_cma_region");
    // The first of the heaps that would serve is the one that is spoken of.
    assert_eq!(place(1), "user 7 in system: 4096 bytes, 8192 of 8192, line 4");
    broker.left(&Holder::new(":1.1"));
    assert_eq!(place(2), "system");
}

#[test]
fn who_keeps_a_standing_pays_by_the_bounds_of_its_machine_and_owes_as_before() {
    let bound = |leases: u32| format!("[[limit]]\nusers = 7\nleases = {leases}\n");
    let (broker, dir) = limited(&bound(1));
    let (ada, holder) = (caller(7, &[44], Some("x.service")), Holder::new(":1.1"));
    let before = broker.standing(&ada, &holder, None);
    let provide = |standing: &Standing| {
        let solved = broker.solve(&ada, question(1, 4096)).unwrap();
        match broker.provide(&ada, standing, &solved).unwrap() {
            Outcome::Granted(grant) => Ok(grant.lease),
            Outcome::OverQuota { bound, in_use, .. } => Err((bound, in_use)),
            other => panic!("{other:?}"),
        }
    };
    let lease = provide(&before).unwrap();
    assert_eq!(provide(&before), Err((1, 1)));
    std::fs::write(dir.path().join("90-limit.toml"), bound(3)).unwrap();
    assert!(broker.reload().unwrap().applies);
    let after = broker.standing(&ada, &holder, Some(before.clone()));
    // The bounds of another machine count no more.
    for standing in [&after, &before] {
        provide(standing).unwrap();
    }
    assert_eq!(provide(&after), Err((3, 3)));
    broker.release(&holder, lease).unwrap();
    broker.left(&holder);
    drop((before, after));
    broker.orphans.look();
    assert!(broker.ledger.is_empty());
}

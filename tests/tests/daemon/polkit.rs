//! Clients whom no policy names, and a polkit that allows, refuses, changes its mind, hangs or goes.

use super::asking::{asked, participant, simple};
use super::bus::Bus;
use super::heapqd::{Heapqd, client, until};
use super::machine::machine;
use heapq_allocator::Outcome;
use heapq_constraints::answer::Verdict;
use heapq_constraints::value::Value;
use heapq_dbus::client::{Client, Failure};
use heapq_dbus::error::Error;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::sync::watch;
use zbus::connection::Builder;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, OwnedVariant};

const PATH: &str = "/org/freedesktop/PolicyKit1/Authority";

/// What it knows, and who asked for what.
#[derive(Default)]
struct State {
    allowed: BTreeSet<&'static str>,
    asked: Vec<(String, String)>,
}

/// As much of polkit as heapqd asks.
struct Polkit {
    state: Arc<Mutex<State>>,
    hangs: watch::Receiver<bool>,
}

#[zbus::interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Polkit {
    async fn check_authorization(
        &self,
        subject: (String, HashMap<String, OwnedVariant>),
        action: String,
        _details: HashMap<String, String>,
        _flags: u32,
        _cancellation: String,
    ) -> (bool, bool, HashMap<String, String>) {
        assert_eq!(subject.0, "system-bus-name");
        let name = String::try_from(subject.1["name"].try_clone().unwrap()).unwrap();
        let allowed = {
            let mut state = self.state.lock().unwrap();
            state.asked.push((name, action.clone()));
            state.allowed.contains(&*action)
        };
        self.hangs.clone().wait_for(|hangs| !hangs).await.unwrap();
        (allowed, false, HashMap::new())
    }

    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

/// A polkit on a test's bus.
struct Fake {
    connection: Connection,
    state: Arc<Mutex<State>>,
    hangs: watch::Sender<bool>,
}

impl Fake {
    async fn start(bus: &Bus, allowed: &[&'static str]) -> Self {
        let state = State { allowed: allowed.iter().copied().collect(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let (hangs, hanging) = watch::channel(false);
        let connection = Builder::address(bus.address.as_str())
            .serve_at(PATH, Polkit { state: state.clone(), hangs: hanging })
            .name("org.freedesktop.PolicyKit1")
            .build()
            .await
            .unwrap();
        Self { connection, state, hangs }
    }

    fn questions(&self) -> usize {
        self.state.lock().unwrap().asked.len()
    }

    async fn allow(&self, allowed: &[&'static str]) {
        self.state.lock().unwrap().allowed = allowed.iter().copied().collect();
        let emitter = SignalEmitter::new(&self.connection, PATH).unwrap();
        Polkit::changed(&emitter).await.unwrap();
    }
}

/// A daemon whose policies name nobody, not even root.
async fn daemon(bus: &Bus, more: &str) -> (Heapqd, TempDir) {
    let dir = bus.dir.path().join("policy.d");
    std::fs::create_dir(&dir).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/shipped/10-generic.toml");
    let generic = std::fs::read_to_string(shipped).unwrap();
    let ungranted: Vec<&str> = generic.split("[[grant]]").take(1).collect();
    std::fs::write(dir.join("10-generic.toml"), ungranted[0]).unwrap();
    std::fs::write(dir.join("90-more.toml"), more).unwrap();
    let root = machine();
    (Heapqd::start(bus, root.path()).await, root)
}

async fn allocated(client: &Client) -> Result<(), String> {
    match client.allocate(&simple(1, 4096)).await {
        Ok(Outcome::Granted(_)) => Ok(()),
        Err(Failure::Refused(Error::NotAuthorized(words))) => Err(words),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_polkit_allows_is_asked_once_a_client_and_ends_with_its_word() {
    let bus = Bus::start();
    let polkit = Fake::start(&bus, &["org.heapq.allocate"]).await;
    let _daemon = daemon(&bus, "").await;
    let (first, second) = (client(&bus).await, client(&bus).await);
    for _ in 0..5 {
        allocated(&first).await.unwrap();
    }
    // Whether buffers at all, and whether from scarce heaps.
    assert_eq!(polkit.questions(), 2);
    allocated(&second).await.unwrap();
    assert_eq!(polkit.questions(), 4);
    let asked: BTreeSet<_> = polkit.state.lock().unwrap().asked.iter().cloned().collect();
    assert_eq!(asked.len(), 4, "each for itself: {asked:?}");

    polkit.allow(&[]).await;
    until("the yes has ended", || async { allocated(&first).await.is_err() }).await;
    let words = allocated(&first).await.unwrap_err();
    assert!(words.contains("polkit does not allow org.heapq.allocate"), "{words}");
    let before = polkit.questions();
    allocated(&first).await.unwrap_err();
    assert_eq!(polkit.questions(), before, "a no is remembered too");
    polkit.allow(&["org.heapq.allocate"]).await;
    until("the no has ended", || async { allocated(&first).await.is_ok() }).await;
}

#[tokio::test]
async fn a_scarce_heap_names_the_action_that_would_give_it() {
    let bus = Bus::start();
    let polkit = Fake::start(&bus, &["org.heapq.allocate"]).await;
    let _daemon = daemon(&bus, "").await;
    let client = client(&bus).await;
    let keys = [("contiguous", Value::Bool(true)), ("min-size", Value::Integer(4096))];
    let question = asked(vec![participant("camera", &keys)]);
    let answer = client.plan(&question).await.unwrap();
    assert_eq!(answer.verdict, Verdict::Conflict);
    let cma = answer.eliminated.iter().find(|gone| &*gone.heap == "default_cma_region").unwrap();
    assert_eq!(cma.reasons[0].key, "not-permitted");
    let origin = cma.reasons[0].heap_origin.to_string();
    assert!(origin.ends_with("polkit does not allow org.heapq.allocate-scarce"), "{origin}");

    polkit.allow(&["org.heapq.allocate", "org.heapq.allocate-scarce"]).await;
    until("it is permitted", || async {
        client.plan(&question).await.unwrap().verdict == Verdict::Ok
    })
    .await;
    assert!(matches!(client.allocate(&question).await, Ok(Outcome::Granted(_))));
}

#[tokio::test]
async fn a_policy_that_speaks_of_a_right_is_not_overruled() {
    let bus = Bus::start();
    let polkit = Fake::start(&bus, &["org.heapq.allocate", "org.heapq.allocate-scarce"]).await;
    let denied = "[[grant]]\nusers = \"*\"\nallocate = false\nscarce = true\n";
    let _daemon = daemon(&bus, denied).await;
    let words = allocated(&client(&bus).await).await.unwrap_err();
    assert!(words.contains("90-more.toml:1 denies it"), "{words}");
    assert_eq!(polkit.questions(), 0);
}

#[tokio::test]
async fn a_polkit_that_hangs_denies_and_blocks_nobody_else() {
    let bus = Bus::start();
    let polkit = Fake::start(&bus, &["org.heapq.allocate"]).await;
    let _daemon = daemon(&bus, "").await;
    let (hung, other) = (client(&bus).await, client(&bus).await);
    allocated(&other).await.unwrap();
    polkit.hangs.send(true).unwrap();
    let before = polkit.questions();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let hung = hung.clone();
        calls.spawn(async move { allocated(&hung).await });
    }
    until("polkit is asked", || async { polkit.questions() > before }).await;
    let waiting = std::time::Instant::now();
    allocated(&other).await.unwrap();
    hung.version().await.unwrap();
    assert!(waiting.elapsed() < std::time::Duration::from_secs(2), "others waited");
    while let Some(denied) = calls.join_next().await {
        let words = denied.unwrap().unwrap_err();
        assert!(words.contains("polkit does not answer for org.heapq.allocate"), "{words}");
    }
    assert_eq!(polkit.questions(), before + 1, "one question of a client at a time");
    // It recovers, and is asked again after a while, without a word from it.
    polkit.hangs.send(false).unwrap();
    until("it is asked again", || async { allocated(&hung).await.is_ok() }).await;
}

#[tokio::test]
async fn without_polkit_it_is_no_until_there_is_one_and_again_when_it_goes() {
    let bus = Bus::start();
    let (_daemon, _root) = daemon(&bus, "").await;
    let client = client(&bus).await;
    let words = allocated(&client).await.unwrap_err();
    assert!(words.contains("there is no polkit that could allow org.heapq.allocate"), "{words}");
    let polkit = Fake::start(&bus, &["org.heapq.allocate"]).await;
    until("the new polkit is asked", || async { allocated(&client).await.is_ok() }).await;
    polkit.connection.close().await.unwrap();
    until("its yes went with it", || async { allocated(&client).await.is_err() }).await;
}

#[test]
fn the_policy_file_has_the_actions_that_are_asked_for() {
    let file = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../dbus/data/org.heapq.policy"));
    let named: BTreeSet<&str> =
        file.split("<action id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let asked = heapq_policies::Right::ALL.map(|(_, right)| heapq_dbus::authority::action(right));
    assert_eq!(named, BTreeSet::from(asked));
    // polkit tells of others to root and to an action's owner: that is who the daemon runs as.
    let owner = "<annotate key=\"org.freedesktop.policykit.owner\">unix-user:heapq</annotate>";
    assert_eq!(file.matches(owner).count(), asked.len());
    let unit = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../dbus/data/heapq.service"));
    assert!(unit.contains("\nUser=heapq\n"));
}

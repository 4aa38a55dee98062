//! Those who would see, spoil or keep what is not theirs.

use super::super::asking::{participant, simple};
use super::super::bus::Bus;
use super::super::heapqd::{Heapqd, PATIENCE, client};
use super::super::machine::machine;
use heapq_allocator::Outcome;
use heapq_constraints::value::{Table, Value};
use heapq_dbus::client::{Client, Failure, Participation, Told};
use heapq_dbus::collections::PARTICIPANTS;
use heapq_dbus::error::Error;
use heapq_dbus::proxy::{NAME, Participant1Proxy};
use std::pin::Pin;
use zbus::export::futures_core::Stream;
use zbus::fdo::{IntrospectableProxy, ObjectManagerProxy, PropertiesProxy};
use zbus::names::InterfaceName;
use zbus::{Connection, MessageStream};

fn needs(name: &str, held: u32) -> Table {
    participant(name, &[("min-size", Value::Integer(4096)), ("held", Value::Integer(held.into()))])
}

/// A collection with buffers, of which `owner` is the only participant.
async fn alone(owner: &Client, held: u32) -> (Participation, String, u64) {
    let (mut part, token) = owner.create_collection(&Table::default()).await.unwrap();
    part.set_constraints(&needs("creator", held)).await.unwrap();
    part.ready().await.unwrap();
    let lease = lease(&mut part).await;
    (part, token, lease)
}

async fn lease(part: &mut Participation) -> u64 {
    match tokio::time::timeout(PATIENCE, part.wait()).await.unwrap().unwrap() {
        Told::Allocated { lease, .. } => lease,
        other => panic!("{other:?}"),
    }
}

async fn stranger(connection: &Connection) -> Participant1Proxy<'static> {
    let proxy = Participant1Proxy::builder(connection).path(format!("{PARTICIPANTS}/0"));
    proxy.cache_properties(zbus::proxy::CacheProperties::No).build().await.unwrap()
}

fn is_unknown<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::UnknownParticipant(_)))
}

#[tokio::test]
async fn nobody_can_see_or_call_the_participant_of_another() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let owner = client(&bus).await;
    let (part, token, lease) = alone(&owner, 1).await;
    let other = bus.connect().await;
    let proxy = stranger(&other).await;
    let nothing = std::collections::HashMap::new();
    assert!(is_unknown(proxy.ready().await));
    assert!(is_unknown(proxy.set_constraints(&nothing).await));
    assert!(is_unknown(proxy.get_buffers(lease, 0).await));
    assert!(is_unknown(proxy.grow(1).await));
    assert!(is_unknown(proxy.shrink(1).await));
    assert!(is_unknown(proxy.explain().await));
    assert!(is_unknown(proxy.leave().await));
    let state = proxy.state().await.unwrap_err().to_string();
    assert!(state.contains("no such participant"), "{state}");
    let all = PropertiesProxy::builder(&other).destination(NAME).path(format!("{PARTICIPANTS}/0"));
    let interface = InterfaceName::from_static_str("org.heapq.Participant1").unwrap();
    assert!(all.build().await.unwrap().get_all(interface).await.unwrap().is_empty());
    // Nor does the service list it, by its objects or its leases.
    let manager = ObjectManagerProxy::builder(&other).destination(NAME);
    let manager = manager.path(heapq_dbus::proxy::PATH).build().await.unwrap();
    let objects = manager.get_managed_objects().await.unwrap();
    assert!(!objects.keys().any(|path| path.contains("Participant1")));
    let said = IntrospectableProxy::builder(&other).destination(NAME).path("/");
    let said = said.build().await.unwrap().introspect().await.unwrap();
    assert!(!said.contains(&token));
    assert!(matches!(
        client(&bus).await.buffers(lease, 0).await,
        Err(Failure::Refused(Error::UnknownLease(_)))
    ));
    assert_eq!(part.buffers(lease).await.unwrap().len(), 1);
}

#[tokio::test]
async fn signals_go_to_their_owner_alone() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let (owner, eaves) = (client(&bus).await, bus.connect().await);
    let rule = zbus::MatchRule::builder().msg_type(zbus::message::Type::Signal);
    let rule = rule.interface("org.heapq.Participant1").build().unwrap();
    let mut heard = MessageStream::for_match_rule(rule, &eaves, None).await.unwrap();
    let (part, ..) = alone(&owner, 1).await;
    part.leave().await.unwrap();
    // Whatever was said before this answer has arrived before it.
    stranger(&eaves).await.ready().await.unwrap_err();
    let next = std::future::poll_fn(|context| Pin::new(&mut heard).poll_next(context));
    let heard = tokio::time::timeout(std::time::Duration::from_millis(50), next).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test]
async fn tokens_that_lead_nowhere_are_all_the_same() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let (owner, other) = (client(&bus).await, client(&bus).await);
    let (part, token, _) = alone(&owner, 1).await;
    let joined = other.join_collection(&token, &needs("other", 0)).await.unwrap();
    joined.leave().await.unwrap();
    let mut forged = token.clone();
    forged.replace_range(..1, if token.starts_with('0') { "1" } else { "0" });
    part.leave().await.unwrap();
    let mut refusals = Vec::new();
    for token in [token, forged, String::new(), "x".repeat(10_000)] {
        match other.join_collection(&token, &needs("other", 0)).await {
            Err(Failure::Refused(Error::UnknownToken(text))) => refusals.push(text),
            other => panic!("{other:?}"),
        }
    }
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]), "{refusals:?}");
}

#[tokio::test]
async fn what_is_malformed_names_its_key() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    let client = client(&bus).await;
    let cases = [
        ("migrate", Value::Integer(1), "collection.migrate"),
        ("participants", Value::Integer(0), "collection.participants"),
        ("participants", Value::Integer(65), "from 1 to 64"),
        ("ready-within", Value::Integer(0), "collection.ready-within"),
        ("joins", Value::Integer(1 << 20), "from 1 to 4096"),
        ("failure-domain", Value::Text("all".into()), "collection, participant"),
        ("name", Value::Text("allocation".into()), "collection.name"),
        ("migrat", Value::Bool(true), "did you mean `migrate`"),
    ];
    for (key, value, says) in cases {
        let mut options = Table::default();
        options.push(key, value);
        match client.create_collection(&options).await {
            Err(Failure::Refused(Error::InvalidConstraint(text))) => {
                assert!(text.contains(says), "{key}: {text}");
            }
            other => panic!("{key}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_thousand_allocations_passed_on_by_clients_that_leave_stay_within_bounds() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let (keeper, before) = (client(&bus).await, daemon.descriptors());
    let mut memory = 0;
    for round in 0..1000 {
        let owner = client(&bus).await;
        let (part, token, lease) = alone(&owner, 2).await;
        let mut other = keeper.join_collection(&token, &participant("keeper", &[])).await.unwrap();
        other.ready().await.unwrap();
        assert_eq!(self::lease(&mut other).await, lease);
        assert_eq!(other.buffers(lease).await.unwrap().len(), 2);
        drop((part, owner));
        if round % 2 == 0 {
            other.leave().await.unwrap();
        } else {
            let told = tokio::time::timeout(PATIENCE, other.wait()).await.unwrap().unwrap();
            assert!(matches!(&told, Told::Failed(why) if why.verdict == "lost"), "{told:?}");
            other.leave().await.unwrap();
        }
        if round == 99 {
            memory = daemon.memory();
        }
    }
    daemon.settles_at(before).await;
    assert!(daemon.memory() < memory + (4 << 20), "{memory} became {}", daemon.memory());
    // Nothing is charged any more: all that the user may have can be had.
    let outcome = keeper.allocate(&simple(1000, 4096)).await.unwrap();
    assert!(matches!(outcome, Outcome::Granted(_)), "{outcome:?}");
}

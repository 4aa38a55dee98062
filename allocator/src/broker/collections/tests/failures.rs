//! What each failure does, and what is left of it.

use super::super::{COLLECTIONS_OF_HOLDER, COLLECTIONS_OF_USER};
use super::*;
use crate::broker::AskError;
use heapq_constraints::vocabulary::MEMBERS;
use rustix::io::Errno;

#[test]
fn the_loss_of_an_essential_participant_ends_it_for_all() {
    for allocated in [false, true] {
        let mut world = World::new();
        let (creator, token) = world.create("compositor", Terms::default());
        let camera = world.enter("camera", &token, holding("camera", 1));
        if allocated {
            world.act(&creator, Action::Ready).unwrap();
            world.settle();
        }
        world.lose(&camera);
        let failure = world.fails(&creator);
        assert!(matches!(&*failure.why, Why::Lost(name) if &**name == "camera"), "{failure:?}");
        assert!(world.view(&creator).buffers.is_none());
        assert!(world.usage().is_empty());
        assert!(matches!(
            world.join("encoder", &token, holding("encoder", 1)),
            Err(NegotiationError::UnknownToken)
        ));
        assert!(world.act(&creator, Action::Ready).is_err());
        world.leave(&creator);
        assert!(world.is_clean());
    }
}

#[test]
fn others_go_on_without_one_who_is_dispensable_or_late_or_where_fates_are_apart() {
    let apart = Terms { shared_fate: false, ..Terms::default() };
    for (terms, dispensable, late) in
        [(Terms::default(), true, false), (Terms::default(), false, true), (apart, false, false)]
    {
        let mut world = World::new();
        let (creator, token) = world.create("compositor", terms);
        world.act(&creator, Action::State(Box::new(holding("creator", 2)))).unwrap();
        if late {
            world.act(&creator, Action::Ready).unwrap();
            world.settle();
        }
        let mut other = holding("camera", 0);
        other.dispensable = dispensable;
        let camera = world.enter("camera", &token, other);
        world.act(&creator, Action::Ready).unwrap();
        world.settle();
        let before = world.buffers(&camera);
        world.lose(&camera);
        assert_eq!(world.buffers(&creator), before);
        world.lose(&creator);
        assert!(world.is_clean());
    }
}

#[test]
fn nobody_is_waited_for_for_ever() {
    let mut world = World::new();
    let (creator, token) = world.create("compositor", Terms::default());
    let camera = world.enter("camera", &token, holding("camera", 1));
    let silent = world.join("silent", &token, holding("silent", 1)).unwrap();
    let limit = Terms::default().ready_within;
    world.pass(&camera, limit - Duration::from_millis(1));
    assert_eq!(world.phase(&camera), Phase::Allocating);
    world.pass(&camera, Duration::from_millis(1));
    let failure = world.fails(&camera);
    let Why::NotReady(names) = &*failure.why else { panic!("{failure:?}") };
    assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), ["creator", "silent"]);
    assert_eq!(world.phase(&silent), Phase::Failed);
    assert_eq!(world.view(&creator).deadline, None);
}

#[test]
fn a_late_participant_that_never_gets_ready_fails_alone() {
    let mut world = World::new();
    let (creator, token) = world.create("compositor", Terms::default());
    world.act(&creator, Action::State(Box::new(holding("creator", 2)))).unwrap();
    world.act(&creator, Action::Ready).unwrap();
    world.settle();
    let silent = world.join("silent", &token, member("silent", &[])).unwrap();
    let limit = world.view(&silent).deadline.unwrap();
    world.pass(&creator, limit);
    assert_eq!((world.phase(&silent), world.phase(&creator)), (Phase::Failed, Phase::Allocated));
}

#[test]
fn what_cannot_be_allocated_fails_with_the_answer() {
    let mut world = World::with(Fake::default().failing("system", Errno::NOMEM));
    let (creator, token) = world.create("compositor", Terms::default());
    let scattered = [Constraint::MinSize(PAGE), Constraint::Heaps(vec!["system".into()])];
    let camera = world.enter("camera", &token, member("camera", &scattered));
    world.act(&creator, Action::Ready).unwrap();
    world.settle();
    for seat in [&creator, &camera] {
        let failure = world.fails(seat);
        let Why::Answer(answer) = &*failure.why else { panic!("no answer: {failure:?}") };
        assert!(matches!(**answer, Outcome::NoMemory { .. }), "{answer:?}");
        world.leave(seat);
    }
    assert!(world.is_clean());
}

#[test]
fn without_a_size_or_with_an_optional_one_too_many() {
    let mut world = World::new();
    let (creator, _) = world.create("compositor", Terms::default());
    world.act(&creator, Action::Ready).unwrap();
    world.settle();
    assert!(matches!(&*world.fails(&creator).why, Why::Error(AskError::Refused(_))));

    let mut world = World::new();
    let (creator, token) = world.create("compositor", Terms::default());
    world.act(&creator, Action::State(Box::new(holding("creator", 2)))).unwrap();
    let mut most = member("meter", &[Constraint::MaxCount(1)]);
    most.participant.optional = true;
    let meter = world.enter("meter", &token, most);
    world.act(&creator, Action::Ready).unwrap();
    world.settle();
    assert!(matches!(&*world.fails(&meter).why, Why::LeftOut));
    assert_eq!(world.buffers(&creator).len(), 2);
}

#[test]
fn an_allocation_for_nobody_is_dropped() {
    let mut world = World::new();
    let (creator, token) = world.create("compositor", Terms::default());
    let camera = world.enter("camera", &token, holding("camera", 1));
    world.act(&creator, Action::Ready).unwrap();
    assert_eq!(world.works.len(), 1);
    world.leave(&creator);
    world.lose(&camera);
    world.settle();
    assert!(world.is_clean());
}

#[test]
fn tokens_are_used_up_expire_and_cannot_be_made_up() {
    let mut world = World::new();
    let terms = Terms { joins: 2, ..Terms::default() };
    let (creator, token) = world.create("compositor", terms);
    let unknown = |joined: Result<Seat, _>| matches!(joined, Err(NegotiationError::UnknownToken));
    let forged = Token::claimed(&"0".repeat(64));
    assert!(unknown(world.join("forger", &forged, member("a", &[]))));
    for text in ["", "0", &"x".repeat(1 << 20)] {
        assert!(unknown(world.join("forger", &Token::claimed(text), member("a", &[]))));
    }
    // A refusal costs nothing.
    assert!(world.join("twin", &token, member("creator", &[])).is_err());
    for name in ["a", "b"] {
        let seat = world.join(name, &Token::claimed(token.text()), member(name, &[])).unwrap();
        world.leave(&seat);
    }
    assert!(unknown(world.join("c", &token, member("c", &[]))));
    world.leave(&creator);
    let (_, token) = world.create("compositor", Terms::default());
    world.now += Terms::default().token_lifetime;
    assert!(unknown(world.join("late", &token, member("late", &[]))));
    let (creator, token) = world.create("another", Terms::default());
    world.leave(&creator);
    assert!(unknown(world.join("replay", &token, member("replay", &[]))));
}

#[test]
fn memberships_are_bounded_by_collection_client_and_user() {
    let mut world = World::new();
    let terms = Terms { joins: 4096, ..Terms::default() };
    let (_, token) = world.create("compositor", terms.clone());
    let refused = loop {
        let name = format!("p{}", world.broker.collections.lock().count());
        if let Err(refused) = world.join(&name, &token, member(&name, &[])) {
            break refused;
        }
    };
    assert!(refused.to_string().contains(&format!("the bound of {MEMBERS}")), "{refused}");
    for _ in 0..COLLECTIONS_OF_HOLDER {
        world.create("one", terms.clone());
    }
    let (caller, one) = (Caller::myself(), Holder::new("one"));
    let more = Entrant { caller: &caller, holder: &one, bell: Bell(Arc::new(|| ())) };
    let refused = world.broker.create_collection(&more, terms.clone(), world.now).unwrap_err();
    assert!(refused.to_string().contains("memberships of one client: 257"), "{refused}");
    let mut holder = 0;
    let refused = loop {
        holder += 1;
        let holder = Holder::new(format!("many-{holder}"));
        let more = Entrant { holder: &holder, ..more.clone() };
        if let Err(refused) = world.broker.create_collection(&more, terms.clone(), world.now) {
            break refused;
        }
    };
    assert!(refused.to_string().contains(&format!("the bound of {COLLECTIONS_OF_USER}")));
}

#[test]
fn who_joins_and_dies_in_a_loop_leaves_nothing_behind() {
    let mut world = World::new();
    let terms = Terms { joins: 4096, ..Terms::default() };
    let (creator, token) = world.create("compositor", terms);
    world.act(&creator, Action::State(Box::new(holding("creator", 2)))).unwrap();
    world.act(&creator, Action::Ready).unwrap();
    world.settle();
    let before = world.buffers(&creator);
    for round in 0..1000 {
        let seat = world.join("pest", &token, member("pest", &[Constraint::Held(1)])).unwrap();
        if round % 3 > 0 {
            world.act(&seat, Action::Ready).unwrap();
        }
        if round % 3 > 1 {
            world.settle();
        }
        world.lose(&seat);
        world.settle();
    }
    assert_eq!(world.buffers(&creator), before);
    assert_eq!(world.broker.collections.lock().count(), 1);
    world.leave(&creator);
    assert!(world.is_clean());
}

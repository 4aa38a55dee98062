//! How it goes when all goes well.

use super::*;
use heapq_constraints::terms::Awaited;

#[test]
fn all_get_the_same_buffers_and_counts_add_up() {
    let mut world = World::new();
    let (creator, token) = world.create("compositor", Terms::default());
    let camera = world.enter("camera", &token, holding("camera", 3));
    let encoder = world.enter("encoder", &token, holding("encoder", 17));
    let onlooker = world.enter("onlooker", &token, member("onlooker", &[]));
    assert_eq!(world.phase(&camera), Phase::Allocating);
    assert_eq!(world.view(&camera).waits_for, ["creator".into()]);
    assert!(world.works.is_empty());
    world.act(&creator, Action::Ready).unwrap();
    world.settle();
    let buffers = world.buffers(&creator);
    assert_eq!(buffers.len(), 20);
    for seat in [&camera, &encoder, &onlooker] {
        assert_eq!(world.phase(seat), Phase::Allocated);
        assert_eq!(world.buffers(seat), buffers);
    }
    assert_eq!(world.usage()[0].bytes, 20 * PAGE);
    // What is left stays for the others, to the last.
    for seat in [&creator, &camera, &encoder] {
        world.leave(seat);
        assert_eq!(world.buffers(&onlooker), buffers);
    }
    world.leave(&onlooker);
    assert!(world.is_clean());
}

#[test]
fn whom_it_waits_for_is_the_creators_choice() {
    let names = Awaited::Names(vec!["encoder".into(), "camera".into()]);
    for (awaited, missing) in [(names, 0), (Awaited::Count(3), 1)] {
        let mut world = World::new();
        let terms = Terms { awaited: awaited.clone(), ..Terms::default() };
        let (creator, token) = world.create("compositor", terms);
        world.act(&creator, Action::Ready).unwrap();
        let camera = world.enter("camera", &token, holding("camera", 1));
        assert_eq!(world.phase(&camera), Phase::Allocating);
        let view = world.view(&camera);
        assert_eq!(view.missing, missing);
        assert_eq!(view.waits_for.iter().any(|name| &**name == "encoder"), missing == 0);
        let encoder = world.join("encoder", &token, holding("encoder", 1)).unwrap();
        assert_eq!(world.view(&camera).waits_for, ["encoder".into()]);
        world.act(&encoder, Action::Ready).unwrap();
        world.settle();
        assert_eq!(world.buffers(&encoder).len(), 2, "{awaited:?}");
    }
}

#[test]
fn a_creator_who_leaves_closes_the_round() {
    let mut world = World::new();
    let (creator, token) = world.create("compositor", Terms::default());
    let camera = world.enter("camera", &token, holding("camera", 1));
    world.leave(&creator);
    world.settle();
    assert_eq!(world.buffers(&camera).len(), 1);
    world.leave(&camera);
    assert!(world.is_clean());
}

#[test]
fn needs_may_change_until_all_are_ready() {
    let mut world = World::new();
    let (creator, token) = world.create("compositor", Terms::default());
    let camera = world.enter("camera", &token, holding("camera", 1));
    world.act(&camera, Action::State(Box::new(holding("camera", 5)))).unwrap();
    assert_eq!(world.phase(&camera), Phase::Gathering);
    let other = world.act(&camera, Action::State(Box::new(holding("cam", 5))));
    assert!(other.unwrap_err().to_string().contains("keeps its name"));
    world.act(&camera, Action::Ready).unwrap();
    world.act(&creator, Action::Ready).unwrap();
    let begun = world.act(&camera, Action::State(Box::new(holding("camera", 1))));
    assert!(begun.unwrap_err().to_string().contains("is allocating"));
    world.settle();
    assert_eq!(world.buffers(&camera).len(), 5);
}

#[test]
fn frames_are_grown_for_all_and_given_back_by_whom_they_were_for() {
    let mut world = World::new();
    let (creator, token) = world.create("compositor", Terms::default());
    let camera = world.enter("camera", &token, holding("camera", 3));
    world.act(&creator, Action::Ready).unwrap();
    world.settle();
    let first = world.buffers(&camera);
    for nothing in [Action::Grow(0), Action::Shrink(0)] {
        assert!(world.act(&creator, nothing).unwrap_err().to_string().contains("frames = 0"));
    }
    world.act(&creator, Action::Grow(2)).unwrap();
    assert!(matches!(world.act(&creator, Action::Grow(1)), Err(NegotiationError::Refused(_))));
    world.settle();
    let grown = world.buffers(&camera);
    assert_eq!((grown.len(), &grown[..3]), (5, &first[..]));
    assert_eq!(world.usage()[0].bytes, 5 * PAGE);
    // The camera needs three, and the two others are the creator's.
    world.act(&camera, Action::Shrink(4)).unwrap();
    world.settle();
    assert!(matches!(&*world.fails(&camera).why, Why::NothingToSpare));
    assert_eq!(world.phase(&camera), Phase::Allocated);
    world.act(&creator, Action::Shrink(4)).unwrap();
    world.settle();
    assert_eq!(world.buffers(&camera), first);
    assert_eq!(world.usage()[0].bytes, 3 * PAGE);
    // What a participant needed who left can be spared.
    world.leave(&camera);
    world.act(&creator, Action::Shrink(9)).unwrap();
    world.settle();
    assert_eq!(world.buffers(&creator), first[..1]);
    world.leave(&creator);
    assert!(world.is_clean());
}

#[test]
fn growing_ends_at_every_bound() {
    let most = member("camera", &[Constraint::MinSize(PAGE), Constraint::MaxCount(4)]);
    let mut terms = Terms::default();
    terms.request.limit_total = Some(6 * PAGE);
    for (needs, terms, names) in [
        (most, Terms::default(), "camera.max-count"),
        (holding("camera", 1), terms, "request.limit-total"),
    ] {
        let mut world = World::new();
        let (creator, token) = world.create("compositor", terms);
        let camera = world.enter("camera", &token, needs);
        world.act(&creator, Action::Ready).unwrap();
        world.settle();
        let before = world.buffers(&camera);
        world.act(&camera, Action::Grow(1000)).unwrap();
        world.settle();
        let failure = world.fails(&camera);
        let found = conflicts(&failure).concat();
        assert!(found.iter().any(|name| name == names), "{found:?}");
        assert!(found.iter().any(|name| name == "allocation.min-count"), "{found:?}");
        assert_eq!(world.buffers(&creator), before);
    }
    let mut world = World::new();
    let (creator, token) = world.create("compositor", Terms::default());
    let camera = world.enter("camera", &token, holding("camera", 1000));
    world.act(&creator, Action::Ready).unwrap();
    world.settle();
    for (frames, of) in [(25, "1025 exceeds"), (u32::MAX, "exceeds")] {
        world.act(&camera, Action::Grow(frames)).unwrap();
        world.settle();
        let Why::Error(error) = &*world.fails(&camera).why else { panic!("it grew") };
        assert!(error.to_string().contains(of), "{error}");
    }
    assert_eq!(world.buffers(&creator).len(), 1000);
}

//! Those who come when the buffers are there.

use super::*;

/// A camera with buffers of three frames, and what `more` says.
fn running(world: &mut World, terms: Terms, more: &[Constraint]) -> (Seat, Seat, Token) {
    let (creator, token) = world.create("compositor", terms);
    let needs = [&[Constraint::MinSize(PAGE), Constraint::MinCount(3)], more].concat();
    let camera = world.enter("camera", &token, member("camera", &needs));
    world.act(&creator, Action::Ready).unwrap();
    world.settle();
    (creator, camera, token)
}

fn on(heap: &str) -> Constraint {
    Constraint::Heaps(vec![heap.into()])
}

#[test]
fn a_newcomer_gets_what_is_there_or_hears_what_of_it_stands_in_the_way() {
    let cases: [(&[Constraint], &[&str]); 8] = [
        (&[], &[]),
        (&[Constraint::Held(2), Constraint::MinSize(100)], &[]),
        (&[Constraint::Held(4)], &["allocation.max-count", "recorder.held"]),
        (&[Constraint::MaxCount(2)], &["allocation.min-count", "recorder.max-count"]),
        (&[Constraint::MinSize(PAGE + 1)], &["allocation.max-size", "recorder.min-size"]),
        (&[Constraint::Contiguous(true)], &["allocation.heaps", "recorder.contiguous"]),
        (&[on("default_cma_region")], &["allocation.heaps", "recorder.heaps"]),
        (&[Constraint::Padding(PAGE)], &["allocation.allocation-size", "recorder"]),
    ];
    for (needs, stands) in cases {
        let mut world = World::new();
        let (_, camera, token) = running(&mut world, Terms::default(), &[on("system")]);
        let before = world.buffers(&camera);
        let recorder = world.enter("recorder", &token, member("recorder", needs));
        world.settle();
        if stands.is_empty() {
            assert_eq!(world.buffers(&recorder), before, "{needs:?}");
        } else {
            assert_eq!(world.phase(&recorder), Phase::Failed);
            let found = conflicts(&world.fails(&recorder));
            assert!(found.iter().any(|one| one == stands), "{needs:?}: {found:?}");
            assert!(world.view(&recorder).buffers.is_none());
        }
        assert_eq!(world.buffers(&camera), before);
        assert!(world.view(&camera).failure.is_none());
    }
}

#[test]
fn what_left_does_not_hold_a_newcomer_up_but_the_shape_stays() {
    let mut world = World::new();
    let most = [Constraint::MaxCount(3), Constraint::Attribute("tiles".into(), vec!["a".into()])];
    let (creator, camera, token) = running(&mut world, Terms::default(), &most);
    let other = member("recorder", &[Constraint::Attribute("tiles".into(), vec!["b".into()])]);
    let recorder = world.enter("recorder", &token, other.clone());
    world.settle();
    let found = conflicts(&world.fails(&recorder));
    assert_eq!(found, [["camera.attribute.tiles", "recorder.attribute.tiles"]]);
    world.leave(&recorder);
    world.leave(&camera);
    let recorder = world.enter("recorder", &token, other);
    world.settle();
    assert_eq!(world.buffers(&recorder), world.buffers(&creator));
}

#[test]
fn a_stricter_newcomer_moves_everybody_where_the_creator_lets_it() {
    let mut world = World::new();
    let terms = Terms { migrate: true, ..Terms::default() };
    let (creator, camera, token) = running(&mut world, terms, &[]);
    world.act(&camera, Action::Grow(1)).unwrap();
    world.settle();
    let (old, lease) = (world.buffers(&camera), world.lease(&camera));
    assert_eq!(old.len(), 4);
    let contiguous = [Constraint::Contiguous(true), Constraint::MinCount(5)];
    let display = world.enter("display", &token, member("display", &contiguous));
    world.settle();
    let view = world.view(&display).buffers.unwrap();
    assert_eq!((view.generation, view.allocation.chosen().unwrap().contiguous), (2, true));
    let new = world.buffers(&display);
    // Five for the display, and the one that the camera has grown.
    assert_eq!(new.len(), 6);
    assert!(new.iter().all(|inode| !old.contains(inode)));
    // Both are there until all have moved, and nothing else is begun.
    assert_eq!(world.usage().len(), 2);
    assert!(world.fetch(&display, lease).is_err());
    assert_eq!(world.fetch(&camera, lease).unwrap(), old);
    world.act(&display, Action::Grow(1)).unwrap();
    assert!(world.works.is_empty());
    assert_eq!(world.buffers(&camera), new);
    assert!(world.fetch(&camera, lease).is_err(), "it has moved");
    assert_eq!(world.fetch(&creator, lease).unwrap(), old);
    world.act(&creator, Action::Ready).unwrap();
    assert!(world.fetch(&creator, lease).is_err(), "it says that it has moved");
    world.settle();
    assert_eq!((world.usage().len(), world.buffers(&creator).len()), (1, 7));
}

#[test]
fn who_does_not_move_loses_the_old_buffers_in_time() {
    let mut world = World::new();
    let terms = Terms { migrate: true, ..Terms::default() };
    let (_, camera, token) = running(&mut world, terms, &[]);
    let lease = world.lease(&camera);
    let display =
        world.enter("display", &token, member("display", &[Constraint::Contiguous(true)]));
    world.settle();
    let limit = Terms::default().move_within;
    assert_eq!(world.view(&camera).deadline, Some(limit));
    world.pass(&display, limit);
    assert!(world.fetch(&camera, lease).is_err());
    assert_eq!(world.usage().len(), 1);
    assert_eq!(world.buffers(&camera), world.buffers(&display));
}

#[test]
fn migration_stops_at_what_those_need_who_are_in_and_at_optional_newcomers() {
    let mut world = World::new();
    let terms = Terms { migrate: true, ..Terms::default() };
    let (_, camera, token) = running(&mut world, terms, &[on("system")]);
    let before = world.buffers(&camera);
    let mut strict = member("display", &[on("default_cma_region")]);
    let display = world.enter("display", &token, strict.clone());
    world.settle();
    let found = conflicts(&world.fails(&display));
    assert_eq!(found, [["camera.heaps", "display.heaps"]]);
    world.leave(&display);
    strict.participant.optional = true;
    let display = world.enter("display", &token, strict);
    world.settle();
    let found = conflicts(&world.fails(&display));
    assert!(found.contains(&vec!["allocation.heaps".into(), "display.heaps".into()]), "{found:?}");
    assert_eq!(world.buffers(&camera), before);
}

#[test]
fn who_comes_while_the_first_buffers_are_made_is_late() {
    let mut world = World::new();
    let (creator, token) = world.create("compositor", Terms::default());
    world.act(&creator, Action::State(Box::new(holding("creator", 2)))).unwrap();
    world.act(&creator, Action::Ready).unwrap();
    let recorder = world.enter("recorder", &token, holding("recorder", 1));
    world.settle();
    assert_eq!(world.phase(&recorder), Phase::Failed);
    assert_eq!(world.buffers(&creator).len(), 2);
}

fn image(offset_alignment: Option<u32>) -> Constraint {
    let size = Some([64, 64]).filter(|_| offset_alignment.is_none());
    Constraint::Format(vec![heapq_constraints::fact::FormatEntry {
        min_extent: size,
        offset_alignment,
        ..crate::collection::pinned::plain(&"NV12".into(), &"linear".into())
    }])
}

#[test]
fn planes_stay_where_they_are_though_there_would_be_room_elsewhere() {
    let mut world = World::new();
    let roomy = [image(None), Constraint::MinSize(1 << 20)];
    let (creator, camera, token) = running(&mut world, Terms::default(), &roomy);
    for camera_left in [false, true] {
        if camera_left {
            world.leave(&camera);
        }
        for (alignment, fits) in [(4096, true), (8192, false)] {
            let recorder =
                world.enter("recorder", &token, member("recorder", &[image(Some(alignment))]));
            world.settle();
            if fits {
                assert_eq!(world.buffers(&recorder), world.buffers(&creator));
            } else {
                let found = conflicts(&world.fails(&recorder));
                assert_eq!(found, [["allocation.format.offset", "recorder"]]);
            }
            world.leave(&recorder);
        }
    }
}

#[test]
fn what_was_granted_outlives_the_heap_that_it_came_from() {
    let root = tempfile::tempdir().unwrap();
    let heap = root.path().join("sys/class/dma_heap/system");
    std::fs::create_dir_all(&heap).unwrap();
    let mut world = World::of(crate::broker::tests::rooted(root.path()));
    let (_, camera, token) = running(&mut world, Terms::default(), &[]);
    let before = world.buffers(&camera);
    std::fs::remove_dir_all(&heap).unwrap();
    assert_eq!(world.broker.rescan().unwrap().generation, 2);
    let recorder = world.enter("recorder", &token, holding("recorder", 1));
    world.settle();
    assert_eq!(world.buffers(&recorder), before);
    // A collection of today has no heap.
    let (creator, _) = world.create("another", Terms::default());
    world.act(&creator, Action::State(Box::new(holding("creator", 1)))).unwrap();
    world.act(&creator, Action::Ready).unwrap();
    world.settle();
    assert!(matches!(&*world.fails(&creator).why, Why::Answer(_)));
}

//! The bundled board with stand-ins: the whole way of a request, on any machine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]

use heapq_allocator::discover::bundled_board;
use heapq_allocator::sys::mapping::Mapping;
use heapq_allocator::{AskError, Broker, Caller, Config, Grant, Holder, Outcome};
use heapq_constraints::{Constraint, Origin, Participant, Question};

fn broker() -> Broker {
    let config = Config {
        board: Some(bundled_board().into()),
        policy_dirs: Vec::new(),
        stand_in: true,
        privileged: true,
        ..Config::default()
    };
    let (broker, diagnostics) = Broker::open(config).unwrap();
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    broker
}

fn question(devices: &[&str]) -> Question {
    let participants = devices.iter().map(|device| {
        let mut participant = Participant::new(*device);
        participant.device = Some((*device).into());
        participant.with(Constraint::MinSize(3_110_400), Origin::Client)
    });
    Question { participants: participants.collect(), ..Question::default() }
}

fn granted(broker: &Broker, devices: &[&str]) -> Grant {
    let holder = Holder::new("in-process");
    match broker.allocate(&Caller::myself(), &holder, question(devices)).unwrap() {
        Outcome::Granted(grant) => grant,
        other => panic!("{other:?}"),
    }
}

fn heap(grant: &Grant) -> &str {
    &grant.answer.plan.as_ref().unwrap().candidates[grant.candidate].heaps[0]
}

#[test]
fn behind_iommus_scattered_memory_serves_and_contiguous_memory_is_spared() {
    let broker = broker();
    let grant = granted(&broker, &["/dev/video0", "/dev/video1", "/dev/dri/card0"]);
    assert_eq!(heap(&grant), "system");
    assert!(grant.stand_in && grant.fallback_from.is_empty());
    let plan = grant.answer.plan.as_ref().unwrap();
    assert!(!plan.assumed);
    let (mut one, other) = (
        Mapping::new(&grant.buffers[0], plan.allocation_size).unwrap(),
        Mapping::new(&grant.buffers[0], plan.allocation_size).unwrap(),
    );
    one.fill(0x5a);
    assert!(other.copy().unwrap().iter().all(|byte| *byte == 0x5a));
    broker.release(&Holder::new("in-process"), grant.lease).unwrap();
}

#[test]
fn the_hdmi_receiver_has_no_iommu() {
    let broker = broker();
    let grant = granted(&broker, &["video3", "driver:rockchip-drm"]);
    assert_eq!(heap(&grant), "default_cma_region");
    let system = grant.answer.eliminated.iter().find(|one| &*one.heap == "system").unwrap();
    assert!(system.reasons.iter().any(|reason| reason.key == "contiguous"));
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let broker = broker();
    let refused = broker.plan(&Caller::myself(), question(&["/dev/vidoe0"])).unwrap_err();
    let AskError::UnknownDevice(unknown) = refused else { panic!("{refused}") };
    assert_eq!(unknown.nearest.as_deref(), Some("/dev/video0"));
}

#[test]
fn a_board_does_not_change() {
    let broker = broker();
    assert_eq!(broker.rescan().unwrap().generation, 1);
    broker.reload().unwrap();
    assert_eq!(broker.topology().generation, 2);
}

//! What a call costs, beside what it costs of services that do nothing but hand out a memfd.

use crate::client::{Ask, Client, PAGE, Place};
use crate::report::Report;
use crate::rounds::{Call, median, medians, ratio, together};
use crate::sides::{HEAPQD, SD_BUS, Service, Services, ZBUS};

/// Devices of the machine that heapqd is shown.
pub(crate) const DEVICES: usize = 20;

const CLIENTS: usize = 32;

/// All budgets of one transport, which is where `place` finds a service.
pub(crate) async fn measure(
    report: &mut Report,
    services: &Services,
    transport: &str,
    place: fn(&Services, Service) -> Place,
    of_sd_bus: Option<f64>,
) {
    let heapqd = Client::connect(&place(services, HEAPQD)).await;
    let zbus = Client::connect(&place(services, ZBUS)).await;
    let cold = Call::Cold { devices: DEVICES };
    let four = Ask { count: 4, ..PAGE };
    let mut sides = vec![
        (&zbus, Call::Bare),
        (&heapqd, Call::Warm(PAGE)),
        (&heapqd, cold),
        (&heapqd, Call::Warm(four)),
    ];
    let sd_bus = match of_sd_bus {
        Some(_) => Some(Client::connect(&place(services, SD_BUS)).await),
        None => None,
    };
    sides.extend(sd_bus.as_ref().map(|client| (client, Call::Bare)));
    let times = medians(&sides).await;
    let [bare, warm, cold, four] = [&times[0], &times[1], &times[2], &times[3]];
    let micros = |times: &[f64]| median(times.to_vec());
    println!(
        "{transport}: bare zbus {:.1} µs, Allocate {:.1} µs, of four {:.1} µs",
        micros(bare),
        micros(warm),
        micros(four)
    );
    let mut say = |what: &str, budget, figure| {
        report.say(format!("{transport}: {what}"), budget, figure);
    };
    say("Allocate ÷ bare zbus, asked before", 1.30, ratio(warm, bare));
    say("Allocate ÷ bare zbus, not asked before", 1.60, ratio(cold, bare));
    if let (Some(budget), Some(sd_bus)) = (of_sd_bus, times.get(4)) {
        say("Allocate ÷ sd-bus", budget, ratio(warm, sd_bus));
    }
    let of_four = ratio(four, warm) / 4.0;
    say("four buffers in one call ÷ in four calls", 0.45, of_four);
    drop((heapqd, zbus));

    let [ours, bare] = [many(services, place, HEAPQD).await, many(services, place, ZBUS).await];
    let [ours, bare] = together([(&ours, Call::Warm(PAGE)), (&bare, Call::Bare)]).await;
    say("32 clients, time ÷ bare zbus (1 ÷ 0.75)", 1.0 / 0.75, ratio(&ours, &bare));
}

async fn many(
    services: &Services,
    place: fn(&Services, Service) -> Place,
    service: Service,
) -> Vec<Client> {
    let mut clients = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        clients.push(Client::connect(&place(services, service)).await);
    }
    clients
}

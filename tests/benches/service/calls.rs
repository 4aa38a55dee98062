//! What a call costs, beside what it costs of services that do nothing but hand out a memfd.

use crate::client::{Ask, Client, PAGE, Place};
use crate::report::Report;
use crate::rounds::{Call, median, medians, ratio, together};
use crate::sides::{HEAPQD, SD_BUS, Service, Services, ZBUS};

/// Devices of the machine that heapqd is shown.
pub(crate) const DEVICES: usize = 20;

const CLIENTS: usize = 32;

/// What calls over one transport took.
#[derive(Default)]
pub(crate) struct Times {
    /// Of a bare call, of those of heapqd, of one with sd-bus where there is one: microseconds.
    one: Vec<Vec<f64>>,
    /// Of many clients of heapqd, and of the bare service.
    many: [Vec<f64>; 2],
}

impl Times {
    /// Adds a turn on services, which are found at `place`.
    pub(crate) async fn add(
        &mut self,
        services: &Services,
        place: fn(&Services, Service) -> Place,
        with_sd_bus: bool,
    ) {
        let heapqd = Client::connect(&place(services, HEAPQD)).await;
        let zbus = Client::connect(&place(services, ZBUS)).await;
        let four = Ask { count: 4, ..PAGE };
        let mut sides = vec![
            (&zbus, Call::Bare),
            (&heapqd, Call::warm(PAGE)),
            (&heapqd, Call::Cold { devices: DEVICES }),
            (&heapqd, Call::warm(four)),
        ];
        let sd_bus = match with_sd_bus {
            true => Some(Client::connect(&place(services, SD_BUS)).await),
            false => None,
        };
        sides.extend(sd_bus.as_ref().map(|client| (client, Call::Bare)));
        self.one.resize_with(sides.len(), Vec::new);
        extend(&mut self.one, medians(&sides).await);
        drop((heapqd, zbus));
        let [ours, bare] = [many(services, place, HEAPQD).await, many(services, place, ZBUS).await];
        extend(&mut self.many, together([(&ours, Call::warm(PAGE)), (&bare, Call::Bare)]).await);
    }

    /// Says what they come to, beside the budgets.
    pub(crate) fn say(&self, report: &mut Report, transport: &str, of_sd_bus: f64) {
        let [bare, warm, cold, four, sd_bus @ ..] = &*self.one else { return };
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
        for sd_bus in sd_bus {
            say("Allocate ÷ sd-bus", of_sd_bus, ratio(warm, sd_bus));
        }
        let of_four = ratio(four, warm) / 4.0;
        say("four buffers in one call ÷ in four calls", 0.45, of_four);
        let [ours, bare] = &self.many;
        say("32 clients, time ÷ bare zbus (1 ÷ 0.75)", 1.0 / 0.75, ratio(ours, bare));
    }
}

fn extend(times: &mut [Vec<f64>], more: impl IntoIterator<Item = Vec<f64>>) {
    times.iter_mut().zip(more).for_each(|(times, more)| times.extend(more));
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

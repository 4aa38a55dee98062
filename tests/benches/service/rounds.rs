//! Short rounds in turn, so that whatever else the machine does befalls all alike.

use crate::client::{Ask, Client, Question};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const ROUNDS: usize = 9;
const CALLS: usize = 150;
const CALLS_OF_ONE_AMONG_MANY: usize = 12;

/// What one side does over and over.
#[derive(Clone)]
pub(crate) enum Call {
    /// A bare service is called.
    Bare,
    /// heapqd is asked the same each time.
    Warm(Arc<Question>),
    /// It is asked what it has not been asked before, of one device after the other.
    Cold { devices: usize },
}

impl Call {
    pub(crate) fn warm(ask: Ask<'_>) -> Self {
        Self::Warm(Arc::new(ask.into()))
    }
}

/// The medians of rounds of microseconds, for each side.
pub(crate) async fn medians(sides: &[(&Client, Call)]) -> Vec<Vec<f64>> {
    let mut medians = vec![Vec::new(); sides.len()];
    let mut fresh = 0;
    for round in 0..=ROUNDS {
        for (side, (client, call)) in medians.iter_mut().zip(sides) {
            let mut times = Vec::with_capacity(CALLS);
            for _ in 0..CALLS {
                fresh += 1;
                times.push(once(client, call, fresh).await.as_secs_f64() * 1e6);
            }
            // The first round fills caches.
            if round > 0 {
                side.push(median(times));
            }
        }
    }
    medians
}

async fn once(client: &Client, call: &Call, fresh: u32) -> Duration {
    match call {
        Call::Bare => client.bare().await,
        Call::Warm(question) => client.allocate(question).await,
        Call::Cold { devices } => {
            let device = format!("/dev/video{}", usize::try_from(fresh).unwrap() % *devices);
            let bytes = 4096 + u64::from(fresh);
            client.allocate(&Ask { device: Some(&device), count: 1, bytes }.into()).await
        }
    }
}

/// How long many clients take who all call at once, round by round: each makes and ends a lease, or
/// calls the bare service twice.
pub(crate) async fn together(sides: [(&[Client], Call); 2]) -> [Vec<f64>; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        for (side, (clients, call)) in times.iter_mut().zip(&sides) {
            let started = Instant::now();
            let mut all = JoinSet::new();
            for client in *clients {
                let (client, call) = (client.clone(), call.clone());
                all.spawn(async move {
                    for _ in 0..CALLS_OF_ONE_AMONG_MANY {
                        once(&client, &call, 0).await;
                        if matches!(call, Call::Bare) {
                            client.nothing().await;
                        }
                    }
                });
            }
            while let Some(ended) = all.join_next().await {
                ended.unwrap();
            }
            if round > 0 {
                side.push(started.elapsed().as_secs_f64());
            }
        }
    }
    times
}

/// The median of what one takes in terms of the other, round by round.
pub(crate) fn ratio(one: &[f64], other: &[f64]) -> f64 {
    median(one.iter().zip(other).map(|(one, other)| one / other).collect())
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

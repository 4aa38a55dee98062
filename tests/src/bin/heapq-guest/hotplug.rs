//! A driver that is loaded and unloaded under load: what is answered meanwhile must be true.

mod late;

use crate::ask::{self, Amount};
use crate::problem::Problem;
use heapq_dbus::client::{Client, Failure};
use heapq_dbus::error::Error;
use heapq_dbus::listing;
use heapq_dbus::wire::Asked;
use late::Late;
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

const DRIVER: &CStr = c"vivid";
/// One instance with a capture device and nothing else; what memory it needs is appended.
const PARAMETERS: &str = "n_devs=1 node_types=0x1 allocators=";
/// How long until a change must have been noticed, udevd's work on an emulated machine included.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);
/// Between two questions of a client: all of a machine's time for them would be none for udevd.
const BREATH: Duration = Duration::from_millis(20);

/// What is true of the driver's device, and what `Plan` says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    /// It is not there: its name is unknown.
    Absent,
    /// It maps with the CPU: any heap serves.
    Mapped,
    /// It needs contiguous memory, which this machine has not: a conflict.
    Contiguous,
}

/// What may be answered: the truth, while all is settled; during a change, of before and after.
#[derive(Debug)]
struct Times {
    /// What was true after each change. The last may be to come.
    all: Mutex<Vec<Truth>>,
    /// How many of them everybody must have noticed.
    settled: AtomicUsize,
    over: AtomicBool,
}

/// What the clients saw.
#[derive(Debug, Default)]
struct Seen {
    answers: usize,
    wrong: Vec<String>,
}

impl Times {
    fn begin(&self, truth: Truth) {
        self.all().push(truth);
    }

    fn settle(&self) {
        self.settled.store(self.all().len(), Ordering::SeqCst);
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Truth>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was true at any time since `settled` changes had been noticed.
    fn since(&self, settled: usize) -> Vec<Truth> {
        self.all().get(settled.saturating_sub(1)..).unwrap_or_default().to_vec()
    }
}

/// Loads and unloads `module` (the driver's file) `count` times, each time with other needs than before,
/// while three clients ask and allocate; or nobody, when it is `alone`.
pub(crate) async fn run(module: &str, count: usize, alone: bool) -> Result<String, Problem> {
    let times = Arc::new(Times {
        all: Mutex::new(vec![Truth::Absent]),
        settled: AtomicUsize::new(1),
        over: AtomicBool::new(false),
    });
    unload().await?;
    let client = ask::service().await?;
    until(&client, Truth::Absent).await?;
    let mut late = Late::listen()?;
    let mut clients = JoinSet::new();
    if !alone {
        clients.spawn(plans(times.clone()));
        clients.spawn(plans(times.clone()));
        clients.spawn(allocates(times.clone()));
    }
    let begun = Instant::now();
    for cycle in 0..count {
        let truth = if cycle % 2 == 0 { Truth::Mapped } else { Truth::Contiguous };
        times.begin(truth);
        let loaded = load(module, truth)?;
        until(&client, truth).await?;
        late.known(loaded);
        if cycle % 5 == 0 {
            listed(&client, 1).await?;
        }
        times.settle();
        times.begin(Truth::Absent);
        unload().await?;
        until(&client, Truth::Absent).await?;
        if cycle % 5 == 0 {
            listed(&client, 0).await?;
        }
        times.settle();
    }
    times.over.store(true, Ordering::SeqCst);
    let mut seen = Seen::default();
    while let Some(ended) = clients.join_next().await {
        let one = ended.map_err(|error| Problem::Wrong(error.to_string()))??;
        seen.answers += one.answers;
        seen.wrong.extend(one.wrong);
    }
    let said = format!(
        "{count} loads in {} s, {} answers, {} wrong; {}",
        begun.elapsed().as_secs(),
        seen.answers,
        seen.wrong.len(),
        late.words()
    );
    match seen.wrong.first() {
        Some(first) => Err(Problem::Wrong(format!("{said}; the first: {first}"))),
        None => Ok(said),
    }
}

/// When that was done.
fn load(module: &str, truth: Truth) -> Result<Instant, Problem> {
    let kind = u32::from(truth == Truth::Contiguous);
    let parameters = CString::new(format!("{PARAMETERS}{kind}")).unwrap_or_default();
    let file = File::open(module).map_err(Problem::system(module))?;
    rustix::system::finit_module(file, &parameters, 0)
        .map_err(|errno| Problem::system(format!("loading {module}"))(errno.into()))?;
    Ok(Instant::now())
}

/// udevd's helpers have it open for a while.
async fn unload() -> Result<(), Problem> {
    let end = Instant::now() + PATIENCE;
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    loop {
        match rustix::system::delete_module(DRIVER, flags.cast_signed()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::AGAIN | Errno::BUSY) if Instant::now() < end => sleep(PAUSE).await,
            Err(errno) => {
                return Err(Problem::system(format!("unloading {DRIVER:?}"))(errno.into()));
            }
        }
    }
}

/// A plan for the driver's device, by the driver's name: it has one device at most.
fn question() -> Asked {
    ask::for_device("driver:vivid", Amount { count: 1, bytes: 4 << 20 })
}

async fn answer(client: &Client) -> Result<Truth, Problem> {
    match client.plan(&question()).await {
        Ok(answer) if answer.plan.is_some() => Ok(Truth::Mapped),
        Ok(_) => Ok(Truth::Contiguous),
        Err(Failure::Refused(Error::UnknownDevice(_))) => Ok(Truth::Absent),
        Err(other) => Err(other.into()),
    }
}

/// Waits until the service knows.
async fn until(client: &Client, truth: Truth) -> Result<(), Problem> {
    let end = Instant::now() + PATIENCE;
    loop {
        match answer(client).await? {
            said if said == truth => return Ok(()),
            said if Instant::now() > end => {
                return Err(Problem::Wrong(format!(
                    "{said:?} is still said where {truth:?} is true"
                )));
            }
            _ => sleep(PAUSE).await,
        }
    }
}

/// Waits until so many of the objects on the bus are the driver's device.
async fn listed(client: &Client, count: usize) -> Result<(), Problem> {
    let end = Instant::now() + PATIENCE;
    loop {
        let devices = listing::devices(client).await?;
        let ours = devices.iter().filter(|one| one.driver.as_deref() == Some("vivid")).count();
        match ours {
            ours if ours == count => return Ok(()),
            ours if Instant::now() > end => {
                return Err(Problem::Wrong(format!("{ours} objects where there is {count}")));
            }
            _ => sleep(PAUSE).await,
        }
    }
}

async fn plans(times: Arc<Times>) -> Result<Seen, Problem> {
    let client = ask::service().await?;
    let mut seen = Seen::default();
    while !times.over.load(Ordering::SeqCst) {
        let before = times.settled.load(Ordering::SeqCst);
        let said = answer(&client).await?;
        let could = times.since(before);
        seen.answers += 1;
        if !could.contains(&said) {
            seen.wrong.push(format!("{said:?}, and true was any of {could:?}"));
        }
        sleep(BREATH).await;
    }
    Ok(seen)
}

/// What has nothing to do with the device goes on.
async fn allocates(times: Arc<Times>) -> Result<Seen, Problem> {
    let client = ask::service().await?;
    let mut seen = Seen::default();
    while !times.over.load(Ordering::SeqCst) {
        let amount = Amount { count: 2, bytes: 65536 };
        let grant = ask::granted(&client, &ask::from_heap("system", amount)).await?;
        client.release(grant.lease).await?;
        seen.answers += 1;
        sleep(BREATH).await;
    }
    Ok(seen)
}

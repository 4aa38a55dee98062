//! What polkit says of clients whom no `[[grant]]` names. No other file speaks with it.
//!
//! A right that the policies give or deny is not asked about. Of a silent one polkit is asked by
//! the client's name on the bus, at the first call that wants it. What it said counts for that
//! client until polkit says `Changed` (as it does when a session begins, ends or comes to the
//! front), or polkit itself comes or goes. Whatever is no clear yes is no, and where polkit failed
//! to answer it is tried again a little later.

use crate::gate::Session;
use heapq_allocator::{Caller, Verdict};
use heapq_constraints::Name;
use heapq_policies::Right;
use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;
use zbus::export::futures_core::Stream;
use zbus::fdo;
use zbus::proxy::CacheProperties;
use zbus::{Connection, Variant};

/// How long polkit may think by itself. It usually answers within a millisecond.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it may take where somebody types a password.
const PATIENCE_WITH_PEOPLE: Duration = Duration::from_secs(120);
/// How long a client whom polkit failed to judge is not asked about again.
const RESPITE: Duration = Duration::from_secs(5);
/// `CheckAuthorizationFlags.AllowUserInteraction`
const ALLOW_USER_INTERACTION: u32 = 1;

/// The action that stands for a right: what polkit's own rules name.
#[must_use]
pub fn action(right: Right) -> &'static str {
    match right {
        Right::Allocate => "org.heapq.allocate",
        Right::Scarce => "org.heapq.allocate-scarce",
        Right::OpenHeap => "org.heapq.open-heap",
        Right::Reload => "org.heapq.reload",
    }
}

/// As much of polkit as is needed. The crate for it makes subjects of calls only, and a private
/// socket's client is judged by the call that asked for the socket, which is long over.
#[zbus::proxy(
    interface = "org.freedesktop.PolicyKit1.Authority",
    default_service = "org.freedesktop.PolicyKit1",
    default_path = "/org/freedesktop/PolicyKit1/Authority"
)]
trait Polkit {
    /// Whether the subject is authorised, and whether it could be by a password; with details.
    fn check_authorization(
        &self,
        subject: &(&str, HashMap<&str, Variant<'_>>),
        action: &str,
        details: &HashMap<&str, &str>,
        flags: u32,
        cancellation: &str,
    ) -> zbus::Result<(bool, bool, HashMap<String, String>)>;

    /// Something that answers depend on is different now.
    #[zbus(signal)]
    fn changed(&self) -> zbus::Result<()>;
}

/// What polkit said of one client.
#[derive(Debug, Default)]
pub struct Answers {
    known: Mutex<Option<Known>>,
    /// Held while polkit is asked: one question of a client at a time.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Known {
    epoch: u64,
    /// When polkit did not answer.
    until: Option<Instant>,
    verdicts: BTreeMap<Right, Verdict>,
    caller: Arc<Caller>,
}

impl Answers {
    /// What still holds.
    fn known(&self, epoch: u64) -> Option<Known> {
        let known = self.lock().clone()?;
        let fresh = known.until.is_none_or(|until| Instant::now() < until);
        (known.epoch == epoch && fresh).then_some(known)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question to polkit.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The rights that the policies say nothing of.
    pub rights: &'a [Right],
    /// The client is ready to wait until somebody has typed a password.
    pub interactive: bool,
}

impl Asking<'_> {
    /// Whether that is all answered. A no counts for less where a password may turn it.
    fn answered(&self, known: &Known) -> bool {
        self.rights.iter().all(|right| match known.verdicts.get(right) {
            Some(Verdict::Yes) => true,
            Some(Verdict::No(_)) => !self.interactive,
            None => false,
        })
    }
}

/// Polkit, as the bus of one connection has it.
#[derive(Debug)]
pub struct Authority {
    connection: Connection,
    polkit: OnceCell<PolkitProxy<'static>>,
    /// Counts up whenever all answers become void.
    epoch: Arc<AtomicU64>,
}

impl Authority {
    /// The polkit on the bus of `connection`. Nothing is asked, nor listened for, before there is
    /// a question.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self { connection, polkit: OnceCell::new(), epoch: Arc::default() }
    }

    /// The caller with polkit's word on these rights.
    pub async fn consult(
        &self,
        session: &Session,
        asking: Asking<'_>,
        caller: &Arc<Caller>,
    ) -> Arc<Caller> {
        // Of a client that nobody on the bus answers for nothing can be asked.
        let Some(name) = session.bus_name() else { return caller.clone() };
        if let Some(caller) = self.consulted(session, asking, caller) {
            return caller;
        }
        let _one_at_a_time = session.answers().asking.lock().await;
        if let Some(caller) = self.consulted(session, asking, caller) {
            return caller;
        }
        // Read before asking: what changes meanwhile must not be missed.
        let epoch = self.epoch.load(Ordering::SeqCst);
        let mut verdicts = self.known(session).map(|known| known.verdicts).unwrap_or_default();
        let failed = self.ask(name, asking, &mut verdicts).await;
        let caller = Arc::new(Caller { verdicts: verdicts.clone(), ..Caller::clone(caller) });
        let until = failed.then(|| Instant::now() + RESPITE);
        *session.answers().lock() = Some(Known { epoch, until, verdicts, caller: caller.clone() });
        caller
    }

    /// The same, where polkit need not be asked.
    pub fn consulted(
        &self,
        session: &Session,
        asking: Asking<'_>,
        caller: &Arc<Caller>,
    ) -> Option<Arc<Caller>> {
        if session.bus_name().is_none() {
            return Some(caller.clone());
        }
        Some(self.known(session).filter(|known| asking.answered(known))?.caller)
    }

    fn known(&self, session: &Session) -> Option<Known> {
        session.answers().known(self.epoch.load(Ordering::SeqCst))
    }

    /// Asks one right after the other; whether polkit failed, after which it is left in peace.
    async fn ask(
        &self,
        name: &str,
        asking: Asking<'_>,
        verdicts: &mut BTreeMap<Right, Verdict>,
    ) -> bool {
        let mut failure: Option<Name> = None;
        for right in asking.rights {
            if verdicts.get(right) == Some(&Verdict::Yes) {
                continue;
            }
            let verdict = match &failure {
                None => self.verdict(name, *right, asking.interactive).await,
                Some(words) => Err(words.clone()),
            };
            verdicts.insert(
                *right,
                verdict.unwrap_or_else(|words| {
                    failure = Some(words.clone());
                    Verdict::No(words)
                }),
            );
        }
        failure.is_some()
    }

    /// Polkit's word, or in words why there is none.
    async fn verdict(&self, name: &str, right: Right, interactive: bool) -> Result<Verdict, Name> {
        let action = action(right);
        let patience = if interactive { PATIENCE_WITH_PEOPLE } else { PATIENCE };
        let check = async {
            let subject = ("system-bus-name", HashMap::from([("name", Variant::from(name))]));
            let flags = if interactive { ALLOW_USER_INTERACTION } else { 0 };
            let polkit = self.polkit().await?;
            polkit.check_authorization(&subject, action, &HashMap::new(), flags, "").await
        };
        match tokio::time::timeout(patience, check).await {
            Ok(Ok((true, ..))) => Ok(Verdict::Yes),
            Ok(Ok((false, true, _))) => {
                Ok(Verdict::No(format!("polkit wants a password for {action}").into()))
            }
            Ok(Ok((false, false, _))) => {
                Ok(Verdict::No(format!("polkit does not allow {action}").into()))
            }
            Ok(Err(error)) if is_absent(&error) => {
                Err(format!("there is no polkit that could allow {action}").into())
            }
            Ok(Err(error)) => Err(format!("polkit cannot judge {action}: {error}").into()),
            Err(_) => Err(format!("polkit does not answer for {action}").into()),
        }
    }

    /// Polkit, from the first question on with somebody who hears when it changes its mind.
    async fn polkit(&self) -> zbus::Result<&PolkitProxy<'static>> {
        let listening = self.polkit.get_or_try_init(|| async {
            let polkit = PolkitProxy::builder(&self.connection);
            let polkit = polkit.cache_properties(CacheProperties::No).build().await?;
            let mut changed = polkit.receive_changed().await?;
            let mut owners = polkit.inner().receive_owner_changed().await?;
            let epoch = self.epoch.clone();
            tokio::spawn(async move {
                loop {
                    let heard = tokio::select! {
                        heard = next(&mut changed) => heard.is_some(),
                        heard = next(&mut owners) => heard.is_some(),
                    };
                    if !heard {
                        return;
                    }
                    epoch.fetch_add(1, Ordering::SeqCst);
                }
            });
            Ok(polkit)
        });
        listening.await
    }
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

fn is_absent(error: &zbus::Error) -> bool {
    let zbus::Error::FDO(error) = error else { return false };
    matches!(**error, fdo::Error::ServiceUnknown(_) | fdo::Error::NameHasNoOwner(_))
}

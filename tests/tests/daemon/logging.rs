//! `org.freedesktop.LogControl1`: who may change the log, and what then changes.

use super::asking::simple;
use super::bus::Bus;
use super::heapqd::{Heapqd, PATIENCE, client, until};
use super::machine::machine;
use heapq_dbus::log_control::PATH;
use heapq_dbus::proxy::NAME;
use zbus::Connection;
use zbus::fdo;

#[zbus::proxy(interface = "org.freedesktop.LogControl1")]
trait LogControl1 {
    #[zbus(property(emits_changed_signal = "false"))]
    fn log_level(&self) -> fdo::Result<String>;
    #[zbus(property)]
    fn set_log_level(&self, level: &str) -> fdo::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn log_target(&self) -> fdo::Result<String>;
    #[zbus(property)]
    fn set_log_target(&self, target: &str) -> fdo::Result<()>;
    #[zbus(property)]
    fn syslog_identifier(&self) -> fdo::Result<String>;
}

async fn log(connection: &Connection) -> LogControl1Proxy<'static> {
    LogControl1Proxy::builder(connection).destination(NAME).path(PATH).build().await.unwrap()
}

#[tokio::test]
async fn root_changes_the_log_and_nobody_else() {
    let (bus, root) = (Bus::start(), machine());
    let daemon = Heapqd::start(&bus, root.path()).await;
    let log = log(&bus.connect().await).await;
    assert_eq!(log.log_level().await.unwrap(), "info");
    assert_eq!(log.log_target().await.unwrap(), "console");
    assert_eq!(log.syslog_identifier().await.unwrap(), "heapqd");
    let changed = log.set_log_level("debug").await;
    if !rustix::process::geteuid().is_root() {
        assert!(matches!(changed, Err(fdo::Error::AccessDenied(_))), "{changed:?}");
        return;
    }
    changed.unwrap();
    assert_eq!(log.log_level().await.unwrap(), "debug");
    drop(client(&bus).await.allocate(&simple(1, 4096)).await.unwrap());
    until("a line for debuggers", || async { daemon.log().contains("DEBUG") }).await;
    let refused = log.set_log_level("loud").await.unwrap_err();
    assert!(matches!(&refused, fdo::Error::InvalidArgs(text) if text.contains("loud")));
    log.set_log_target("null").await.unwrap();
    let silent = daemon.log();
    daemon.signal(rustix::process::Signal::HUP);
    let generation = client(&bus).await;
    until("it has read its policies again", || async {
        generation.proxy().generation().await.unwrap() == 2
    })
    .await;
    assert_eq!(daemon.log(), silent);
    log.set_log_target("console").await.unwrap();
    assert_eq!(log.log_target().await.unwrap(), "console");
}

#[tokio::test]
async fn a_stranger_reads_the_log_level_and_cannot_set_it() {
    let (bus, root) = (Bus::start(), machine());
    let _daemon = Heapqd::start(&bus, root.path()).await;
    if let Some(output) = super::authority::as_stranger(&bus, "logging::child_cannot_set_it") {
        super::authority::passed(&output);
    }
}

#[tokio::test]
#[ignore = "run as another user by the test above"]
async fn child_cannot_set_it() {
    let address = std::env::var(super::authority::ADDRESS).expect("run by the test above");
    let connection = zbus::connection::Builder::address(address.as_str());
    let connection = connection.method_timeout(PATIENCE).build().await.unwrap();
    let log = log(&connection).await;
    assert_eq!(log.log_level().await.unwrap(), "info");
    for changed in [log.set_log_level("debug").await, log.set_log_target("null").await] {
        assert!(matches!(changed, Err(fdo::Error::AccessDenied(_))), "{changed:?}");
    }
}

//! `org.freedesktop.LogControl1`: what `systemctl service-log-level` and `service-log-target` call.

use crate::logging::{IDENTIFIER, Log, Unchanged};
use zbus::fdo::{DBusProxy, Error, Result};
use zbus::message::Header;
use zbus::names::BusName;
use zbus::{Connection, interface};

/// Where it is served.
pub const PATH: &str = "/org/freedesktop/LogControl1";

/// The log as root may change it and everybody may look at it.
#[derive(Debug)]
pub struct LogControl1(pub Log);

#[interface(name = "org.freedesktop.LogControl1")]
impl LogControl1 {
    #[zbus(property(emits_changed_signal = "false"))]
    fn log_level(&self) -> &'static str {
        self.0.level()
    }

    #[zbus(property)]
    async fn set_log_level(
        &self,
        level: &str,
        #[zbus(header)] header: Option<Header<'_>>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<()> {
        only_root(connection, header).await?;
        self.0.set_level(level).map_err(refused)
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn log_target(&self) -> &'static str {
        self.0.target().name()
    }

    #[zbus(property)]
    async fn set_log_target(
        &self,
        target: &str,
        #[zbus(header)] header: Option<Header<'_>>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<()> {
        only_root(connection, header).await?;
        self.0.set_target(target).map_err(refused)
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn syslog_identifier(&self) -> &'static str {
        IDENTIFIER
    }
}

fn refused(why: Unchanged) -> Error {
    match why {
        Unchanged::Unknown { .. } => Error::InvalidArgs(why.to_string()),
        Unchanged::Journal(_) | Unchanged::Gone(_) => Error::Failed(why.to_string()),
    }
}

async fn only_root(connection: &Connection, header: Option<Header<'_>>) -> Result<()> {
    let sender = header.as_ref().and_then(Header::sender);
    let denied = || Error::AccessDenied("only root may change the log".to_owned());
    let sender = BusName::from(sender.ok_or_else(denied)?.to_owned());
    match DBusProxy::new(connection).await?.get_connection_unix_user(sender).await? {
        0 => Ok(()),
        _ => Err(denied()),
    }
}

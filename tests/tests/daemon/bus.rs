//! A message bus for one test.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use zbus::Connection;
use zbus::connection::Builder;

/// Who may call what, as it is installed.
const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dbus/data/org.heapq.Allocator1.conf");

/// A running dbus-daemon with the limits of the system bus, and its way with method calls: what
/// nobody allows is refused.
pub(crate) struct Bus {
    daemon: Child,
    pub(crate) address: String,
    pub(crate) dir: TempDir,
}

impl Bus {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Clients of other users must get in.
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let config = dir.path().join("bus.conf");
        let socket = dir.path().join("bus");
        std::fs::write(&config, configuration(&socket.display().to_string())).unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--print-address=1", "--nofork"])
            .stdout(Stdio::piped())
            // It complains that it may not raise its limits, which says nothing to us.
            .stderr(Stdio::null())
            .spawn()
            .expect("these tests need dbus-daemon");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { daemon, address: address.trim().to_owned(), dir }
    }

    /// A client of its own.
    pub(crate) async fn connect(&self) -> Connection {
        Builder::address(self.address.as_str())
            .method_timeout(super::heapqd::PATIENCE)
            .build()
            .await
            .unwrap()
    }
}

impl Bus {
    /// The bus's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        socket(&self.address).to_owned()
    }

    /// Ends the bus under its clients' feet.
    pub(crate) fn hang_up(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// The socket at a bus's address.
pub(crate) fn socket(address: &str) -> &Path {
    let path = address.strip_prefix("unix:path=").and_then(|rest| rest.split(',').next());
    Path::new(path.unwrap())
}

fn configuration(socket: &str) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <deny send_type="method_call"/>
    <allow send_destination="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
    <allow receive_sender="*"/>
  </policy>
  <include>{POLICY}</include>
  <limit name="max_message_unix_fds">16</limit>
  <limit name="max_incoming_unix_fds">64</limit>
  <limit name="max_outgoing_unix_fds">64</limit>
</busconfig>
"#
    )
}

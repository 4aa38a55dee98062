//! dbus-broker without systemd: it serves nobody until somebody tells it where to listen and whom
//! to let in, which is its launcher's part, played here.

use rustix::io::{FdFlags, fcntl_setfd};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command};
use zbus::connection::Builder;
use zbus::wire::{Fd, ObjectPath};
use zbus::{Connection, Variant};

/// Sends, and receives: allowed, priority, path, interface, member, name, type, broadcast, and the
/// least and the most descriptors.
type Message = (bool, u64, String, String, String, String, u32, u32, u64, u64);
/// Connects, at a priority; owns names; sends; receives.
type Rights = (bool, u64, Vec<(bool, u64, bool, String)>, Vec<Message>, Vec<Message>);

fn everything() -> Variant<'static> {
    let any = String::new;
    let message: Message = (true, 1, any(), any(), any(), any(), 0, 0, 0, u64::MAX);
    let owns = vec![(true, 1, true, any())];
    let rights: Rights = (true, 1, owns, vec![message.clone()], vec![message]);
    let of_users = vec![(u32::MAX, rights)];
    let of_groups = Vec::<(bool, u32, u32, Rights)>::new();
    let of_labels = Vec::<(String, String)>::new();
    Variant::new((of_users, of_groups, of_labels, false, "system".to_owned()))
}

struct Controller;

#[zbus::interface(name = "org.bus1.DBus.Controller")]
impl Controller {
    fn reload_config(&self) {}
}

/// Starts one that listens at `socket`. It ends with the connection.
pub(crate) async fn start(socket: &Path) -> (Child, Connection) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    fcntl_setfd(&theirs, FdFlags::empty()).unwrap();
    let process = Command::new("dbus-broker")
        .args(["--controller", &theirs.as_raw_fd().to_string()])
        .args(["--machine-id", "0123456789abcdef0123456789abcdef", "--max-bytes", "536870912"])
        .args(["--max-fds", "4096", "--max-matches", "16384"])
        .spawn()
        .unwrap();
    drop(theirs);
    let controller = Builder::unix_stream(ours).p2p();
    let controller = controller.serve_at("/org/bus1/DBus/Controller", Controller);
    let controller = controller.build().await.unwrap();
    let listener = UnixListener::bind(socket).unwrap();
    listener.set_nonblocking(true).unwrap();
    let path = ObjectPath::try_from("/org/bus1/DBus/Listener/0").unwrap();
    let added = (path, Fd::from(&listener), everything());
    let (broker, interface) = ("/org/bus1/DBus/Broker", "org.bus1.DBus.Broker");
    let nobody = None::<&str>;
    controller.call_method(nobody, broker, Some(interface), "AddListener", &added).await.unwrap();
    (process, controller)
}

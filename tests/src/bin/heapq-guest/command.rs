//! The commands.

use crate::ask::{self, Amount};
use crate::offer;
use crate::problem::Problem;
use crate::{again, cost, device, frame, frames, hotplug, matrix};
use crate::{opened, own, part, together};
use heapq_allocator::sys::dma_heap;
use heapq_dbus::proxy::NAME;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use zbus::fdo::DBusProxy;
use zbus::names::BusName;

const USAGE: &str = "COMMAND
  owner                           the uid and pid that serve org.heapq.Allocator1
  capture NODE [--for NODE|--mislaid]  a frame into buffers from the daemon, read back
  refused NODE --for NODE         buffers for the second NODE queued into the first: EFAULT
  offer NODE [--from HEAP]        a buffer from the daemon, or of that heap, queued and not filled
  ask HEAP BYTES COUNT            buffers, given back at once
  hold HEAP BYTES COUNT           buffers, kept until this process is killed
  pass HEAP BYTES COUNT           buffers, the first of which a process keeps; its pid
  survive HEAP BYTES COUNT        buffers, which are adopted by the daemon's successor and kept
  format NODE                     the formats of its queues
  occupy NODE                     its buffers, kept until this process is killed
  take HEAP BYTES                 a buffer without asking the daemon
  open-heap BYTES                 system itself, from which BYTES are taken and paid for
  cost HEAP                       a 1080p frame from the daemon, in terms of one from the heap itself
  wrap BYTES [--unsealed]         memory of this process made a dma-buf
  shown CAMERA CARD [--mislaid]   frames on a screen as they are in memory
  shown-apart CAMERA CARD [--mislaid]  the same with each plane in a buffer of its own
  leave CAMERA PIPE FILE [--mislaid]  a frame, and another process that looks at it later
  hotplug MODULE COUNT [--alone]  vivid's module loaded and unloaded while clients ask, or nobody
  film CAMERA CARD [--mislaid]    a frame, seen by four processes of a collection
  many CAMERA CARD                more buffers of a collection than a message carries
  migrate CAMERA SECOND CARD      a second camera moves a collection to other memory
  orphaned CAMERA CARD [--spared] a collection whose creator is killed
  matrix MACHINE                  what heapq and the kernel say to each importer, heap and size
  prove [--idle]                  the same on standard input, with proofs of what heapq rightly refuses";

/// Runs one command; its result is what to print.
pub(crate) async fn run(words: &[&str]) -> Result<String, Problem> {
    match *words {
        ["owner"] => owner().await,
        ["capture", node] => frame::capture(node, node, false).await,
        ["capture", node, "--mislaid"] => frame::capture(node, node, true).await,
        ["capture", node, "--for", other] => frame::capture(node, other, false).await,
        ["refused", node, "--for", other] => frame::refused(node, other).await,
        ["offer", node] => offer::granted(node).await,
        ["offer", node, "--from", heap] => offer::taken(node, heap),
        ["ask", heap, bytes, count] => ask(heap, amount(bytes, count)?, false).await,
        ["hold", heap, bytes, count] => ask(heap, amount(bytes, count)?, true).await,
        ["survive", heap, bytes, count] => again::survive(heap, amount(bytes, count)?).await,
        ["shown", camera, card] => frames::shown(camera, card, false, false).await,
        ["shown", camera, card, "--mislaid"] => frames::shown(camera, card, false, true).await,
        ["shown-apart", camera, card] => frames::shown(camera, card, true, false).await,
        ["shown-apart", camera, card, "--mislaid"] => frames::shown(camera, card, true, true).await,
        ["leave", camera, when, said] => frames::leave(camera, when, said, false).await,
        ["leave", camera, when, said, "--mislaid"] => frames::leave(camera, when, said, true).await,
        // What the one before starts.
        ["keep", when, bytes] => frames::keep(when, number(bytes)?),
        ["hotplug", module, count] => hotplug::run(module, number(count)?, false).await,
        ["hotplug", module, count, "--alone"] => hotplug::run(module, number(count)?, true).await,
        ["film", camera, card] => together::film(camera, card, false),
        ["film", camera, card, "--mislaid"] => together::film(camera, card, true),
        ["many", camera, card] => together::many(camera, card),
        ["migrate", camera, second, card] => together::migrate(camera, second, card),
        ["orphaned", camera, card] => together::orphaned(camera, card, false),
        ["orphaned", camera, card, "--spared"] => together::orphaned(camera, card, true),
        ["matrix", machine] => matrix::all(machine).await,
        ["prove"] => matrix::prove(false),
        ["prove", "--idle"] => matrix::prove(true),
        // What those before start.
        ["part"] => part::serve().await,
        ["pass", heap, bytes, count] => pass(heap, amount(bytes, count)?).await,
        ["open-heap", bytes] => opened::take(number(bytes)?).await,
        ["wrap", bytes] => own::wrap(number(bytes)?, true).await,
        ["wrap", bytes, "--unsealed"] => own::wrap(number(bytes)?, false).await,
        ["cost", heap] => cost::frame(heap).await,
        ["format", node] => device::format(node),
        ["occupy", node] => device::occupy(node).await,
        ["take", heap, bytes] => take(heap, number(bytes)?),
        _ => Err(Problem::Usage(USAGE)),
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, Problem> {
    word.parse().map_err(|_| Problem::Usage(USAGE))
}

fn amount(bytes: &str, count: &str) -> Result<Amount, Problem> {
    Ok(Amount { bytes: number(bytes)?, count: number(count)? })
}

async fn owner() -> Result<String, Problem> {
    let client = ask::service().await?;
    who_owns(client.proxy().inner().connection())
        .await
        .map_err(|error| Problem::Wrong(format!("who owns {NAME}: {error}")))
}

async fn who_owns(connection: &zbus::Connection) -> zbus::Result<String> {
    let bus = DBusProxy::new(connection).await?;
    let name = BusName::try_from(NAME)?;
    let uid = bus.get_connection_unix_user(name.clone()).await?;
    let pid = bus.get_connection_unix_process_id(name).await?;
    Ok(format!("{uid} {pid}"))
}

async fn ask(heap: &str, amount: Amount, keep: bool) -> Result<String, Problem> {
    let client = ask::service().await?;
    let grant = ask::granted(&client, &ask::from_heap(heap, amount)).await?;
    let said = format!("{} buffers from {}", grant.buffers.len(), ask::heap(&grant));
    if keep {
        println!("{said}");
        std::future::pending::<()>().await;
    }
    client.release(grant.lease).await?;
    Ok(said)
}

/// The process has the buffer as its standard input; this one leaves without a word.
async fn pass(heap: &str, amount: Amount) -> Result<String, Problem> {
    let client = ask::service().await?;
    let grant = ask::granted(&client, &ask::from_heap(heap, amount)).await?;
    let Some(first) = grant.buffers.into_iter().next() else {
        return Err(Problem::Wrong("no buffers".to_owned()));
    };
    let mut sleep = Command::new("sleep");
    let keeper = sleep.arg("3600").stdin(first).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Ok(keeper.map_err(Problem::system("sleep"))?.id().to_string())
}

fn take(heap: &str, bytes: u64) -> Result<String, Problem> {
    let node = format!("/dev/dma_heap/{heap}");
    let file = std::fs::File::open(&node).map_err(Problem::system(&node))?;
    dma_heap::alloc(file.as_fd(), bytes)
        .map_err(Problem::system(format!("{bytes} B of {node}")))?;
    Ok(format!("{bytes} bytes of {node}, asking nobody"))
}

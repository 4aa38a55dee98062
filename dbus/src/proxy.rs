//! The interfaces as a client calls them. Whoever wants typed answers uses [`crate::client`].

use crate::error::Error;
use std::collections::HashMap;
use zbus::wire::{OwnedFd, OwnedObjectPath};
use zbus::{OwnedVariant, Variant};

/// The well-known name of the service.
pub const NAME: &str = "org.heapq.Allocator1";
/// Where it serves its interfaces.
pub const PATH: &str = "/org/heapq/Allocator1";

/// `org.heapq.Allocator1`; the XML in `dbus/data` says what each method promises.
#[zbus::proxy(
    interface = "org.heapq.Allocator1",
    default_service = "org.heapq.Allocator1",
    default_path = "/org/heapq/Allocator1"
)]
pub trait Allocator1 {
    /// Answers without allocating.
    fn plan(
        &self,
        participants: &[HashMap<&str, Variant<'_>>],
        options: &HashMap<&str, Variant<'_>>,
    ) -> Result<HashMap<String, OwnedVariant>, Error>;

    /// Answers, and on `ok` allocates: the first buffers of the lease come along.
    fn allocate(
        &self,
        participants: &[HashMap<&str, Variant<'_>>],
        options: &HashMap<&str, Variant<'_>>,
    ) -> Result<(HashMap<String, OwnedVariant>, Vec<OwnedFd>), Error>;

    /// The buffers of a lease from the `first` on, as many as one message carries, and the receipt.
    fn get_buffers(&self, lease: u64, first: u32) -> Result<(Vec<OwnedFd>, OwnedFd), Error>;

    /// Counts buffers again that are there already.
    fn adopt(
        &self,
        buffers: Vec<OwnedFd>,
        options: &HashMap<&str, Variant<'_>>,
    ) -> Result<HashMap<String, OwnedVariant>, Error>;

    /// A private socket to the service.
    fn connect(&self, options: &HashMap<&str, Variant<'_>>) -> Result<OwnedFd, Error>;

    /// The caller's own memory as a dma-buf, and the receipt.
    fn wrap(
        &self,
        memfd: OwnedFd,
        options: &HashMap<&str, Variant<'_>>,
    ) -> Result<(OwnedFd, OwnedFd), Error>;

    /// The node of a heap, and what bounds what is taken there.
    fn open_heap(
        &self,
        name: &str,
        options: &HashMap<&str, Variant<'_>>,
    ) -> Result<(OwnedFd, HashMap<String, OwnedVariant>), Error>;

    /// Makes a collection: the creator's object, and the token for others.
    fn create_collection(
        &self,
        options: &HashMap<&str, Variant<'_>>,
    ) -> Result<(OwnedObjectPath, String), Error>;

    /// Joins a collection: the participant's object.
    fn join_collection(
        &self,
        token: &str,
        participant: &HashMap<&str, Variant<'_>>,
    ) -> Result<OwnedObjectPath, Error>;

    /// Ends a lease.
    fn release(&self, lease: u64) -> Result<(), Error>;

    /// Who holds what, and the receipt.
    fn usage(&self) -> Result<(Vec<HashMap<String, OwnedVariant>>, OwnedFd), Error>;

    /// Reads the policies again; what there is to say of them.
    fn reload(&self) -> Result<Vec<String>, Error>;

    /// The version of the service.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> Result<String, zbus::Error>;

    /// Counts the topologies since the service started.
    #[zbus(property)]
    fn generation(&self) -> Result<u64, zbus::Error>;

    /// What an administrator should know: policy files that were left out, oddities of the machine.
    #[zbus(property)]
    fn problems(&self) -> Result<Vec<String>, zbus::Error>;

    /// Whether the heaps are stand-ins, whose buffers are no dma-bufs.
    #[zbus(property(emits_changed_signal = "const"))]
    fn stand_in(&self) -> Result<bool, zbus::Error>;
}

/// `org.heapq.Participant1`: the caller's part in a collection.
#[zbus::proxy(interface = "org.heapq.Participant1", default_service = "org.heapq.Allocator1")]
pub trait Participant1 {
    /// Says what the participant needs.
    fn set_constraints(&self, constraints: &HashMap<&str, Variant<'_>>) -> Result<(), Error>;

    /// Says that all is said.
    fn ready(&self) -> Result<(), Error>;

    /// Buffers of a lease from the `first` on, as many as one message carries, and the receipt.
    fn get_buffers(&self, lease: u64, first: u32) -> Result<(Vec<OwnedFd>, OwnedFd), Error>;

    /// Asks for so many frames more.
    fn grow(&self, frames: u32) -> Result<(), Error>;

    /// Gives up to so many frames back.
    fn shrink(&self, frames: u32) -> Result<(), Error>;

    /// The whole answer behind the buffers or the last failure.
    fn explain(&self) -> Result<HashMap<String, OwnedVariant>, Error>;

    /// Leaves.
    fn leave(&self) -> Result<(), Error>;

    /// Where the participant is.
    #[zbus(property(emits_changed_signal = "false"))]
    fn state(&self) -> Result<HashMap<String, OwnedVariant>, zbus::Error>;
}

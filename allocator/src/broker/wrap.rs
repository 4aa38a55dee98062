//! A client's own memory as a dma-buf: its own control group pays for the pages, so nothing is
//! charged here. Only how many there are is bounded, since each is an object of the kernel.

use super::{AskError, Broker};
use crate::account::Trace;
use crate::caller::{Caller, Holder};
use crate::memfd;
use crate::sys::dma_buf::buffer_name;
use crate::sys::mapping::Mapping;
use heapq_policies::Right;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Wrapped memory that exists, of one client and of all clients of a user.
const OF_HOLDER: u64 = 1024;
const OF_USER: u64 = 4096;

impl Broker {
    /// A dma-buf of all of `memory`, a memfd of the caller's. Blocks while its pages are looked up.
    ///
    /// # Errors
    /// [`AskError::Unfit`] for what is no whole, sealed memfd, [`AskError::NotAuthorized`],
    /// [`AskError::TooMany`], and [`AskError::Io`] where there is no udmabuf or it fails.
    pub fn wrap(
        &self,
        caller: &Caller,
        holder: &Holder,
        memory: &OwnedFd,
    ) -> Result<OwnedFd, AskError> {
        self.authorise(caller, Right::Allocate)?;
        let bytes = memfd::check(memory)?;
        let failed = |source| AskError::Io { what: "udmabuf".to_owned(), source };
        // Pages that fallocate(2) made are cleared when they are first touched; udmabuf would pin
        // them as they are.
        Mapping::new(memory, bytes).and_then(|mapping| mapping.populate()).map_err(failed)?;
        let name = buffer_name(&format!("wrap:{}", caller.uid));
        let buffer = self.heaps.wrap(memory, bytes, &name).map_err(failed)?;
        self.wrapped.enter(holder, caller.uid, &buffer)?;
        Ok(buffer)
    }
}

/// Wrapped memory, as far as it may still exist.
#[derive(Debug, Default)]
pub(super) struct Wrapped(Mutex<Vec<Entry>>);

#[derive(Debug)]
struct Entry {
    holder: Holder,
    uid: u32,
    trace: Trace,
}

impl Entry {
    fn exists(&self) -> bool {
        !self.trace.living().is_ok_and(|living| living.is_empty())
    }
}

impl Wrapped {
    fn enter(&self, holder: &Holder, uid: u32, buffer: &OwnedFd) -> Result<(), AskError> {
        let trace = Trace::of(std::slice::from_ref(buffer)).map_err(|source| {
            let what = "watching buffers (fs.epoll.max_user_watches bounds how many)";
            AskError::Io { what: what.to_owned(), source }
        })?;
        let mut entries = self.lock();
        if over(&entries, holder, uid).is_some() {
            entries.retain(|entry| entry.uid != uid || entry.exists());
        }
        if let Some((what, bound)) = over(&entries, holder, uid) {
            return Err(AskError::TooMany { what, found: bound + 1, bound });
        }
        entries.push(Entry { holder: holder.clone(), uid, trace });
        Ok(())
    }

    /// Forgets what a holder that left had and that is gone. The rest counts for its user.
    pub(super) fn left(&self, holder: &Holder) {
        self.lock().retain(|entry| entry.holder != *holder || entry.exists());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bound that one more would exceed.
fn over(entries: &[Entry], holder: &Holder, uid: u32) -> Option<(&'static str, u64)> {
    let full = |has: &dyn Fn(&Entry) -> bool, bound: u64| {
        let most = usize::try_from(bound).unwrap_or(usize::MAX);
        entries.iter().filter(|entry| has(entry)).count() >= most
    };
    if full(&|entry| entry.holder == *holder, OF_HOLDER) {
        return Some(("dma-bufs of this client's own memory", OF_HOLDER));
    }
    full(&|entry| entry.uid == uid, OF_USER)
        .then_some(("dma-bufs of their own memory of all clients of this user", OF_USER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Meminfo;
    use crate::broker::Config;
    use crate::heaps::fake::Fake;
    use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};

    #[test]
    fn memory_that_is_fit_is_wrapped_and_counted() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("sys")).unwrap();
        let config = Config {
            root: root.path().to_owned(),
            policy_dirs: Vec::new(),
            privileged: true,
            ..Config::default()
        };
        let fake = Box::new(Fake::default());
        let (broker, _) = Broker::with(config, fake, Meminfo::default()).unwrap();
        let sealable = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let memory = rustix::fs::memfd_create("m", sealable).unwrap();
        let (caller, holder) = (Caller::myself(), Holder::new(":1.1"));
        let refused = broker.wrap(&caller, &holder, &memory).unwrap_err();
        assert!(matches!(refused, AskError::Unfit(_)), "{refused}");
        // There, but nobody has touched it.
        rustix::fs::fallocate(&memory, FallocateFlags::empty(), 0, 8192).unwrap();
        rustix::fs::fcntl_add_seals(&memory, SealFlags::SHRINK).unwrap();
        let _buffer = broker.wrap(&caller, &holder, &memory).unwrap();
        assert_eq!(broker.wrapped.lock().len(), 1);
    }

    /// As a dma-buf can be watched.
    fn buffer() -> OwnedFd {
        rustix::pipe::pipe().unwrap().0
    }

    #[test]
    fn what_is_gone_makes_room() {
        let wrapped = Wrapped::default();
        let one = Holder::new(":1.1");
        let mut kept: Vec<OwnedFd> = (0..OF_HOLDER).map(|_| buffer()).collect();
        kept.iter().for_each(|buffer| wrapped.enter(&one, 7, buffer).unwrap());
        let further = buffer();
        let refused = wrapped.enter(&one, 7, &further).unwrap_err();
        assert!(matches!(refused, AskError::TooMany { bound: OF_HOLDER, .. }), "{refused}");
        // Others are not concerned.
        wrapped.enter(&Holder::new(":1.2"), 7, &further).unwrap();
        kept.pop();
        wrapped.enter(&one, 7, &buffer()).unwrap();
    }

    #[test]
    fn what_outlives_its_client_counts_for_its_user() {
        let wrapped = Wrapped::default();
        let kept = buffer();
        for client in 0..OF_USER {
            let holder = Holder::new(format!(":1.{}", client % 8));
            wrapped.enter(&holder, 7, &kept).unwrap();
        }
        (0..8).for_each(|client| wrapped.left(&Holder::new(format!(":1.{client}"))));
        let late = Holder::new(":1.9");
        let refused = wrapped.enter(&late, 7, &kept).unwrap_err();
        assert!(matches!(refused, AskError::TooMany { bound: OF_USER, .. }), "{refused}");
        wrapped.enter(&late, 8, &kept).unwrap();
        drop(kept);
        wrapped.enter(&late, 7, &buffer()).unwrap();
        assert_eq!(wrapped.lock().iter().filter(|entry| entry.uid == 7).count(), 1);
    }
}

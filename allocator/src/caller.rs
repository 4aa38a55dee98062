//! Who asks, and who holds what was given.

use crate::account::Process;
use heapq_constraints::Name;
use heapq_policies::Right;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use std::collections::BTreeMap;
use std::ffi::CString;

/// Who asks: what grants, bounds and accounts go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The effective user.
    pub uid: u32,
    /// Its name, where the user database knows one.
    pub user: Option<Name>,
    /// All its groups.
    pub gids: Vec<u32>,
    /// Their names in the same order; empty for those that have none.
    pub groups: Vec<Name>,
    /// The process, where it is known.
    pub pid: Option<u32>,
    /// The systemd unit that it runs in, where that is known.
    pub unit: Option<Name>,
    /// The process itself, held.
    pub process: Option<Process>,
    /// What an authority beside the policies says of them, where it was asked.
    pub verdicts: BTreeMap<Right, Verdict>,
}

/// The word of an authority on one right, which counts where no `[[grant]]` speaks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They have it.
    Yes,
    /// They have not; who says so, or who did not answer: `polkit denies org.heapq.allocate`.
    No(Name),
}

impl Caller {
    /// This process.
    #[must_use]
    pub fn myself() -> Self {
        let mut gids = vec![nix::unistd::getegid().as_raw()];
        gids.extend(rustix::process::getgroups().unwrap_or_default().iter().map(|g| g.as_raw()));
        Self::with_groups(nix::unistd::geteuid().as_raw(), gids, Some(std::process::id()))
    }

    /// The user `uid` with the groups that the user database gives it. One that the database does
    /// not know has no name and no groups.
    #[must_use]
    pub fn of_user(uid: u32, pid: Option<u32>) -> Self {
        let gids = match User::from_uid(Uid::from_raw(uid)) {
            Ok(Some(user)) => groups_of(&user),
            _ => Vec::new(),
        };
        Self::with_groups(uid, gids, pid)
    }

    /// The user `uid` with these groups (as a bus reports them), and the names that the user
    /// database has for both.
    #[must_use]
    pub fn with_groups(uid: u32, mut gids: Vec<u32>, pid: Option<u32>) -> Self {
        gids.sort_unstable();
        gids.dedup();
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        let groups = gids.iter().map(|gid| group_name(*gid).unwrap_or_default()).collect();
        let user = user.map(|user| user.name.into());
        Self { uid, user, gids, groups, pid, unit: None, process: None, verdicts: BTreeMap::new() }
    }

    /// The same caller, known to be this process.
    #[must_use]
    pub fn running_as(self, process: Process) -> Self {
        Self { unit: process.unit.clone(), process: Some(process), ..self }
    }

    /// The name of one of its groups, where that has one.
    pub(crate) fn group_name(&self, gid: u32) -> Option<&str> {
        let at = self.gids.iter().position(|known| *known == gid)?;
        self.groups.get(at).map(|name| &**name).filter(|name| !name.is_empty())
    }
}

fn groups_of(user: &User) -> Vec<u32> {
    let primary = vec![user.gid.as_raw()];
    let Ok(name) = CString::new(user.name.as_str()) else { return primary };
    match getgrouplist(&name, user.gid) {
        Ok(gids) => gids.into_iter().map(Gid::as_raw).collect(),
        Err(_) => primary,
    }
}

fn group_name(gid: u32) -> Option<Name> {
    let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten()?;
    Some(group.name.into())
}

/// Who holds leases: a bus client's unique name, a private connection's id, `in-process`. When it
/// leaves, all that it holds is given back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder(pub Name);

impl Holder {
    /// The holder with this name.
    #[must_use]
    pub fn new(name: impl Into<Name>) -> Self {
        Self(name.into())
    }
}

#[cfg(test)]
mod tests {
    use super::Caller;

    #[test]
    fn this_process_has_its_own_uid_and_groups() {
        let me = Caller::myself();
        assert_eq!(me.uid, nix::unistd::geteuid().as_raw());
        assert!(me.gids.contains(&nix::unistd::getegid().as_raw()));
        assert_eq!(me.pid, Some(std::process::id()));
    }

    #[test]
    fn a_user_that_no_database_knows_has_no_groups() {
        let nobody = Caller::of_user(4_000_000_001, None);
        assert_eq!((nobody.user, nobody.gids.len(), nobody.groups.len()), (None, 0, 0));
    }
}

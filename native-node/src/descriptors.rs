//! How many files and connections this process may have open at once: as many as the system allows, and some of them for the store only.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit on what is open at once, so that so many connections fit beside everything else, as far as the system lets this
/// process. Returns how many connections do fit: with more of them, whoever opens connections could keep the store from its files.
#[must_use]
pub fn room_for(connections: usize) -> usize {
    let limit = raise((connections as u64).saturating_add(KEPT));
    let room = limit - KEPT.min(limit / 2);
    connections.min(usize::try_from(room).unwrap_or(usize::MAX))
}

fn raise(wanted: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(soft) = current else { return u64::MAX };
    let reachable = wanted.min(maximum.unwrap_or(u64::MAX));
    let raised = reachable > soft && setrlimit(Resource::Nofile, Rlimit { current: Some(reachable), maximum }).is_ok();
    if raised { reachable } else { soft }
}

/// Descriptors for everything but peers: 256 files that the store writes at once and the directories and blocks beside them, commands of
/// this machine, calls to other carriers, and what a runtime has.
const KEPT: u64 = 512;

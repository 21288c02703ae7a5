//! How many connections the system lets this process hold.

/// Descriptors for everything that is no connection: the store with its readers, the log, the listener.
#[cfg(unix)]
const OTHERS: usize = 128;
/// A server with fewer places is of no use, whatever the system says.
#[cfg(unix)]
const FEWEST: usize = 8;

/// As many connections as are wanted, or as the system has descriptors for once its limit is raised as far as it goes:
/// a server that runs out of descriptors can neither accept nor store.
#[cfg(unix)]
pub(super) fn fit(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let needed = wanted.saturating_add(OTHERS) as u64;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        let raised = limit.maximum.map_or(needed, |most| most.min(needed));
        // where it is not allowed, the limit is what it was
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum });
    }
    let Some(current) = getrlimit(Resource::Nofile).current else { return wanted };
    let fits = usize::try_from(current).unwrap_or(usize::MAX).saturating_sub(OTHERS).max(FEWEST);
    if fits < wanted {
        tracing::warn!(
            descriptors = current,
            connections = fits,
            "this process may open too few files for VIBETEA_MAX_CONNECTIONS and takes fewer connections: `ulimit -n` or \
             LimitNOFILE= raises the limit"
        );
    }
    fits.min(wanted)
}

#[cfg(not(unix))]
pub(super) const fn fit(wanted: usize) -> usize {
    wanted
}

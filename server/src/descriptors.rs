//! File descriptors: each connection and each open journal file takes one, and systems give a program few unless it asks.

/// Beside the connections: journal files, the database, pipes of workers.
const OTHERS: u64 = 1024;

/// Asks for as many as the system allows, and says so where they are too few for `connections`.
#[cfg(unix)]
pub(crate) fn raise(connections: usize) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let wanted = connections as u64 + OTHERS;
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let ask = wanted.clamp(soft, hard.max(soft));
        setrlimit(Resource::RLIMIT_NOFILE, ask, hard).map(|()| ask)
    });
    match raised {
        Ok(got) if got < wanted => tracing::warn!(
            "the system gives {got} file descriptors, too few for {connections} connections: raise the hard limit \
             (`ulimit -Hn`, systemd's LimitNOFILE) or lower [limits] connections"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!("can't ask for more file descriptors: {error}"),
    }
}

#[cfg(not(unix))]
pub(crate) fn raise(_: usize) {}

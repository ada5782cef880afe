//! File descriptors: each connection and each open journal file takes one, and systems give a program few unless it asks.

use crate::config::Limits;

/// Beside the connections: the database, recordings that are read, pipes of workers.
const OTHERS: u64 = 1024;
/// A publisher's own connection, and a journal file each for picture and sound.
const A_PUBLISHER: u64 = 3;

/// Asks for as many as the system allows, and says so where they are too few for what `limits` lets in.
pub(crate) fn raise(limits: &Limits) {
    let (connections, publishers) = (limits.connections as u64, limits.publishers as u64);
    let wanted = connections + A_PUBLISHER * publishers + OTHERS;
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) if files < wanted => tracing::warn!(
            "this process may open {files} files, too few for {connections} connections and {publishers} \
             publishers: raise the hard limit (`ulimit -Hn`, LimitNOFILE= in a systemd unit, `docker run --ulimit nofile=`) or \
             lower [limits] connections and publishers"
        ),
        Ok(files) => tracing::debug!("may open {files} files"),
        Err(error) => tracing::warn!("can't raise the limit of open files: {error}"),
    }
}

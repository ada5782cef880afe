//! File descriptors: each connection and each open journal file takes one, and systems give a program few unless it asks.

/// Beside the connections: journal files, the database, pipes of workers.
const OTHERS: u64 = 1024;

/// Asks for as many as the system allows, and says so where they are too few for `connections`.
pub(crate) fn raise(connections: usize) {
    let wanted = connections as u64 + OTHERS;
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) if files < wanted => tracing::warn!(
            "this process may open {files} files, too few for {connections} connections: raise the hard limit \
             (`ulimit -Hn`, LimitNOFILE= in a systemd unit, `docker run --ulimit nofile=`) or lower [limits] connections"
        ),
        Ok(files) => tracing::debug!("may open {files} files"),
        Err(error) => tracing::warn!("can't raise the limit of open files: {error}"),
    }
}

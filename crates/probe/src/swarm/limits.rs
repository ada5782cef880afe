//! Open files: each viewer holds a connection for each request that it has under way.

use anyhow::{Context, ensure};

/// Playlist and media of two renditions at once.
const OF_A_VIEWER: u64 = 4;
/// Standard streams, the runtimes' own, the log.
const OURS: u64 = 64;

/// Raises the limit as far as this process may, and fails where that is not enough.
pub(super) fn raise(viewers: u32) -> anyhow::Result<()> {
    let needed = u64::from(viewers) * OF_A_VIEWER + OURS;
    let may = rlimit::increase_nofile_limit(needed).context("can't ask for the limit of open files")?;
    check(viewers, may)
}

fn check(viewers: u32, may: u64) -> anyhow::Result<()> {
    let needed = u64::from(viewers) * OF_A_VIEWER + OURS;
    let most = may.saturating_sub(OURS) / OF_A_VIEWER;
    ensure!(
        may >= needed,
        "{viewers} viewers hold up to {needed} connections, and this process may open {may} files. Raise the hard limit \
         (`ulimit -Hn {needed}` as root, LimitNOFILE= in a systemd unit, or `docker run --ulimit nofile={needed}`), or run \
         {most} viewers at most"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn at_the_limit_and_one_beyond() {
        assert!(check(1_000, 4_064).is_ok());
        let error = check(1_000, 4_063).unwrap_err().to_string();
        assert!(error.contains("999 viewers at most") && error.contains("4064"), "{error}");
    }
}

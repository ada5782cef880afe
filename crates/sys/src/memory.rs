//! Memory that was freed and that the allocator keeps for itself.

/// Gives back to the system what was freed: after something that took much once. glibc keeps small pieces otherwise, for as
/// long as any newer one is in use; elsewhere this does nothing.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it may be called at any time, and touches only what is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    fn resident_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim_end_matches("kB").trim().parse().unwrap()
    }

    #[test]
    fn small_pieces_go_back() {
        let pieces: Vec<Vec<u8>> = (0..400_000).map(|_| vec![1; 100]).collect();
        // Above the pieces: without it the allocator would give them back by itself.
        let above = vec![1_u8; 64];
        drop(pieces);
        let before = resident_kib();
        super::give_back();
        assert!(resident_kib() + 20_000 < before, "{before} KiB before");
        drop(above);
    }
}

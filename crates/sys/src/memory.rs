//! How the system's allocator (glibc's) deals with much memory that comes and goes.

/// Pieces up to this come from what was freed before.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const REUSED: libc::c_int = 4 << 20;
/// So much at the end of a heap is kept for what comes next.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const SPARE: libc::c_int = 64 << 20;

/// Memory that is freed is used again, rather than given back to the system and asked for anew: for a program in which
/// pieces of a hundred kilobytes and more live for seconds. As it comes, glibc maps each of them, and a quarter of a server's time
/// goes into pages that the system has to fill with zeros. Call it first of all; elsewhere it does nothing.
pub fn reuse() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it only sets two numbers.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, REUSED);
        libc::mallopt(libc::M_TRIM_THRESHOLD, SPARE);
    }
}

/// Gives back to the system what was freed: after something that took much once. glibc keeps small pieces otherwise, for as
/// long as any newer one is in use. Of a heap that isn't the first thread's the upper end stays. Elsewhere it does nothing.
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
    fn what_lies_between_pieces_in_use_goes_back() {
        let mut pieces: Vec<Vec<u8>> = (0..400_000).map(|_| vec![1; 100]).collect();
        for (number, piece) in pieces.iter_mut().enumerate() {
            if number % 1_000 != 0 {
                *piece = Vec::new();
            }
        }
        let before = resident_kib();
        super::give_back();
        let after = resident_kib();
        assert!(after + 20_000 < before, "{before} KiB before, {after} after");
        drop(pieces);
    }
}

//! How much room a disk has.

use std::io;
use std::path::Path;

/// Bytes that this user may still write to the file system that `path` is on. Where it can't be asked (Windows): as many as
/// there are numbers for.
pub fn free(path: &Path) -> io::Result<u64> {
    system::free(path)
}

#[cfg(unix)]
mod system {
    use std::ffi::CString;
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    pub(super) fn free(path: &Path) -> io::Result<u64> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        let mut stat = MaybeUninit::<libc::statvfs>::uninit();
        // SAFETY: a string with its nul, and room for what statvfs writes.
        if unsafe { libc::statvfs(path.as_ptr(), stat.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it returned 0, so all of it is written.
        let stat = unsafe { stat.assume_init() };
        // 32 bits wide on some systems.
        #[allow(clippy::useless_conversion, reason = "not everywhere useless")]
        let (blocks, size) = (u64::from(stat.f_bavail), u64::from(stat.f_frsize));
        Ok(blocks.saturating_mul(size))
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;
    use std::path::Path;

    pub(super) fn free(_: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn a_disk_has_some_room_and_nothing_has_none() {
        assert!(super::free(&std::env::temp_dir()).unwrap() > 0);
        assert_eq!(cfg!(unix), super::free(std::path::Path::new("/no/such/folder")).is_err());
    }
}

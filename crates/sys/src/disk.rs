//! How much room a disk has.

use std::io;
use std::path::Path;

/// A file system's room, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// This user may still write so many.
    pub free: u64,
    /// Taken or not.
    pub total: u64,
}

/// Of the file system that `path` is on. Where it can't be asked (Windows): as many bytes as there are numbers for.
pub fn room(path: &Path) -> io::Result<Room> {
    system::room(path)
}

/// Bytes that this user may still write there.
pub fn free(path: &Path) -> io::Result<u64> {
    Ok(room(path)?.free)
}

#[cfg(unix)]
mod system {
    use std::ffi::CString;
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::Room;

    pub(super) fn room(path: &Path) -> io::Result<Room> {
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
        let (free, all, size) =
            (u64::from(stat.f_bavail), u64::from(stat.f_blocks), u64::from(stat.f_frsize));
        Ok(Room { free: free.saturating_mul(size), total: all.saturating_mul(size) })
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;
    use std::path::Path;

    use super::Room;

    pub(super) fn room(_: &Path) -> io::Result<Room> {
        Ok(Room { free: u64::MAX, total: u64::MAX })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn a_disk_has_some_room_and_nothing_has_none() {
        let room = super::room(&std::env::temp_dir()).unwrap();
        assert!(room.free > 0 && room.total >= room.free, "{room:?}");
        assert_eq!(cfg!(unix), super::free(std::path::Path::new("/no/such/folder")).is_err());
    }
}

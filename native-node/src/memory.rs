//! How this process treats freed memory.

/// Keeps freed memory for the next blocks, whichever thread needs them, instead of giving it back to the system at once.
///
/// Blocks of 1 MiB come and go by the hundred a second, and each is freed by another thread than the one that made it. By default the C
/// library asks the system for many of them anew, where every page is zeroed before its first use: a read of 1 GiB met 140,000 such
/// pages, and meets 16,000 with this. And it keeps a heap per thread, each of which grows to what all of them need at once.
pub fn keep_freed() {
    // SAFETY: mallopt is called before any other thread exists and takes plain integers; a value it does not like changes nothing.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

/// Freed bytes at the end of the heap that are kept.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 64 << 20;
/// Bytes from which a piece of memory comes from the system and returns to it: a few blocks.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: libc::c_int = 4 << 20;

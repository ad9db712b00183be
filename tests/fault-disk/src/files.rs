//! The C face towards ordinary files: the C library's calls, as Rust's standard library makes them.
//!
//! The functions here have the names of the C library's own, so the linker takes them first; each
//! passes on to the real one. Invariant: a call on a path outside a mounted folder, or made by
//! SQLite's VFS, is passed on unseen.
#![allow(unsafe_code, reason = "these stand before the C library's functions")]

use crate::{
    disk::{Call, Failure, Mount, mounted},
    platter::Op,
    vfs::{inside, is_inside},
};
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use libc::{mode_t, off64_t, size_t, ssize_t};
use std::{
    collections::HashMap,
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

#[derive(Clone)]
enum What {
    File(u64),
    Folder(PathBuf),
}

type Open = HashMap<c_int, (Arc<Mount>, What)>;

static OPEN: LazyLock<Mutex<Open>> = LazyLock::new(Mutex::default);
/// How many are open: most programs never have one.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn open_files() -> MutexGuard<'static, Open> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn found(fd: c_int) -> Option<(Arc<Mount>, What)> {
    if COUNT.load(Ordering::Acquire) == 0 || is_inside() {
        return None;
    }
    open_files().get(&fd).cloned()
}

/// # Safety
/// `path` is a C string.
unsafe fn placed(path: *const c_char) -> Option<(Arc<Mount>, PathBuf)> {
    if path.is_null() || is_inside() {
        return None;
    }
    // SAFETY: the caller of a C function gives a C string.
    let path = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
    inside(|| mounted(path))
}

/// Finds the real function behind ours.
macro_rules! real {
    ($name:literal as fn($($arg:ty),*) -> $out:ty) => {{
        static REAL: LazyLock<usize> = LazyLock::new(|| {
            // SAFETY: the name is a C string; the answer is checked below.
            let found = unsafe { libc::dlsym(libc::RTLD_NEXT, $name.as_ptr()) };
            assert!(!found.is_null(), "the C library lacks a function");
            found as usize
        });
        // SAFETY: the C library's function of this name has this signature.
        unsafe { std::mem::transmute::<usize, unsafe extern "C" fn($($arg),*) -> $out>(*REAL) }
    }};
}

fn fail(failure: Failure) -> c_int {
    let errno = if failure == Failure::Full { libc::ENOSPC } else { libc::EIO };
    // SAFETY: the thread's own errno.
    unsafe { *libc::__errno_location() = errno };
    -1
}

unsafe extern "C" fn opening(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let open = real!(c"open64" as fn(*const c_char, c_int, mode_t) -> c_int);
    // SAFETY: passed on as it came.
    let pass = || unsafe { open(path, flags, mode) };
    // SAFETY: as the caller of the C function promises.
    let Some((mount, name)) = (unsafe { placed(path) }) else { return pass() };
    // SAFETY: as above.
    let there = inside(|| unsafe { libc::access(path, libc::F_OK) } == 0);
    let made = !there && flags & libc::O_CREAT != 0;
    if let Some(failure) = mount.fails(Call::Open(made)) {
        return fail(failure);
    }
    let fd = pass();
    if fd < 0 {
        return fd;
    }
    inside(|| {
        // SAFETY: zeroed is a valid `stat`, and `fd` is open.
        let folder = unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            libc::fstat(fd, &raw mut stat) == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFDIR
        };
        let what = if folder { What::Folder(name) } else { What::File(mount.opened(&name, made)) };
        if let What::File(file) = what
            && there
            && flags & libc::O_TRUNC != 0
        {
            mount.log(Op::Truncate(file, 0));
        }
        open_files().insert(fd, (mount, what));
        COUNT.fetch_add(1, Ordering::Release);
    });
    fd
}

/// Stands before the C library's `open64`.
///
/// # Safety
/// As for `open64`; the third argument is looked at only with `O_CREAT`.
#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: passed on as it came.
    unsafe { opening(path, flags, mode) }
}

/// Stands before the C library's `close`.
///
/// # Safety
/// As for `close`.
#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    if COUNT.load(Ordering::Acquire) > 0 && !is_inside() && open_files().remove(&fd).is_some() {
        COUNT.fetch_sub(1, Ordering::Release);
    }
    let close = real!(c"close" as fn(c_int) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { close(fd) }
}

/// Stands before the C library's `write`.
///
/// # Safety
/// As for `write`.
#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, from: *const c_void, len: size_t) -> ssize_t {
    let write = real!(c"write" as fn(c_int, *const c_void, size_t) -> ssize_t);
    let Some((mount, What::File(file))) = found(fd) else {
        // SAFETY: passed on as it came.
        return unsafe { write(fd, from, len) };
    };
    if let Some(failure) = mount.fails(Call::Write) {
        return fail(failure) as ssize_t;
    }
    // SAFETY: passed on as it came.
    let done = unsafe { write(fd, from, len) };
    if done > 0 {
        // SAFETY: `fd` is open.
        let end = unsafe { libc::lseek64(fd, 0, libc::SEEK_CUR) };
        // SAFETY: so many bytes were just read from there.
        let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), done as usize) };
        mount.log(Op::Write(file, (end - done as off64_t) as usize, bytes.to_vec()));
    }
    done
}

/// Says that a shortcut does not exist.
fn unknown() -> ssize_t {
    // SAFETY: the thread's own errno.
    unsafe { *libc::__errno_location() = libc::ENOSYS };
    -1
}

/// Stands before the C library's `copy_file_range`: not for watched files, so that whoever copies goes
/// on with `write`, which is seen.
///
/// # Safety
/// As for `copy_file_range`.
#[unsafe(no_mangle)]
unsafe extern "C" fn copy_file_range(
    from: c_int,
    from_at: *mut off64_t,
    to: c_int,
    to_at: *mut off64_t,
    len: size_t,
    flags: c_uint,
) -> ssize_t {
    let copy =
        real!(c"copy_file_range" as fn(c_int, *mut off64_t, c_int, *mut off64_t, size_t, c_uint) -> ssize_t);
    match found(to) {
        Some(_) => unknown(),
        // SAFETY: passed on as it came.
        None => unsafe { copy(from, from_at, to, to_at, len, flags) },
    }
}

/// Stands before the C library's `sendfile64`, as [`copy_file_range`].
///
/// # Safety
/// As for `sendfile64`.
#[unsafe(no_mangle)]
unsafe extern "C" fn sendfile64(to: c_int, from: c_int, at: *mut off64_t, len: size_t) -> ssize_t {
    let send = real!(c"sendfile64" as fn(c_int, c_int, *mut off64_t, size_t) -> ssize_t);
    match found(to) {
        Some(_) => unknown(),
        // SAFETY: passed on as it came.
        None => unsafe { send(to, from, at, len) },
    }
}

/// Stands before the C library's `ftruncate64`.
///
/// # Safety
/// As for `ftruncate64`.
#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate64(fd: c_int, len: off64_t) -> c_int {
    let truncate = real!(c"ftruncate64" as fn(c_int, off64_t) -> c_int);
    let found = found(fd);
    if let Some((mount, _)) = &found
        && let Some(failure) = mount.fails(Call::Truncate)
    {
        return fail(failure);
    }
    // SAFETY: passed on as it came.
    let done = unsafe { truncate(fd, len) };
    if let Some((mount, What::File(file))) = found
        && done == 0
    {
        mount.log(Op::Truncate(file, len as usize));
    }
    done
}

/// Stands before the C library's `fsync`.
///
/// # Safety
/// As for `fsync`.
#[unsafe(no_mangle)]
unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    let sync = real!(c"fsync" as fn(c_int) -> c_int);
    let found = found(fd);
    if let Some((mount, _)) = &found
        && let Some(failure) = mount.fails(Call::Sync)
    {
        return fail(failure);
    }
    // SAFETY: passed on as it came.
    let done = unsafe { sync(fd) };
    if let Some((mount, what)) = found
        && done == 0
    {
        mount.log(match what {
            What::File(file) => Op::Sync(file),
            What::Folder(name) => Op::SyncDir(name),
        });
    }
    done
}

/// Stands before the C library's `rename`.
///
/// # Safety
/// As for `rename`.
#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let rename = real!(c"rename" as fn(*const c_char, *const c_char) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { moved(from, to, false, || rename(from, to)) }
}

/// Stands before the C library's `linkat`.
///
/// # Safety
/// As for `linkat`.
#[unsafe(no_mangle)]
unsafe extern "C" fn linkat(
    from_dir: c_int,
    from: *const c_char,
    to_dir: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    let link = real!(c"linkat" as fn(c_int, *const c_char, c_int, *const c_char, c_int) -> c_int);
    // SAFETY: passed on as it came.
    unsafe { moved(from, to, true, || link(from_dir, from, to_dir, to, flags)) }
}

/// # Safety
/// Both paths are C strings.
unsafe fn moved(from: *const c_char, to: *const c_char, both: bool, run: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: as the caller of the C function promises.
    let (from, to) = unsafe { (placed(from), placed(to)) };
    let (Some((mount, from)), Some((_, to))) = (from, to) else { return run() };
    inside(|| mount.meet(&from));
    if let Some(failure) = mount.fails(Call::Write) {
        return fail(failure);
    }
    let done = run();
    if done == 0 {
        mount.renamed(&from, &to, both);
    }
    done
}

/// Stands before the C library's `unlink`.
///
/// # Safety
/// As for `unlink`.
#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    let unlink = real!(c"unlink" as fn(*const c_char) -> c_int);
    // SAFETY: as the caller of the C function promises.
    let placed = unsafe { placed(path) };
    if let Some((mount, _)) = &placed
        && let Some(failure) = mount.fails(Call::Remove)
    {
        return fail(failure);
    }
    if let Some((mount, name)) = &placed {
        inside(|| mount.meet(name));
    }
    // SAFETY: passed on as it came.
    let done = unsafe { unlink(path) };
    if let Some((mount, name)) = placed
        && done == 0
    {
        mount.removed(&name);
    }
    done
}

/// Stands before the C library's `mkdir`.
///
/// # Safety
/// As for `mkdir`.
#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    let mkdir = real!(c"mkdir" as fn(*const c_char, mode_t) -> c_int);
    // SAFETY: as the caller of the C function promises.
    let placed = unsafe { placed(path) };
    if let Some((mount, _)) = &placed
        && let Some(failure) = mount.fails(Call::Write)
    {
        return fail(failure);
    }
    // SAFETY: passed on as it came.
    let done = unsafe { mkdir(path, mode) };
    if let Some((mount, name)) = placed
        && done == 0
    {
        mount.log(Op::MakeDir(name));
    }
    done
}

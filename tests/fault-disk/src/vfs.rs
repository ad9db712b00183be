//! The C face towards SQLite: a VFS around the operating system's own.
//!
//! Invariant: files in a mounted folder are wrapped, every other open goes straight to the real
//! VFS; locks and shared memory are always the real ones. No panic crosses into C.
#![allow(unsafe_code, reason = "SQLite calls these functions")]

use crate::disk::{Call, Failure, Mount, mounted};
use crate::platter::Op;
use core::ffi::{CStr, c_char, c_int, c_void};
use rusqlite::ffi;
use std::{
    cell::Cell,
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    ptr,
    sync::{Arc, OnceLock},
};

/// A wrapped file; the real one lies behind it in the same memory.
#[repr(C)]
struct Wrapped {
    base: ffi::sqlite3_file,
    handle: *mut Handle,
}

struct Handle {
    mount: Arc<Mount>,
    file: u64,
    name: PathBuf,
    /// A new journal or WAL: the real VFS syncs its folder with the file's first sync.
    sync_folder: Cell<bool>,
}

struct Registered {
    real: *mut ffi::sqlite3_vfs,
}

// SAFETY: the pointer is to a VFS that lives as long as the process and is only read.
unsafe impl Send for Registered {}
// SAFETY: as above.
unsafe impl Sync for Registered {}

static REGISTERED: OnceLock<Registered> = OnceLock::new();

thread_local! {
    /// True while SQLite's own VFS works, whose calls of the C library are not the program's.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Says whether SQLite's VFS is at work on this thread.
pub(crate) fn is_inside() -> bool {
    INSIDE.with(Cell::get)
}

/// Runs the real VFS.
pub(crate) fn inside<T>(run: impl FnOnce() -> T) -> T {
    let before = INSIDE.with(|inside| inside.replace(true));
    let out = run();
    INSIDE.with(|inside| inside.set(before));
    out
}

/// Makes our VFS the process's default, once.
pub(crate) fn register() {
    REGISTERED.get_or_init(|| {
        // SAFETY: initialises the library and asks for the default VFS.
        let real = unsafe {
            ffi::sqlite3_initialize();
            ffi::sqlite3_vfs_find(ptr::null())
        };
        assert!(!real.is_null(), "SQLite has no VFS");
        // SAFETY: `real` is a valid VFS; the copy keeps its functions and its data.
        let mut ours = unsafe { *real };
        ours.pNext = ptr::null_mut();
        ours.zName = c"lanewalk-fault-disk".as_ptr();
        ours.szOsFile += size_of::<Wrapped>() as c_int;
        ours.xOpen = Some(open);
        ours.xDelete = Some(delete);
        // SAFETY: the VFS is leaked, so it outlives every use.
        let done = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(ours)), 1) };
        assert_eq!(done, ffi::SQLITE_OK, "SQLite refused our VFS");
        Registered { real }
    });
}

fn real_vfs() -> *mut ffi::sqlite3_vfs {
    REGISTERED.get().map_or(ptr::null_mut(), |r| r.real)
}

/// # Safety
/// `name` is null or a C string.
unsafe fn path<'a>(name: *const c_char) -> Option<&'a Path> {
    if name.is_null() {
        return None;
    }
    // SAFETY: not null, and SQLite gives C strings.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    Some(Path::new(OsStr::from_bytes(bytes)))
}

/// # Safety
/// `file` is one that [`open`] wrapped.
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: the real file lies right behind the wrapper; its size is a multiple of a pointer's.
    unsafe { file.byte_add(size_of::<Wrapped>()) }
}

/// # Safety
/// `file` is one that [`open`] wrapped and that is not closed yet.
unsafe fn handle<'a>(file: *mut ffi::sqlite3_file) -> &'a Handle {
    // SAFETY: `open` put a handle there, and `close` alone takes it.
    unsafe { &*(*file.cast::<Wrapped>()).handle }
}

/// Calls a method of the real file.
macro_rules! forward {
    ($file:expr, $method:ident $(, $arg:expr)*) => {{
        // SAFETY: `$file` was wrapped by `open`, so a real file with methods lies behind it, and
        // the arguments are those SQLite gave for exactly this method.
        inside(|| unsafe {
            let real = real($file);
            match (*(*real).pMethods).$method {
                Some(method) => method(real $(, $arg)*),
                None => ffi::SQLITE_NOTFOUND,
            }
        })
    }};
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let vfs = real_vfs();
    // SAFETY: SQLite gives a C string or null.
    let found = unsafe { path(name) }.and_then(|path| Some((path, mounted(path)?)));
    let real_open = |file| {
        // SAFETY: the real VFS with the arguments SQLite gave; `file` has room for its file.
        inside(|| unsafe {
            (*vfs).xOpen.map_or(ffi::SQLITE_CANTOPEN, |f| f(vfs, name, file, flags, out_flags))
        })
    };
    let Some((path, (mount, within))) = found else { return real_open(file) };
    // SAFETY: `file` has room for a wrapper; without methods SQLite does not close what failed to open.
    unsafe { (*file).pMethods = ptr::null() };
    let made = inside(|| !path.exists());
    // What the real VFS answers when the system cannot open a file, whatever the reason.
    if mount.fails(Call::Open(made)).is_some() {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: there is room for the real file behind the wrapper.
    let done = real_open(unsafe { real(file) });
    if done != ffi::SQLITE_OK {
        return done;
    }
    let number = inside(|| mount.opened(&within, made));
    let journal = ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;
    let sync_folder = Cell::new(made && flags & journal != 0);
    let handle = Box::new(Handle { mount, file: number, name: within, sync_folder });
    let wrapped = Wrapped { base: ffi::sqlite3_file { pMethods: &METHODS }, handle: Box::into_raw(handle) };
    // SAFETY: `file` is memory for at least a wrapper, aligned for pointers.
    unsafe { file.cast::<Wrapped>().write(wrapped) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    let vfs = real_vfs();
    // SAFETY: SQLite gives a C string.
    let found = unsafe { path(name) }.and_then(mounted);
    if let Some((mount, within)) = &found {
        if mount.fails(Call::Remove).is_some() {
            return ffi::SQLITE_IOERR_DELETE;
        }
        inside(|| mount.meet(within));
    }
    // SAFETY: the real VFS with the arguments SQLite gave.
    let done =
        inside(|| unsafe { (*vfs).xDelete.map_or(ffi::SQLITE_IOERR_DELETE, |f| f(vfs, name, sync_folder)) });
    if let Some((mount, within)) = found
        && done == ffi::SQLITE_OK
    {
        mount.removed(&within);
        if sync_folder != 0 {
            mount.log(Op::SyncDir(folder(&within)));
        }
    }
    done
}

fn folder(name: &Path) -> PathBuf {
    name.parent().unwrap_or(Path::new("")).to_owned()
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let done = forward!(file, xClose);
    let wrapped = file.cast::<Wrapped>();
    // SAFETY: SQLite closes a file once; nothing uses the handle after this.
    drop(unsafe { Box::from_raw((*wrapped).handle) });
    done
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, len: c_int, at: i64) -> c_int {
    // SAFETY: wrapped and open.
    match unsafe { handle(file) }.mount.fails(Call::Read) {
        Some(Failure::ShortRead) => {
            let done = forward!(file, xRead, to, len, at);
            if done == ffi::SQLITE_OK && len > 1 {
                let half = len as usize / 2;
                // SAFETY: SQLite's buffer has `len` bytes; the rest must be zero (its contract).
                unsafe { ptr::write_bytes(to.cast::<u8>().add(half), 0, len as usize - half) };
                return ffi::SQLITE_IOERR_SHORT_READ;
            }
            done
        }
        Some(_) => ffi::SQLITE_IOERR_READ,
        None => forward!(file, xRead, to, len, at),
    }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, len: c_int, at: i64) -> c_int {
    // SAFETY: wrapped and open.
    let handle = unsafe { handle(file) };
    // SAFETY: SQLite's buffer has `len` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), len as usize) };
    let failed = handle.mount.fails(Call::Write);
    // A write that fails may have written its beginning.
    let bytes = if failed.is_some() { &bytes[..bytes.len() / 1024 * 512] } else { bytes };
    let done = match bytes.is_empty() {
        true => ffi::SQLITE_OK,
        false => forward!(file, xWrite, from, bytes.len() as c_int, at),
    };
    if done == ffi::SQLITE_OK && !bytes.is_empty() {
        handle.mount.log(Op::Write(handle.file, at as usize, bytes.to_vec()));
    }
    match failed {
        Some(Failure::Full) => ffi::SQLITE_FULL,
        Some(_) => ffi::SQLITE_IOERR_WRITE,
        None => done,
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: i64) -> c_int {
    // SAFETY: wrapped and open.
    let handle = unsafe { handle(file) };
    if handle.mount.fails(Call::Truncate).is_some() {
        return ffi::SQLITE_IOERR_TRUNCATE;
    }
    let done = forward!(file, xTruncate, len);
    if done == ffi::SQLITE_OK {
        handle.mount.log(Op::Truncate(handle.file, len as usize));
    }
    done
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: wrapped and open.
    let handle = unsafe { handle(file) };
    if handle.mount.fails(Call::Sync).is_some() {
        return ffi::SQLITE_IOERR_FSYNC;
    }
    let done = forward!(file, xSync, flags);
    if done == ffi::SQLITE_OK {
        handle.mount.log(Op::Sync(handle.file));
        if handle.sync_folder.replace(false) {
            handle.mount.log(Op::SyncDir(folder(&handle.name)));
        }
    }
    done
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    forward!(file, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    forward!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    forward!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    forward!(file, xCheckReservedLock, out)
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, op: c_int, arg: *mut c_void) -> c_int {
    forward!(file, xFileControl, op, arg)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    forward!(file, xSectorSize)
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    forward!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    forward!(file, xShmMap, region, size, extend, out)
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, n: c_int, flags: c_int) -> c_int {
    forward!(file, xShmLock, offset, n, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: as in `forward!`; this method returns nothing.
    inside(|| unsafe {
        let real = real(file);
        if let Some(method) = (*(*real).pMethods).xShmBarrier {
            method(real);
        }
    });
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    forward!(file, xShmUnmap, delete)
}

/// Version 2: with shared memory, without memory-mapped reads, which no fault could reach.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

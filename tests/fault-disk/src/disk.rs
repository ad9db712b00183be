//! A mounted folder: its journal and the faults it gives.

use crate::{platter::Op, vfs};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

/// What a program asks of the disk, as far as it may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Opening a file; `true` when that makes it.
    Open(bool),
    /// Reading.
    Read,
    /// Writing, or making a folder or a name.
    Write,
    /// Cutting or lengthening.
    Truncate,
    /// Syncing a file or a folder.
    Sync,
    /// Removing a file.
    Remove,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No room (ENOSPC): only calls that need room fail.
    Full,
    /// The disk says no (EIO): any call fails.
    Io,
    /// A read gives fewer bytes than asked for: only reads fail.
    ShortRead,
}

impl Failure {
    fn hits(self, call: Call) -> bool {
        match self {
            Self::Full => matches!(call, Call::Open(true) | Call::Write),
            Self::Io => true,
            Self::ShortRead => call == Call::Read,
        }
    }
}

/// Which calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// How.
    pub failure: Failure,
    /// The first that fails, counting from 1 only calls that can fail this way.
    pub at: u64,
    /// Whether all later ones fail too.
    pub for_ever: bool,
}

#[derive(Debug, Default)]
struct State {
    journal: Vec<Op>,
    names: HashMap<PathBuf, u64>,
    last_file: u64,
    fault: Option<Fault>,
    counted: u64,
    failed: u64,
}

/// A mounted folder, shared with the files open in it.
#[derive(Debug)]
pub(crate) struct Mount {
    root: PathBuf,
    state: Mutex<State>,
}

/// Mounted folders.
static MOUNTS: RwLock<Vec<Arc<Mount>>> = RwLock::new(Vec::new());

/// A folder on the fault disk until dropped.
#[derive(Debug)]
pub struct Disk(Arc<Mount>);

impl Disk {
    /// Puts a folder, which must exist, on the fault disk. From the first call on, the process's
    /// default VFS is ours; it leaves every other folder alone.
    pub fn mount(root: &Path) -> Self {
        vfs::register();
        let mount = Arc::new(Mount { root: root.to_owned(), state: Mutex::default() });
        MOUNTS.write().unwrap_or_else(PoisonError::into_inner).push(mount.clone());
        Self(mount)
    }

    /// Writes a word of the test's into the journal.
    pub fn mark(&self, word: impl Into<String>) {
        self.0.log(Op::Mark(word.into()));
    }

    /// Says that everything so far is on the medium, as if the machine had idled.
    pub fn flush(&self) {
        self.0.log(Op::Flush);
    }

    /// Takes the journal, which begins anew.
    pub fn take_journal(&self) -> Vec<Op> {
        std::mem::take(&mut self.0.lock().journal)
    }

    /// Makes calls fail from now on; counts from the next call.
    pub fn arm(&self, fault: Fault) {
        let mut state = self.0.lock();
        (state.fault, state.counted, state.failed) = (Some(fault), 0, 0);
    }

    /// Ends all faults; returns how many calls failed.
    pub fn disarm(&self) -> u64 {
        let mut state = self.0.lock();
        state.fault = None;
        state.failed
    }

    /// Returns how many calls could have failed as the armed fault says.
    pub fn counted(&self) -> u64 {
        self.0.lock().counted
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let mut mounts = MOUNTS.write().unwrap_or_else(PoisonError::into_inner);
        mounts.retain(|mount| !Arc::ptr_eq(mount, &self.0));
    }
}

/// Finds the mounted folder a path is in, and the path within it.
pub(crate) fn mounted(path: &Path) -> Option<(Arc<Mount>, PathBuf)> {
    let mounts = MOUNTS.read().unwrap_or_else(PoisonError::into_inner);
    mounts.iter().find_map(|mount| {
        let name = path.strip_prefix(&mount.root).ok()?;
        Some((mount.clone(), name.to_owned()))
    })
}

impl Mount {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self, op: Op) {
        self.lock().journal.push(op);
    }

    /// Says whether this call fails.
    pub(crate) fn fails(&self, call: Call) -> Option<Failure> {
        let mut state = self.lock();
        let fault = state.fault?;
        if !fault.failure.hits(call) {
            return None;
        }
        state.counted += 1;
        let hit = state.counted == fault.at || (fault.for_ever && state.counted > fault.at);
        state.failed += u64::from(hit);
        hit.then_some(fault.failure)
    }

    /// Notes that a file was opened, made new or found; returns its number. Whoever makes a file
    /// anew over one that is there gives it a new number.
    pub(crate) fn opened(&self, name: &Path, made: bool) -> u64 {
        let mut state = self.lock();
        if !made && let Some(file) = state.names.get(name) {
            return *file;
        }
        state.last_file += 1;
        let file = state.last_file;
        state.names.insert(name.to_owned(), file);
        let op = if made {
            Op::Create(name.to_owned(), file)
        } else {
            let bytes = std::fs::read(self.root.join(name)).unwrap_or_default();
            Op::Found(name.to_owned(), file, bytes)
        };
        state.journal.push(op);
        file
    }

    /// Notes a file that was there before the disk was mounted; anything else is known already.
    pub(crate) fn meet(&self, name: &Path) {
        if self.root.join(name).is_file() {
            self.opened(name, false);
        }
    }

    /// Notes that a name is gone.
    pub(crate) fn removed(&self, name: &Path) {
        let mut state = self.lock();
        state.names.remove(name);
        state.journal.push(Op::Remove(name.to_owned()));
    }

    /// Notes that a name moved, or became one more.
    pub(crate) fn renamed(&self, from: &Path, to: &Path, both: bool) {
        let mut state = self.lock();
        if let Some(file) = state.names.get(from).copied() {
            state.names.insert(to.to_owned(), file);
        }
        let (from, to) = (from.to_owned(), to.to_owned());
        if both {
            state.journal.push(Op::Link(from, to));
        } else {
            state.names.remove(&from);
            // A folder takes what is in it along.
            let inside: Vec<PathBuf> = state.names.keys().filter(|n| n.starts_with(&from)).cloned().collect();
            for name in inside {
                if let (Ok(rest), Some(file)) = (name.strip_prefix(&from), state.names.get(&name).copied()) {
                    state.names.insert(to.join(rest), file);
                    state.names.remove(&name);
                }
            }
            state.journal.push(Op::Rename(from, to));
        }
    }
}

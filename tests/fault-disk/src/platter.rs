//! What lies on the medium: rebuilt from the journal, with what a power cut may leave of it.
//!
//! The model is what POSIX promises and no more. A file's content is safe after a sync of the
//! file, its name after a sync of its folder. Of everything else any part may be there: each
//! 512-byte sector of each write on its own (torn, lost, overtaken by a later write), each
//! truncation, and of each folder's changes of names any beginning. A rename never loses the file:
//! where its old name is gone, the new one is there, as every journalling file system has it.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Bytes that a medium writes whole or not at all.
const SECTOR: usize = 512;

/// One thing that happened to the folder. Paths are relative to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// The test says what follows; changes nothing.
    Mark(String),
    /// Everything so far is on the medium.
    Flush,
    /// A file that was there before the disk was mounted, found at its first use.
    Found(PathBuf, u64, Vec<u8>),
    /// A new empty file.
    Create(PathBuf, u64),
    /// A new folder.
    MakeDir(PathBuf),
    /// Bytes at an offset.
    Write(u64, usize, Vec<u8>),
    /// A new length.
    Truncate(u64, usize),
    /// The content of a file is on the medium.
    Sync(u64),
    /// The names in a folder are on the medium.
    SyncDir(PathBuf),
    /// A file or an empty folder is gone.
    Remove(PathBuf),
    /// A file has another name.
    Rename(PathBuf, PathBuf),
    /// A file has one more name.
    Link(PathBuf, PathBuf),
}

impl Op {
    /// Says whether a crash before and after it differ.
    pub fn is_point(&self) -> bool {
        !matches!(self, Self::Mark(_) | Self::Flush | Self::Found(..))
    }

    /// Adds what it is, but not the bytes (ciphertext is never the same twice), to a trace.
    pub fn trace(&self, hash: &mut Sha256) {
        let text = match self {
            Self::Write(file, at, data) => format!("write {file} {at} {}", data.len()),
            Self::Found(name, file, data) => format!("found {} {file} {}", name.display(), data.len()),
            other => format!("{other:?}"),
        };
        hash.update(text);
        hash.update([0]);
    }
}

/// Returns what of a journal concerns names that `wanted` says yes to; marks and flushes stay.
pub fn within(journal: &[Op], wanted: impl Fn(&Path) -> bool) -> Vec<Op> {
    let (mut files, mut folders) = (BTreeSet::new(), BTreeSet::new());
    let concerns = |op: &&Op| match op {
        Op::Mark(_) | Op::Flush => true,
        Op::SyncDir(name) => wanted(name) || folders.contains(name),
        Op::Found(name, file, _) | Op::Create(name, file) => {
            let inside = wanted(name);
            if inside {
                files.insert(*file);
                folders.extend(name.parent().map(Path::to_owned));
            }
            inside
        }
        Op::Write(file, ..) | Op::Truncate(file, _) | Op::Sync(file) => files.contains(file),
        Op::MakeDir(name) | Op::Remove(name) => wanted(name),
        Op::Rename(_, to) | Op::Link(_, to) => wanted(to),
    };
    journal.iter().filter(concerns).cloned().collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    File(u64),
    Dir,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Debug, Clone, Default)]
struct Content {
    /// What the program sees.
    now: Vec<u8>,
    /// What is on the medium for certain.
    safe: Vec<u8>,
    /// What came since.
    since: Vec<Change>,
}

/// Names that change together.
type Names = Vec<(PathBuf, Option<Node>)>;

/// A change of names that waits for its folder's sync.
#[derive(Debug, Clone)]
struct Waiting {
    number: u64,
    names: Names,
    /// The change in another folder without which this one does not happen.
    after: Option<u64>,
}

/// The files of a folder at one moment.
pub type Image = BTreeMap<PathBuf, Vec<u8>>;

/// The medium at one point of a journal.
#[derive(Debug, Clone, Default)]
pub struct Platter {
    files: BTreeMap<u64, Content>,
    now: BTreeMap<PathBuf, Node>,
    safe: BTreeMap<PathBuf, Node>,
    /// Changes of names since the last sync of their folder.
    since: BTreeMap<PathBuf, Vec<Waiting>>,
    changes: u64,
}

impl Platter {
    /// Goes one step on.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Mark(_) => {}
            Op::Flush => {
                self.files.values_mut().for_each(Content::settle);
                self.safe = self.now.clone();
                self.since.clear();
            }
            Op::Found(name, file, data) => {
                let content = Content { now: data.clone(), safe: data.clone(), since: Vec::new() };
                self.files.insert(*file, content);
                self.now.insert(name.clone(), Node::File(*file));
                self.safe.insert(name.clone(), Node::File(*file));
            }
            Op::Create(name, file) => {
                self.files.insert(*file, Content::default());
                self.change(vec![(name.clone(), Some(Node::File(*file)))]);
            }
            Op::MakeDir(name) => drop(self.change(vec![(name.clone(), Some(Node::Dir))])),
            Op::Write(file, at, data) => {
                let content = self.files.entry(*file).or_default();
                put(&mut content.now, *at, data);
                content.since.push(Change::Write(*at, data.clone()));
            }
            Op::Truncate(file, len) => {
                let content = self.files.entry(*file).or_default();
                content.now.resize(*len, 0);
                content.since.push(Change::Truncate(*len));
            }
            Op::Sync(file) => self.files.entry(*file).or_default().settle(),
            Op::SyncDir(dir) => {
                for change in self.since.remove(dir).unwrap_or_default() {
                    for elsewhere in self.since.values_mut() {
                        let needed = elsewhere.iter().position(|c| Some(c.number) == change.after);
                        if let Some(at) = needed {
                            set(&mut self.safe, &elsewhere.remove(at).names);
                        }
                    }
                    set(&mut self.safe, &change.names);
                }
            }
            Op::Remove(name) => drop(self.change(vec![(name.clone(), None)])),
            Op::Rename(from, to) if self.now.get(from) == Some(&Node::Dir) => self.move_folder(from, to),
            Op::Rename(from, to) => {
                let node = self.now.get(from).copied();
                let (gone, come) = ((from.clone(), None), (to.clone(), node));
                if from.parent() == to.parent() {
                    self.change(vec![gone, come]);
                } else {
                    let come = self.change(vec![come]);
                    self.change_after(vec![gone], Some(come));
                }
            }
            Op::Link(from, to) => {
                let node = self.now.get(from).copied();
                self.change(vec![(to.clone(), node)]);
            }
        }
    }

    /// A folder moves with what is in it: what was safe there is safe in the new place, what was not
    /// still waits for that folder's own sync.
    fn move_folder(&mut self, from: &Path, to: &Path) {
        let moved = |name: &Path| name.strip_prefix(from).ok().map(|rest| to.join(rest));
        let list = |names: &BTreeMap<PathBuf, Node>| -> Names {
            let all = names.iter().filter_map(|(name, node)| Some((name, *node, moved(name)?)));
            all.flat_map(|(name, node, new)| [(name.clone(), None), (new, Some(node))]).collect()
        };
        let (mut safe, now) = (list(&self.safe), list(&self.now));
        set(&mut self.now, &now);
        let waiting = std::mem::take(&mut self.since);
        for (dir, mut changes) in waiting {
            for (name, _) in changes.iter_mut().flat_map(|change| &mut change.names) {
                *name = moved(name).unwrap_or_else(|| name.clone());
            }
            self.since.insert(moved(&dir).unwrap_or(dir), changes);
        }
        safe.extend([(from.to_owned(), None), (to.to_owned(), Some(Node::Dir))]);
        self.wait(folder_of(to), safe, None);
    }

    fn change(&mut self, names: Names) -> u64 {
        self.change_after(names, None)
    }

    fn change_after(&mut self, names: Names, after: Option<u64>) -> u64 {
        set(&mut self.now, &names);
        let dir = names.first().map(|(name, _)| folder_of(name)).unwrap_or_default();
        self.wait(dir, names, after)
    }

    fn wait(&mut self, dir: PathBuf, names: Names, after: Option<u64>) -> u64 {
        self.changes += 1;
        let number = self.changes;
        self.since.entry(dir).or_default().push(Waiting { number, names, after });
        number
    }

    /// Returns what a killed process leaves: everything it wrote.
    pub fn killed(&self) -> Image {
        self.image(&self.now, |content| content.now.clone())
    }

    /// Returns what a power cut may leave; `subset` numbers the possibilities. The first loses all
    /// that was not synced, the second only tears the last write of each file, the others draw.
    pub fn power_cut(&self, seed: u64, point: u64, subset: u64) -> Image {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(point << 16 | subset);
        let mut kept: Vec<&[Waiting]> = Vec::new();
        for changes in self.since.values() {
            let most = match subset {
                0 => 0,
                1 => changes.len(),
                _ => below(&mut rng, changes.len() as u64 + 1) as usize,
            };
            kept.push(&changes[..most]);
        }
        // Nothing that waits for a change in another folder stands without it.
        let open = |kept: &[&[Waiting]], number: u64| {
            let waits = self.since.values().flatten().any(|c| c.number == number);
            waits && !kept.iter().copied().flatten().any(|c| c.number == number)
        };
        while let Some((list, at)) = kept.iter().enumerate().find_map(|(list, changes)| {
            Some((list, changes.iter().position(|c| c.after.is_some_and(|n| open(&kept, n)))?))
        }) {
            kept[list] = &kept[list][..at];
        }
        let mut names = self.safe.clone();
        kept.into_iter().flatten().for_each(|change| set(&mut names, &change.names));
        self.image(&names, |content| content.cut(&mut rng, subset))
    }

    fn image(&self, names: &BTreeMap<PathBuf, Node>, mut content: impl FnMut(&Content) -> Vec<u8>) -> Image {
        let mut contents: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        let mut image = Image::new();
        for (name, node) in names {
            // What lies in a folder whose own name is lost is lost with it.
            let lost = |dir: &Path| !dir.as_os_str().is_empty() && self.is_lost(dir, names);
            let Node::File(file) = node else { continue };
            if name.ancestors().skip(1).any(lost) {
                continue;
            }
            let Some(held) = self.files.get(file) else { continue };
            let bytes = contents.entry(*file).or_insert_with(|| content(held));
            image.insert(name.clone(), bytes.clone());
        }
        image
    }

    /// A folder made on this disk that is not among the names; one that was there before is never lost.
    fn is_lost(&self, dir: &Path, names: &BTreeMap<PathBuf, Node>) -> bool {
        let made = self.now.get(dir) == Some(&Node::Dir) || self.safe.get(dir) == Some(&Node::Dir);
        made && names.get(dir) != Some(&Node::Dir)
    }
}

impl Content {
    fn settle(&mut self) {
        self.safe.clone_from(&self.now);
        self.since.clear();
    }

    fn cut(&self, rng: &mut ChaCha8Rng, subset: u64) -> Vec<u8> {
        let mut bytes = self.safe.clone();
        let last = self.since.len().saturating_sub(1);
        let percent = 10 + below(rng, 81);
        for (n, change) in self.since.iter().enumerate() {
            let (whole, torn) = match subset {
                0 => (false, false),
                1 => (n < last, n == last),
                s if s % 2 == 0 => (below(rng, 100) < percent, false),
                _ => (false, true),
            };
            match change {
                Change::Truncate(len) if whole || (torn && below(rng, 2) == 0) => bytes.resize(*len, 0),
                Change::Write(at, data) if whole => put(&mut bytes, *at, data),
                Change::Write(at, data) if torn => {
                    let mut from = 0;
                    while from < data.len() {
                        let to = (SECTOR - (at + from) % SECTOR + from).min(data.len());
                        if below(rng, 100) < percent {
                            put(&mut bytes, at + from, &data[from..to]);
                        }
                        from = to;
                    }
                }
                _ => {}
            }
        }
        bytes
    }
}

fn folder_of(name: &Path) -> PathBuf {
    name.parent().unwrap_or(Path::new("")).to_owned()
}

fn put(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    let end = at + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(data);
}

fn set(names: &mut BTreeMap<PathBuf, Node>, change: &Names) {
    for (name, node) in change {
        match node {
            Some(node) => drop(names.insert(name.clone(), *node)),
            None => drop(names.remove(name)),
        }
    }
}

fn below(rng: &mut ChaCha8Rng, n: u64) -> u64 {
    rng.next_u64() % n.max(1)
}

//! Every crash point of the recorded day: a kill, and power cuts with what the medium may keep.
//!
//! A store's states are read from the kills: the committed contents in order. What a power cut leaves
//! must be one of them, not older than the last promise, whole and usable.

use crate::{day::Day, folder, number};
use lanewalk_fault_disk::{Image, Op, Platter, within};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

/// A fingerprint of everything a store holds.
pub(crate) type Print = [u8; 32];

/// One kind of store under test.
pub(crate) trait Store: Sync {
    /// For messages and for `DISK_POINT`.
    fn side(&self) -> &'static str;
    /// Which names belong to it.
    fn has(&self, name: &Path) -> bool;
    /// What lies in the folder, read without the product; recovers a WAL as any opening does.
    fn print(&self, folder: &Path) -> Result<Print, String>;
    /// Whether what was done in this use case must survive a power cut.
    fn durable(&self, day: &Day, stage: usize) -> bool;
    /// Opens the product on the folder and checks the laws, knowing the last finished use case.
    fn check(&self, day: &Day, done: Option<usize>, folder: &Path) -> Result<(), String>;
}

/// One place to crash at.
struct Point {
    /// Number of the operation after which it happens.
    at: usize,
    stage: usize,
    done: Option<usize>,
    /// The state a kill leaves.
    state: usize,
    /// The oldest state a power cut may leave.
    oldest: usize,
}

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) points: u64,
    pub(crate) images: u64,
    pub(crate) distinct: u64,
    /// Power cuts that left an older state than a kill at the same point.
    pub(crate) older: u64,
    /// Changes of state by use case.
    pub(crate) states: BTreeMap<usize, usize>,
    /// Crash points by use case.
    pub(crate) by_stage: BTreeMap<usize, u64>,
}

/// Writes an image into an emptied folder.
pub(crate) fn lay(image: &Image, folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    for (name, bytes) in image {
        let to = folder.join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
}

/// Returns a store's files at the end of a use case, as a kill leaves them.
pub(crate) fn image_after(store: &dyn Store, day: &Day, name: &str) -> Image {
    let stage = day.stages.iter().position(|stage| stage.name == name).unwrap();
    let mut platter = Platter::default();
    for op in within(&day.journal, |name| store.has(name)) {
        platter.apply(&op);
        if op == Op::Mark(format!("end {stage}")) {
            break;
        }
    }
    platter.killed()
}

fn digest(image: &Image) -> Print {
    let mut hash = Sha256::new();
    for (name, bytes) in image {
        hash.update(name.as_os_str().as_encoded_bytes());
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
    hash.finalize().into()
}

/// Counts the points of each use case.
fn sizes(journal: &[Op]) -> Vec<usize> {
    let mut sizes = Vec::new();
    for op in journal {
        match op {
            Op::Mark(word) if word.starts_with("begin") => sizes.push(0),
            op => sizes.last_mut().into_iter().for_each(|n| *n += usize::from(op.is_point())),
        }
    }
    sizes
}

/// Finds the points and the states between them. Of a burst, which repeats itself, every 13th: no
/// multiple of what one act writes; `DISK_STRIDE=1` takes all.
fn points(store: &dyn Store, day: &Day, journal: &[Op]) -> (Vec<Point>, Vec<Print>) {
    let dir = folder();
    let at = dir.path().join("image");
    let mut platter = Platter::default();
    let (mut states, mut points): (Vec<Print>, Vec<Point>) = (Vec::new(), Vec::new());
    let (mut stage, mut done, mut oldest) = (None, None, 0);
    let (sizes, all) = (sizes(journal), number("DISK_STRIDE", 0) == 1);
    for (n, op) in journal.iter().enumerate() {
        platter.apply(op);
        let skipped = stage.is_some_and(|stage: usize| sizes[stage] >= 500) && !all && n % 13 != 0;
        if skipped && op.is_point() {
            continue;
        }
        let end = match op {
            Op::Mark(word) => {
                let (word, number) = word.split_once(' ').unwrap();
                let number: usize = number.parse().unwrap();
                if word == "begin" {
                    stage = Some(number);
                    continue;
                }
                true
            }
            op => {
                if !op.is_point() || stage.is_none() {
                    continue;
                }
                false
            }
        };
        lay(&platter.killed(), &at);
        let print = store.print(&at).unwrap_or_else(|e| panic!("{} at {n}: a kill left {e}", store.side()));
        if states.last() != Some(&print) {
            let back = stage.is_some_and(|stage: usize| day.stages[stage].undoes);
            assert!(back || !states.contains(&print), "{}: an old state came back at {n}", store.side());
            states.push(print);
        }
        let state = states.len() - 1;
        if end {
            done = stage.take();
            if store.durable(day, done.unwrap()) {
                oldest = state;
            }
        } else if let Some(stage) = stage {
            points.push(Point { at: n, stage, done, state, oldest });
        }
    }
    (points, states)
}

/// Crashes everywhere. Panics with what replays the first failure.
pub(crate) fn everywhere(store: &dyn Store, day: &Day, subsets: u64) -> Counts {
    let journal = within(&day.journal, |name| store.has(name));
    let (points, states) = points(store, day, &journal);
    let mut counts = Counts { points: points.len() as u64, ..Counts::default() };
    let mut before = None;
    for point in &points {
        *counts.by_stage.entry(point.stage).or_default() += 1;
        let changes = counts.states.entry(point.stage).or_default();
        *changes += usize::from(before.is_some_and(|b| b != point.state));
        before = Some(point.state);
    }
    let only: Option<(usize, u64)> = std::env::var("DISK_POINT").ok().and_then(|text| {
        let mut parts = text.split('/');
        (parts.next()? == store.side()).then_some(())?;
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    });
    let (images, distinct, older) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let seen = Mutex::new(HashSet::new());
    let next = AtomicUsize::new(0);
    const BLOCK: usize = 64;
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let dir = folder();
                let at = dir.path().join("image");
                let (mut platter, mut applied) = (Platter::default(), 0);
                loop {
                    let from = next.fetch_add(BLOCK, Ordering::Relaxed);
                    for point in points.iter().skip(from).take(BLOCK) {
                        journal[applied..=point.at].iter().for_each(|op| platter.apply(op));
                        applied = point.at + 1;
                        for subset in 0..=subsets {
                            if only.is_some_and(|only| only != (point.at, subset)) {
                                continue;
                            }
                            let image = match subset.checked_sub(1) {
                                None => platter.killed(),
                                Some(subset) => platter.power_cut(day.seed, point.at as u64, subset),
                            };
                            images.fetch_add(1, Ordering::Relaxed);
                            let known = (digest(&image), point.done, point.oldest);
                            if !seen.lock().unwrap().insert(known) && only.is_none() {
                                continue;
                            }
                            distinct.fetch_add(1, Ordering::Relaxed);
                            lay(&image, &at);
                            let youngest = if subset == 0 { point.state..=point.state } else { point.oldest..=point.state };
                            let verdict = store.print(&at).and_then(|print| {
                                let state = youngest.clone().rev().find(|s| states[*s] == print);
                                let state = state.ok_or("a state that never was, or one older than promised")?;
                                older.fetch_add(u64::from(state < point.state), Ordering::Relaxed);
                                // The product gets the image as the crash left it.
                                lay(&image, &at);
                                store.check(day, point.done, &at)
                            });
                            if let Err(why) = verdict {
                                panic!(
                                    "seed {} {} use case {:?} point {} ({:?}) subset {subset}: {why}\nreplay: DISK_SEED={} DISK_POINT={}/{}/{subset} cargo test -p lanewalk-tests --test disk",
                                    day.seed, store.side(), day.stages[point.stage].name, point.at, brief(&journal[point.at]),
                                    day.seed, store.side(), point.at,
                                );
                            }
                        }
                    }
                    if from >= points.len() {
                        return;
                    }
                }
            });
        }
    });
    counts.images = images.into_inner();
    counts.distinct = distinct.into_inner();
    counts.older = older.into_inner();
    counts
}

fn brief(op: &Op) -> String {
    match op {
        Op::Write(file, at, data) => format!("write {} bytes at {at} of file {file}", data.len()),
        other => format!("{other:?}"),
    }
}

/// Hashes every cell of every ordinary table.
pub(crate) fn cells(db: &rusqlite::Connection) -> rusqlite::Result<Print> {
    let mut hash = Sha256::new();
    let tables: Vec<String> = db
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name")?
        .query_map([], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    for table in tables {
        hash.update(&table);
        let mut statement = db.prepare(&format!("SELECT * FROM \"{table}\""))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                match row.get_ref(column)? {
                    rusqlite::types::ValueRef::Null => hash.update([0]),
                    rusqlite::types::ValueRef::Integer(n) => hash.update(n.to_be_bytes()),
                    rusqlite::types::ValueRef::Real(n) => hash.update(n.to_be_bytes()),
                    rusqlite::types::ValueRef::Text(bytes) | rusqlite::types::ValueRef::Blob(bytes) => {
                        hash.update((bytes.len() as u64).to_be_bytes());
                        hash.update(bytes);
                    }
                }
            }
        }
    }
    Ok(hash.finalize().into())
}

/// Reports a run, by use case, and fails under the floor.
pub(crate) fn report(store: &dyn Store, day: &Day, counts: &Counts, floor: u64) {
    for (stage, points) in &counts.by_stage {
        let changes = counts.states.get(stage).copied().unwrap_or_default();
        println!("{}: {}: {points} points, {changes} transactions", store.side(), day.stages[*stage].name);
    }
    println!(
        "{}: {} use cases, {} points, {} images ({} distinct, {} of an older state)",
        store.side(),
        counts.by_stage.len(),
        counts.points,
        counts.images,
        counts.distinct,
        counts.older
    );
    if number("DISK_POINT", 0) == 0 && std::env::var_os("DISK_POINT").is_none() {
        assert!(counts.images >= floor, "{} images, wanted {floor}", counts.images);
    }
}

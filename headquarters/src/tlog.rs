//! The log as a Merkle tree: its head, proofs for phones, and whether it is as it was written.
//!
//! Invariant: the tree is nothing but the log: each line holds the hashes of the subtrees it
//! completes, written in its own transaction, so there is no state beside the log that could
//! disagree with it after a crash, and a root is read from O(log n) lines. Rejected: a table of
//! nodes (a second B-tree to write at each line); the frontier in `meta`, from which no older tree
//! can be proven.

use crate::{
    core::Core,
    error::HqError,
    hq::Headquarters,
    people::audit,
    store::{self, DeviceRow},
};
use lanewalk_model::{
    id::{DeviceId, Hash},
    time::TimeMs,
};
use lanewalk_protocol::{
    batch::chunk_hash,
    entry::{Header, hash_header},
    keys::PublicKey,
    sync::{CheckpointUpdate, Contradiction, HeldHead},
    tlog::{
        Checkpoint, LEAF_FORMAT, Leaf, TreeHead,
        merkle::{self, Nodes},
    },
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use std::collections::HashMap;

/// Contradictions kept of one device; one is enough for an inquiry.
const MAX_CONTRADICTIONS: u64 = 16;

/// The tree over the log of a database.
pub(crate) struct Tree<'a>(pub(crate) &'a Connection);

impl Nodes for Tree<'_> {
    type Error = HqError;

    fn node(&self, level: u32, index: u64) -> Result<Hash, HqError> {
        // A subtree is complete with its last leaf, which is the line before the next one's first.
        let line = index.checked_add(1).and_then(|i| i.checked_mul(1_u64.checked_shl(level)?));
        let found: Option<Vec<u8>> = self
            .0
            .prepare_cached("SELECT substr(nodes, ?2, 32) FROM log WHERE idx = ?1")?
            .query_row(params![line, 1 + 32 * level], |r| r.get(0))
            .optional()?;
        found
            .and_then(|hash| Hash::from_slice(&hash).ok())
            .ok_or_else(|| HqError::LogBroken(line.unwrap_or(u64::MAX)))
    }
}

/// What a whole look at the log found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogCheck {
    /// Lines.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Core {
    /// Returns the checkpoint of the log as this transaction sees it.
    pub(crate) fn checkpoint(&mut self, db: &Connection, now: TimeMs) -> Result<Checkpoint, HqError> {
        let size = store::log_end(db)?;
        let root = merkle::root(&Tree(db), size)?;
        // By root: a transaction that was rolled back may have had another one at this size.
        let held = self
            .checkpoint
            .take()
            .filter(|c| (c.head.size, c.head.root, c.head.hq_epoch) == (size, root, self.epoch));
        let checkpoint = match held {
            Some(held) => held,
            None => {
                let began = began(db, self.epoch)?;
                TreeHead { size, root, hq_epoch: self.epoch, began, hq_time: now.0 }
                    .sign(self.signer.as_ref())
                    .map_err(|e| HqError::Reference { what: "signing key", why: e.to_string() })?
            }
        };
        Ok(self.checkpoint.insert(checkpoint).clone())
    }

    /// Returns what an answer says of the log to a phone that holds this head.
    pub(crate) fn update_for(
        &self,
        db: &Connection,
        checkpoint: &Checkpoint,
        held: Option<HeldHead>,
    ) -> Result<Option<CheckpointUpdate>, HqError> {
        let head = &checkpoint.head;
        let same = held.is_some_and(|h| (h.root, h.hq_epoch) == (head.root, head.hq_epoch));
        if same {
            return Ok(None);
        }
        let consistency = match held {
            Some(h) if h.size <= common(db, h.hq_epoch)? => {
                merkle::consistency(&Tree(db), h.size, head.size)?
            }
            _ => Vec::new(),
        };
        Ok(Some(CheckpointUpdate { checkpoint: checkpoint.clone(), consistency }))
    }

    /// Keeps what a phone brought against our own log, if we signed both sides of it.
    pub(crate) fn note_contradiction(
        &self,
        tx: &Transaction<'_>,
        now: TimeMs,
        device: &DeviceRow,
        pair: &Contradiction,
    ) -> Result<(), HqError> {
        let key = self.public_key();
        let both = [&pair.held, &pair.seen];
        let genuine = both.iter().all(|c| c.verify(&key).is_ok());
        // Two heads of this log exclude nothing, whatever a phone says of them.
        let known = is_head(tx, &pair.held.head)? && is_head(tx, &pair.seen.head)?;
        let kept: u64 = tx
            .prepare_cached("SELECT count(*) FROM contradictions WHERE device = ?1")?
            .query_row([device.n], |r| r.get(0))?;
        if !genuine || known || kept >= MAX_CONTRADICTIONS {
            return Ok(());
        }
        let (held, seen) = (pair.held.to_note(&key), pair.seen.to_note(&key));
        let new = tx
            .prepare_cached(
                "INSERT OR IGNORE INTO contradictions (device, held, seen, at) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![device.n, held.as_bytes(), seen.as_bytes(), now.0])?;
        if new > 0 {
            audit(tx, now, &device.worker, "history_contradicted", &device.id.to_string())?;
        }
        Ok(())
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        self.signer.public_key()
    }
}

/// Says whether a tree head is one of this log.
fn is_head(db: &Connection, head: &TreeHead) -> Result<bool, HqError> {
    let most = common(db, head.hq_epoch)?.min(store::log_end(db)?);
    Ok(head.size <= most && merkle::root(&Tree(db), head.size)? == head.root)
}

/// Returns how many lines a life of the database began with.
pub(crate) fn began(db: &Connection, epoch: u64) -> Result<u64, HqError> {
    Ok(db
        .prepare_cached("SELECT began FROM epochs WHERE epoch = ?1")?
        .query_row([epoch], |r| r.get(0))
        .optional()?
        .unwrap_or(0))
}

/// Returns how many lines of a life of this database are still in it: those of an earlier one up to
/// the smallest copy that was restored since; none of a life that this copy knows nothing of.
pub(crate) fn common(db: &Connection, epoch: u64) -> Result<u64, HqError> {
    let epoch = i64::try_from(epoch).unwrap_or(i64::MAX);
    Ok(db
        .prepare_cached(
            "SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM epochs WHERE epoch = ?1) THEN 0
                    ELSE (SELECT coalesce(min(began), ?2) FROM epochs WHERE epoch > ?1) END",
        )?
        .query_row([epoch, i64::MAX], |r| r.get(0))?)
}

/// A contradiction as it is kept: device, both notes, when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradicted {
    /// Whose phone brought it.
    pub device: DeviceId,
    /// The signed note the phone held.
    pub held: String,
    /// The signed note it was given later.
    pub seen: String,
    /// When, UTC ms.
    pub at: i64,
}

impl Headquarters {
    /// Returns the checkpoint of the log as it is now.
    pub fn checkpoint(&mut self) -> Result<Checkpoint, HqError> {
        let now = self.core.now();
        self.core.checkpoint(&self.db, now)
    }

    /// Lists what phones brought against this log.
    pub fn contradictions(&self) -> Result<Vec<Contradicted>, HqError> {
        let mut statement = self.db.prepare(
            "SELECT d.id, CAST(c.held AS TEXT), CAST(c.seen AS TEXT), c.at FROM contradictions c
             JOIN devices d ON d.n = c.device ORDER BY c.at, c.device",
        )?;
        let rows = statement.query_map([], |r| {
            Ok(Contradicted { device: DeviceId(r.get(0)?), held: r.get(1)?, seen: r.get(2)?, at: r.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Looks at the whole log, as [`check_log`].
    pub fn check_log(&self) -> Result<LogCheck, HqError> {
        check_log(&self.db)
    }
}

/// Looks at every line of a log: numbers, hashes, chains, the tree. [`HqError::LogBroken`] names the
/// first line that is not as it was written.
pub fn check_log(db: &Connection) -> Result<LogCheck, HqError> {
    let mut keys: HashMap<i64, (DeviceId, [u8; 32])> = HashMap::new();
    let mut devices = db.prepare("SELECT n, id, key FROM devices")?;
    let mut rows = devices.query([])?;
    while let Some(r) = rows.next()? {
        let key: PublicKey = minicbor::decode(r.get_ref(2)?.as_blob().unwrap_or_default())
            .map_err(|e| HqError::Reference { what: "device key", why: e.to_string() })?;
        keys.insert(r.get(0)?, (DeviceId(r.get(1)?), key.fingerprint()));
    }
    let mut ends: HashMap<i64, (u64, Hash)> = HashMap::new();
    let mut peaks = Peaks::default();
    let mut log = db.prepare(
        "SELECT idx, hash, device, seq, header, change, received_at, effective_at, trust, refused, nodes
         FROM log ORDER BY idx",
    )?;
    let mut rows = log.query([])?;
    while let Some(r) = rows.next()? {
        let (index, n) = (peaks.size + 1, r.get::<_, i64>(2)?);
        let broken = || HqError::LogBroken(index);
        let (device, key) = *keys.get(&n).ok_or_else(broken)?;
        let leaf = Leaf {
            format: LEAF_FORMAT,
            index: r.get(0)?,
            entry: Hash(r.get(1)?),
            device,
            seq: r.get(3)?,
            key,
            hq_time: r.get(6)?,
            effective_at: r.get(7)?,
            trust: r.get(8)?,
            refused: r.get(9)?,
        };
        let bytes = r.get_ref(4)?.as_blob().unwrap_or_default();
        let header = Header::from_bytes(bytes).map_err(|_| broken())?;
        let before = ends.insert(n, (leaf.seq, leaf.entry)).unwrap_or((0, Hash([0; 32])));
        let change = r.get_ref(5)?.as_blob().unwrap_or_default();
        let whole = leaf.index == index
            && hash_header(bytes) == leaf.entry
            && (header.device, header.seq) == (device, leaf.seq)
            && (before.0 + 1, before.1) == (leaf.seq, header.prev)
            && chunk_hash(change) == header.change.0;
        let made = merkle::completed(&peaks, peaks.size, leaf.hash())?;
        let nodes: Vec<u8> = made.iter().flat_map(|h| h.0).collect();
        if !whole || nodes != r.get_ref(10)?.as_blob().unwrap_or_default() {
            return Err(broken());
        }
        peaks.push(&made);
    }
    Ok(LogCheck { size: peaks.size, root: merkle::root(&peaks, peaks.size)? })
}

/// The complete subtrees at the right edge of a growing tree, by level.
#[derive(Default)]
struct Peaks {
    size: u64,
    by_level: Vec<Hash>,
}

impl Peaks {
    /// Takes in a leaf by the subtrees it completes; the highest of them is a peak.
    fn push(&mut self, made: &[Hash]) {
        let Some((top, below)) = made.split_last() else { return };
        self.by_level.resize(self.by_level.len().max(made.len()), *top);
        if let Some(peak) = self.by_level.get_mut(below.len()) {
            *peak = *top;
        }
        self.size += 1;
    }
}

impl Nodes for Peaks {
    type Error = HqError;

    /// Only ever asked for the latest subtree of a level that is not yet part of a larger one.
    fn node(&self, level: u32, _: u64) -> Result<Hash, HqError> {
        let level = usize::try_from(level).unwrap_or(usize::MAX);
        self.by_level.get(level).copied().ok_or(HqError::LogBroken(self.size))
    }
}

//! This phone as a witness of headquarters' log (F46).
//!
//! Invariant: the checkpoint this phone stands on moves only along a proof that the new log begins
//! with the old one; where it does not, both checkpoints are kept for good, told to whoever looks at
//! the status, and sent to headquarters. Work goes on all the same (law 1): an alarm is for people.
//! A life of the database that began with a restored copy may lack the end of the one before (F26):
//! then the old checkpoint stays as what it is, proof of what headquarters once had. Rejected:
//! stopping the sync, which would punish the worker.

use crate::{
    error::FieldError,
    facade::Field,
    identity,
    store::{int, meta},
};
use lanewalk_protocol::{
    keys::PublicKey,
    sync::{CheckpointUpdate, Contradiction, HeldHead},
    tlog::{Checkpoint, merkle::verify_consistency},
};
use rusqlite::{Connection, OptionalExtension as _, Transaction};

/// How headquarters' log was found to be another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryAlarm {
    /// The new log does not begin with the one this phone saw.
    Rewritten,
    /// The new log is shorter, and headquarters does not say that it was restored.
    Shrunk,
    /// Headquarters came back to a life of its database that had ended.
    RolledBack,
}

impl HistoryAlarm {
    /// Returns the stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Rewritten => "rewritten",
            Self::Shrunk => "shrunk",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// Two checkpoints that exclude each other, as signed notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradicted {
    /// Code of the [`HistoryAlarm`].
    pub kind: String,
    /// What this phone held.
    pub held: String,
    /// What it was given later.
    pub seen: String,
}

/// What this phone can show of headquarters' log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witness {
    /// The newest checkpoint as a signed note (C2SP); `None` before the first.
    pub checkpoint: Option<String>,
    /// The last checkpoints of lives of headquarters' database that ended, the oldest first.
    pub earlier: Vec<String>,
    /// Proofs that the log was rewritten; empty when all is well.
    pub contradictions: Vec<Contradicted>,
}

impl Field {
    /// Returns the checkpoints this phone keeps and what contradicts them, for showing to others.
    ///
    /// # Errors
    /// `NotEnrolled`, `Paused`.
    pub fn witness(&self) -> Result<Witness, FieldError> {
        self.inner.store.read(|conn| {
            let key = identity::hq_key(conn)?;
            let read = |bytes: Vec<u8>| decode(&bytes).map(|c| c.to_note(&key));
            let mut notes = conn
                .prepare("SELECT checkpoint FROM checkpoints ORDER BY n")?
                .query_map([], |r| r.get(0))?
                .map(|bytes| read(bytes?))
                .collect::<Result<Vec<_>, FieldError>>()?;
            let contradictions = conn
                .prepare("SELECT kind, held, seen FROM contradictions ORDER BY n")?
                .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
                .map(|row| {
                    let (kind, held, seen) = row?;
                    Ok(Contradicted { kind, held: read(held)?, seen: read(seen)? })
                })
                .collect::<Result<_, FieldError>>()?;
            Ok(Witness { checkpoint: notes.pop(), earlier: notes, contradictions })
        })
    }
}

/// What a request says as a witness.
#[derive(Debug, Default)]
pub(super) struct Says {
    pub(super) held: Option<HeldHead>,
    pub(super) contradiction: Option<Contradiction>,
}

/// Reads what the next request says.
pub(super) fn says(conn: &Connection) -> Result<Says, FieldError> {
    let held =
        newest(conn)?.map(|c| HeldHead { size: c.head.size, root: c.head.root, hq_epoch: c.head.hq_epoch });
    let pair: Option<(Vec<u8>, Vec<u8>)> = conn
        .prepare_cached("SELECT held, seen FROM contradictions WHERE reported = 0 ORDER BY n LIMIT 1")?
        .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let contradiction = match pair {
        Some((held, seen)) => Some(Contradiction { held: decode(&held)?, seen: decode(&seen)? }),
        None => None,
    };
    Ok(Says { held, contradiction })
}

/// Notes that headquarters answered a request that carried this.
pub(super) fn reported(tx: &Transaction<'_>, pair: &Contradiction) -> Result<(), FieldError> {
    tx.prepare_cached("UPDATE contradictions SET reported = 1 WHERE held = ?1")?
        .execute([encode(&pair.held)?])?;
    Ok(())
}

/// Takes the checkpoint of an answer, or keeps what is wrong with it.
pub(super) fn take(
    tx: &Transaction<'_>,
    update: &CheckpointUpdate,
    hq_epoch: u64,
    hq_key: &PublicKey,
) -> Result<(), FieldError> {
    let CheckpointUpdate { checkpoint: new, consistency } = update;
    if new.verify(hq_key).is_err() || new.head.hq_epoch != hq_epoch {
        return meta::set_problem(tx, "checkpoint_invalid", &new.head.size.to_string());
    }
    let Some(held) = newest(tx)? else { return put(tx, new) };
    let alarm = if held.head.hq_epoch != hq_epoch
        && let Some(former) = of_epoch(tx, hq_epoch)?
    {
        Some((HistoryAlarm::RolledBack, former))
    } else {
        let (from, to) = ((held.head.size, &held.head.root), (new.head.size, &new.head.root));
        let proven = verify_consistency(from, to, consistency).is_ok();
        // The end of a life that was lost with its disk can be proven by nobody.
        let lost = held.head.hq_epoch != hq_epoch && consistency.is_empty();
        match new.head.size < held.head.size {
            _ if proven || lost => None,
            true => Some((HistoryAlarm::Shrunk, held)),
            false => Some((HistoryAlarm::Rewritten, held)),
        }
    };
    let Some((kind, held)) = alarm else { return put(tx, new) };
    tx.prepare_cached("INSERT OR IGNORE INTO contradictions (kind, held, seen) VALUES (?1, ?2, ?3)")?
        .execute((kind.code(), encode(&held)?, encode(new)?))?;
    let detail = format!(
        "{}: {} / {} > {} / {}",
        kind.code(),
        held.head.hq_epoch,
        held.head.size,
        hq_epoch,
        new.head.size
    );
    meta::set_problem(tx, "history_rewritten", &detail)
}

fn put(tx: &Transaction<'_>, checkpoint: &Checkpoint) -> Result<(), FieldError> {
    meta::clear_problem(tx, "checkpoint_invalid")?;
    tx.prepare_cached(
        "INSERT INTO checkpoints (hq_epoch, checkpoint) VALUES (?1, ?2)
         ON CONFLICT (hq_epoch) DO UPDATE SET checkpoint = excluded.checkpoint",
    )?
    .execute((int(checkpoint.head.hq_epoch), encode(checkpoint)?))?;
    Ok(())
}

fn newest(conn: &Connection) -> Result<Option<Checkpoint>, FieldError> {
    conn.prepare_cached("SELECT checkpoint FROM checkpoints ORDER BY n DESC LIMIT 1")?
        .query_row([], |r| r.get::<_, Vec<u8>>(0))
        .optional()?
        .map(|bytes| decode(&bytes))
        .transpose()
}

fn of_epoch(conn: &Connection, hq_epoch: u64) -> Result<Option<Checkpoint>, FieldError> {
    conn.prepare_cached("SELECT checkpoint FROM checkpoints WHERE hq_epoch = ?1")?
        .query_row([int(hq_epoch)], |r| r.get::<_, Vec<u8>>(0))
        .optional()?
        .map(|bytes| decode(&bytes))
        .transpose()
}

fn encode(checkpoint: &Checkpoint) -> Result<Vec<u8>, FieldError> {
    minicbor::to_vec(checkpoint).map_err(FieldError::internal)
}

fn decode(bytes: &[u8]) -> Result<Checkpoint, FieldError> {
    minicbor::decode(bytes).map_err(|_| FieldError::corrupt("a checkpoint does not read back"))
}

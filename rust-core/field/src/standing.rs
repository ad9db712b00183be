//! Whether headquarters counts this phone as a device: enrolled, confirmed, revoked, wiped.
//!
//! Invariant: a revoked phone is wiped only when a verified backup of headquarters holds everything
//! written on it; when the time to deliver is over, headquarters' signature is enough, and where that is
//! missing, the worker was given what would be lost (law 1).
//! The wipe is the destruction of the key, which lies with the shell; removing the files only frees
//! the room. Rejected: wiping at headquarters' word alone, which would take a worker's words with it.

use crate::{
    clock::Clock,
    error::FieldError,
    facade::{Field, Inner},
    identity,
    store::{Durability, entries, int, meta, meta::key, offer_again, photos, uint},
};
use lanewalk_protocol::{keys::PublicKey, receipt::ErrorBody};
use rusqlite::{Connection, Transaction};

/// Code of headquarters for a revoked device and for what it deposits.
pub(crate) const REVOKED: &str = "revoked";

/// Where this phone stands with headquarters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not a device yet.
    NotEnrolled,
    /// Waiting for an administrator, who sees the same fingerprint: show it to be compared (F42).
    Waiting {
        /// Four groups of four digits, such as `0123 4567 89ab cdef`.
        fingerprint: String,
    },
    /// A device.
    Active,
    /// Not a device any more (F29). Residents' data are locked; sync delivers what is left.
    Revoked {
        /// Until when (UTC ms) headquarters takes what was written here; `None`: no more.
        deposit_until: Option<i64>,
        /// Entries that headquarters has not in a verified backup; when it takes no more, those it has
        /// not signed for.
        entries: u64,
        /// Photo files, likewise.
        files: u64,
        /// What the shell is to do.
        next: Farewell,
    },
}

/// What is to be done with a revoked phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// Deliver: sync, also if it takes days.
    Deliver,
    /// Headquarters takes no more: give the worker [`Field::export_unsent`], or the choice to go
    /// without.
    Export,
    /// Destroy the store's key, then [`Field::wipe`].
    Wipe,
}

/// Notes what a refusal says of this device.
pub(crate) fn note(tx: &Transaction<'_>, error: &ErrorBody) -> Result<(), FieldError> {
    if error.code != REVOKED {
        return Ok(());
    }
    meta::put_int(tx, key::REVOKED, error.deposit_until.unwrap_or(0))?;
    let Some(held) = error.deposit else { return Ok(()) };
    if uint(meta::get_int(tx, key::HQ_EPOCH)?) != held.hq_epoch {
        // Restored from a backup: what it lost is delivered once more (F26).
        offer_again(tx, held.hq_epoch, held.known_seq)?;
        meta::put_int(tx, key::HQ_EPOCH, int(held.hq_epoch))?;
    }
    meta::put_int(tx, key::DURABLE_SEQ, int(held.durable_seq))?;
    meta::put_int(tx, key::DURABLE_FILES, int(held.durable_files))
}

impl Field {
    /// Says where this phone stands with headquarters, as far as the last contact told.
    pub fn standing(&self) -> Result<Standing, FieldError> {
        let now = self.inner.now();
        self.inner.store.read(|conn| {
            if identity::device(conn)?.is_none() {
                return Ok(Standing::NotEnrolled);
            }
            if meta::get(conn, key::REVOKED)?.is_some() {
                return revoked(conn, &Clock::load(conn, now)?);
            }
            Ok(match meta::get(conn, key::WAITING)? {
                Some(_) => {
                    let enrolled: Option<PublicKey> = meta::get_cbor(conn, key::DEVICE_KEY)?;
                    let fingerprint = enrolled.map_or_else(String::new, |key| key.short_fingerprint());
                    Standing::Waiting { fingerprint }
                }
                None => Standing::Active,
            })
        })
    }

    /// Notes that the worker was shown what would be lost with a revoked phone, and chose not to take
    /// it along.
    ///
    /// # Errors
    /// `Invalid` while there is anything else to do.
    pub fn decline_export(&self) -> Result<(), FieldError> {
        match self.standing()? {
            Standing::Revoked { next: Farewell::Export, .. } => self.inner.note_export(),
            _ => Err(FieldError::invalid("standing", "nothing to decline")),
        }
    }

    /// Removes the store of a revoked phone, after the shell has destroyed its key. The object answers
    /// `Paused` from then on; another store can be opened in the same place.
    ///
    /// # Errors
    /// `Invalid` unless [`Field::standing`] says [`Farewell::Wipe`].
    pub fn wipe(&self) -> Result<(), FieldError> {
        let Standing::Revoked { next: Farewell::Wipe, .. } = self.standing()? else {
            return Err(FieldError::invalid("standing", "not to be wiped"));
        };
        self.close()?;
        self.inner.vault.destroy()?;
        self.inner.store.destroy()
    }
}

impl Inner {
    /// Remembers up to where a person has what headquarters lacks.
    pub(crate) fn note_export(&self) -> Result<(), FieldError> {
        self.store.write(Durability::Act, |tx, _| {
            let last = meta::chain(tx)?.seq;
            meta::put_int(tx, key::EXPORTED, int(last))
        })
    }
}

fn revoked(conn: &Connection, clock: &Clock) -> Result<Standing, FieldError> {
    let until = meta::get_int(conn, key::REVOKED)?;
    let deposit_until = (until > 0).then_some(until);
    // Only headquarters' own clock ends the time to deliver: the phone's may be years ahead.
    let open = deposit_until.is_some_and(|until| clock.known().is_none_or(|now| now.0 <= until));
    // While it can still be delivered again, a backup has to hold it.
    let (entries, files) = if open {
        (entries::unguarded(conn)?, photos::unguarded(conn)?)
    } else {
        (entries::unsent(conn)?.len() as u64, photos::sums(conn)?.unsent_files)
    };
    let exported = meta::get(conn, key::EXPORTED)?.is_some()
        && meta::get_int(conn, key::EXPORTED)? == int(meta::chain(conn)?.seq);
    let next = match (entries + files, open, exported) {
        (0, _, _) | (_, false, true) => Farewell::Wipe,
        (_, true, _) => Farewell::Deliver,
        (_, false, false) => Farewell::Export,
    };
    Ok(Standing::Revoked { deposit_until, entries, files, next })
}

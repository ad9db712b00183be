//! Sessions: random numbers whose hashes stand here, with two ends.
//!
//! Invariant: a session is looked up by the hash of what the browser sends, and counts only while
//! the account is active. Rejected: one session a person; a clerk has a desk and a meeting room.

use crate::{config::Settings, console::web::Visitor, core::Core, error::HqError, hq::Headquarters, store};
use base64::Engine as _;
use lanewalk_model::{id::to_hex, time::TimeMs};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use sha2::{Digest as _, Sha256};

/// How often a request moves the idle end: each move is a write.
const SEEN_STEP_MS: i64 = 60_000;

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Beginning of its hash.
    pub id: String,
    /// When it began.
    pub made_at: i64,
    /// Last request, to within a minute.
    pub seen_at: i64,
    /// Where it began.
    pub address: String,
    /// The browser, as it calls itself.
    pub agent: String,
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn short(hash: &[u8]) -> String {
    to_hex(hash.get(..6).unwrap_or_default())
}

/// Makes a session and returns what the cookie holds.
pub(super) fn begin(
    tx: &Transaction<'_>,
    core: &mut Core,
    staff: &str,
    address: &str,
    agent: &str,
) -> Result<String, HqError> {
    let mut random = [0; 32];
    core.source.fill_random(&mut random);
    let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random);
    let now = core.now().0;
    tx.execute("DELETE FROM sessions WHERE made_at < ?1", [now - core.settings.session_most_ms])?;
    tx.execute(
        "INSERT INTO sessions (id, staff, made_at, seen_at, address, agent) VALUES (?1, ?2, ?3, ?3, ?4, ?5)",
        params![hash(&token), staff, now, address, agent.chars().take(120).collect::<String>()],
    )?;
    Ok(token)
}

/// Finds who a cookie stands for at a moment; `None` when the session has ended. The flag says
/// that the session's idle end should be moved.
pub fn visitor(
    db: &Connection,
    token: &str,
    settings: &Settings,
    now: TimeMs,
) -> Result<Option<(Visitor, bool)>, HqError> {
    let id = hash(token);
    let found: Option<(String, i64, i64, bool, bool)> = db
        .prepare_cached(
            "SELECT s.staff, s.made_at, s.seen_at, a.admin AND a.totp IS NOT NULL, a.active
             FROM sessions s JOIN accounts a ON a.staff = s.staff WHERE s.id = ?1",
        )?
        .query_row([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))
        .optional()?;
    let Some((staff, made_at, seen_at, admin, active)) = found else { return Ok(None) };
    let stale = now.0 - seen_at > settings.session_idle_ms || now.0 - made_at > settings.session_most_ms;
    if stale || !active {
        return Ok(None);
    }
    let Some((subject, name)) = store::subject(db, &staff)? else { return Ok(None) };
    let visitor = Visitor { subject, name, admin, session: short(&id) };
    Ok(Some((visitor, now.0 - seen_at > SEEN_STEP_MS)))
}

/// Lists a person's sessions, the newest first.
pub fn sessions_of(db: &Connection, staff: &str) -> Result<Vec<Session>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT id, made_at, seen_at, address, agent FROM sessions WHERE staff = ?1 ORDER BY seen_at DESC LIMIT 100",
    )?;
    let rows = statement.query_map([staff], |r| {
        Ok(Session {
            id: short(&r.get::<_, Vec<u8>>(0)?),
            made_at: r.get(1)?,
            seen_at: r.get(2)?,
            address: r.get(3)?,
            agent: r.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Headquarters {
    /// Moves the idle end of a session.
    pub fn session_seen(&mut self, token: &str) -> Result<(), HqError> {
        let id = hash(token);
        self.act(|tx, core| {
            tx.execute("UPDATE sessions SET seen_at = ?2 WHERE id = ?1", params![id, core.now().0])?;
            Ok(())
        })
    }

    /// Ends one session.
    pub fn sign_out(&mut self, token: &str) -> Result<(), HqError> {
        let id = hash(token);
        self.act(|tx, core| {
            let staff: Option<String> = tx
                .query_row("DELETE FROM sessions WHERE id = ?1 RETURNING staff", [id], |r| r.get(0))
                .optional()?;
            match staff {
                Some(staff) => super::audit(tx, core.now(), &staff, "sign_out", &short(&id)),
                None => Ok(()),
            }
        })
    }

    /// Ends every session of a person; `by` is who wants it.
    pub fn sign_out_everywhere(&mut self, staff: &str, by: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            tx.execute("DELETE FROM sessions WHERE staff = ?1", [staff])?;
            super::audit(tx, core.now(), by, "sign_out_everywhere", staff)
        })
    }
}

//! Signing in: three short steps, so that the slow one (Argon2) runs beside the writer.
//!
//! Invariant: an attempt counts as failed before the password is looked at, so that attempts at
//! the same moment count too; the answer and the work are the same for an account that does not
//! exist. Rejected: locking an account; then anybody can lock everybody out.

use super::{audit, password, sessions, totp};
use crate::{error::HqError, hq::Headquarters, store};
use rusqlite::{OptionalExtension as _, Transaction, params};

/// Failures of one account before its owner has to wait, and of one address.
const FREE: (i64, i64) = (5, 30);
/// The first wait; it doubles up to the longest.
const FIRST_WAIT_MS: i64 = 2_000;
const LONGEST_WAIT_MS: i64 = 5 * 60_000;
/// Failures are forgotten after this time.
const FORGET_MS: i64 = 24 * 3_600_000;

/// An attempt that may be judged.
#[derive(Debug)]
pub struct Attempt {
    staff: String,
    address: String,
    stored: Option<String>,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// Signed in: what the cookie is to hold.
    Yes(String),
    /// Wrong name, password or code.
    No,
    /// Too many failures: wait this many seconds.
    Wait(i64),
}

/// Looks at the password; 20 ms of work, on any thread.
pub fn judge(attempt: &Attempt, password: &str) -> bool {
    password::is(password, attempt.stored.as_deref())
}

impl Headquarters {
    /// Begins an attempt to sign in; says how long to wait instead when there were too many.
    pub fn begin_sign_in(&mut self, staff: &str, address: &str) -> Result<Result<Attempt, Entered>, HqError> {
        self.act(|tx, core| {
            let now = core.now().0;
            tx.execute("DELETE FROM failures WHERE last_at < ?1", [now - FORGET_MS])?;
            // What is typed may be anything; only what could be an id is kept.
            let staff = if staff.len() <= 32 && staff.is_ascii() { staff } else { "?" };
            let keys = [(format!("account {staff}"), FREE.0), (format!("address {address}"), FREE.1)];
            if let Some(seconds) = count(tx, &keys, now)? {
                return Ok(Err(Entered::Wait(seconds)));
            }
            let stored = stored(tx, staff)?;
            Ok(Ok(Attempt { staff: staff.to_owned(), address: address.to_owned(), stored }))
        })
    }

    /// Ends an attempt whose password was judged.
    pub fn end_sign_in(
        &mut self,
        attempt: &Attempt,
        right: bool,
        code: &str,
        agent: &str,
    ) -> Result<Entered, HqError> {
        let Attempt { staff, address, .. } = attempt;
        self.act(|tx, core| {
            let now = core.now();
            let second = if right { second_factor(tx, staff, code, now.0)? } else { false };
            if !second || store::subject(tx, staff)?.is_none() {
                audit(tx, now, staff, "sign_in_refused", address)?;
                return Ok(Entered::No);
            }
            for key in [format!("account {staff}"), format!("address {address}")] {
                tx.execute("DELETE FROM failures WHERE about = ?1", [key])?;
            }
            audit(tx, now, staff, "sign_in", address)?;
            sessions::begin(tx, core, staff, address, agent).map(Entered::Yes)
        })
    }
}

impl Headquarters {
    /// Has somebody who is signed in prove again who it is: by the password, where it is asked for,
    /// and by a code of the authenticator app, where one is bound. A failure counts like one at the
    /// door.
    ///
    /// # Errors
    /// Words for the person; nothing may then be done.
    pub fn prove(&mut self, staff: &str, password: Option<&str>, code: &str) -> Result<(), HqError> {
        let key = format!("account {staff}");
        let begun = self.act(|tx, core| {
            let now = core.now().0;
            Ok(match count(tx, &[(key.clone(), FREE.0)], now)? {
                Some(seconds) => Err(seconds),
                None => Ok(stored(tx, staff)?),
            })
        })?;
        let stored = begun.map_err(|seconds| {
            HqError::NotAllowed(format!(
                "尝试过多,请 {seconds} 秒后再试 / too many attempts: try again in {seconds} s"
            ))
        })?;
        // 20 ms on the writer's thread: rare, and never more often than failures allow.
        let right = password.is_none_or(|typed| password::is(typed, stored.as_deref()));
        let proven = self.act(|tx, core| {
            let now = core.now();
            if !right || !second_factor(tx, staff, code, now.0)? {
                audit(tx, now, staff, "proof_refused", staff)?;
                return Ok(false);
            }
            tx.execute("DELETE FROM failures WHERE about = ?1", [&key])?;
            Ok(true)
        })?;
        if proven { Ok(()) } else { Err(HqError::NotAllowed(NOT_PROVEN.into())) }
    }
}

const NOT_PROVEN: &str = "密码或动态码不对;每个动态码只能用一次,刚用过请等下一个 / password or code is wrong; a code works once: after using one, wait for the next";

fn stored(tx: &Transaction<'_>, staff: &str) -> Result<Option<String>, HqError> {
    let found = tx
        .query_row("SELECT password FROM accounts WHERE staff = ?1 AND active = 1", [staff], |r| r.get(0))
        .optional()?;
    Ok(found.flatten())
}

/// Counts an attempt as failed until it succeeds; returns the seconds to wait instead when there
/// were too many. Each key comes with the failures that are free.
fn count(tx: &Transaction<'_>, keys: &[(String, i64)], now: i64) -> Result<Option<i64>, HqError> {
    let mut longest = None;
    for (key, free) in keys {
        longest = longest.max(wait(tx, key, *free, now)?);
    }
    if let Some(ms) = longest {
        return Ok(Some(ms.div_euclid(1_000) + 1));
    }
    for (key, _) in keys {
        tx.execute(
            "INSERT INTO failures (about, n, last_at) VALUES (?1, 1, ?2)
             ON CONFLICT (about) DO UPDATE SET n = n + 1, last_at = excluded.last_at",
            params![key, now],
        )?;
    }
    Ok(None)
}

/// Checks the code of the authenticator app where there is one, and uses it up.
fn second_factor(tx: &Transaction<'_>, staff: &str, code: &str, now: i64) -> Result<bool, HqError> {
    let found: Option<(Option<Vec<u8>>, i64)> = tx
        .query_row("SELECT totp, totp_step FROM accounts WHERE staff = ?1 AND active = 1", [staff], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .optional()?;
    let Some((secret, last)) = found else { return Ok(false) };
    let Some(secret) = secret else { return Ok(true) };
    let Some(step) = totp::step_of(&secret, code, now, last) else { return Ok(false) };
    tx.execute("UPDATE accounts SET totp_step = ?2 WHERE staff = ?1", params![staff, step])?;
    Ok(true)
}

/// Returns how long a name or address has to wait, ms.
fn wait(tx: &Transaction<'_>, key: &str, free: i64, now: i64) -> Result<Option<i64>, HqError> {
    let found: Option<(i64, i64)> = tx
        .query_row("SELECT n, last_at FROM failures WHERE about = ?1", [key], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let Some((n, last_at)) = found.filter(|(n, _)| *n >= free) else { return Ok(None) };
    let doubled = u32::try_from((n - free).min(20)).unwrap_or(20);
    let wait = FIRST_WAIT_MS.saturating_mul(1 << doubled).min(LONGEST_WAIT_MS);
    Ok(Some(last_at + wait - now).filter(|ms| *ms > 0))
}

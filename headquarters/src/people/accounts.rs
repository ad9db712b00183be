//! Accounts: who may sign in, with a password the person alone knows.
//!
//! Invariant: whoever makes an account gets a code that works once, never a password. Every change
//! is a line of the audit log. Rejected: a first password that an administrator chooses and sees.

use super::{audit, password, totp};
use crate::{error::HqError, hq::Headquarters, store};
use lanewalk_model::{staff::Role, time::TimeMs};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use sha2::{Digest as _, Sha256};

/// How long a code to set a password works.
const CODE_MS: i64 = 3 * 24 * 3_600_000;

/// An account as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Staff id.
    pub staff: String,
    /// Manages accounts.
    pub admin: bool,
    /// May sign in.
    pub active: bool,
    /// Has chosen a password.
    pub has_password: bool,
    /// Has an authenticator app.
    pub has_totp: bool,
}

/// Lists the accounts by staff id.
pub fn accounts(db: &Connection) -> Result<Vec<Account>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT staff, admin, active, password IS NOT NULL, totp IS NOT NULL FROM accounts ORDER BY staff",
    )?;
    let rows = statement.query_map([], |r| {
        Ok(Account {
            staff: r.get(0)?,
            admin: r.get(1)?,
            active: r.get(2)?,
            has_password: r.get(3)?,
            has_totp: r.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Headquarters {
    /// Makes an account, or a new code for one: the code with which the person sets a password
    /// within three days. An old password stays until then. `admin: None` leaves that as it is.
    pub fn account_code(&mut self, staff: &str, admin: Option<bool>, by: &str) -> Result<String, HqError> {
        self.act(|tx, core| {
            let Some((subject, _)) = store::subject(tx, staff)? else {
                return Err(HqError::NotFound(format!("staff {staff}")));
            };
            if subject.role == Role::System {
                return Err(HqError::NotAllowed("系统角色不能登录 / the system's own role never signs in".into()));
            }
            let mut random = [0; 10];
            core.source.fill_random(&mut random);
            let code = grouped(&totp::base32(&random));
            let now = core.now();
            tx.execute(
                "INSERT INTO accounts (staff, admin, code_hash, code_until, made_at) VALUES (?1, coalesce(?2, 0), ?3, ?4, ?5)
                 ON CONFLICT (staff) DO UPDATE SET admin = coalesce(?2, admin), active = 1,
                 code_hash = excluded.code_hash, code_until = excluded.code_until",
                params![staff, admin, code_hash(&code), now.0 + CODE_MS, now.0],
            )?;
            audit(tx, now, by, if admin == Some(true) { "admin_code" } else { "account_code" }, staff)?;
            Ok(code)
        })
    }

    /// Sets a password with a code. Returns the staff id.
    ///
    /// # Errors
    /// A wrong or old code, a weak password: words for the person.
    pub fn set_password(&mut self, code: &str, chosen: &str) -> Result<String, HqError> {
        self.act(|tx, core| {
            let now = core.now();
            let found: Option<(String, String)> = tx
                .query_row(
                    "SELECT a.staff, s.name FROM accounts a JOIN staff s ON s.id = a.staff
                     WHERE a.code_hash = ?1 AND a.code_until > ?2 AND a.active = 1",
                    params![code_hash(code), now.0],
                    |r| Ok((r.get(0)?, r.get(1)?)),
                )
                .optional()?;
            let Some((staff, name)) = found else {
                let words = "密码设置码不对、已用过或已过期,请向管理员要新的 / the code is wrong, used or too old: ask an administrator for a new one";
                return Err(HqError::NotAllowed(words.into()));
            };
            store_password(tx, core, &staff, &name, chosen)?;
            tx.execute("DELETE FROM sessions WHERE staff = ?1", [&staff])?;
            tx.execute("DELETE FROM failures WHERE about = ?1", [format!("account {staff}")])?;
            audit(tx, now, &staff, "set_password", &staff)?;
            Ok(staff)
        })
    }

    /// Makes a secret for an authenticator app, which counts once a code of it was typed in.
    /// Returns the text of the QR code and the secret to type.
    ///
    /// # Errors
    /// The password is not the account's, or the code not one of the app that is bound: a browser
    /// left open is not enough to bind another.
    pub fn offer_totp(
        &mut self,
        staff: &str,
        password: &str,
        code: &str,
    ) -> Result<(String, String), HqError> {
        self.prove(staff, Some(password), code)?;
        self.act(|tx, core| {
            let mut secret = [0; totp::SECRET];
            core.source.fill_random(&mut secret);
            tx.execute("UPDATE accounts SET totp_new = ?2 WHERE staff = ?1", params![staff, secret])?;
            Ok((totp::address(&secret, staff), grouped(&totp::base32(&secret))))
        })
    }

    /// Takes the offered authenticator app into use.
    ///
    /// # Errors
    /// The code does not fit.
    pub fn confirm_totp(&mut self, staff: &str, code: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            let now = core.now();
            let secret: Option<Vec<u8>> =
                tx.query_row("SELECT totp_new FROM accounts WHERE staff = ?1", [staff], |r| r.get(0))?;
            let step = secret.as_deref().and_then(|s| totp::step_of(s, code, now.0, 0));
            let Some(step) = step else {
                return Err(HqError::NotAllowed(
                    "动态码不对,请核对手机时间后重试 / the code does not fit: check the phone's clock and try again".into(),
                ));
            };
            tx.execute(
                "UPDATE accounts SET totp = totp_new, totp_new = NULL, totp_step = ?2 WHERE staff = ?1",
                params![staff, step],
            )?;
            audit(tx, now, staff, "totp", staff)
        })
    }

    /// Unbinds an authenticator app that was lost, and ends the account's sessions. An administrator
    /// has no powers until another is bound.
    pub fn drop_totp(&mut self, staff: &str, by: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            let sql = "UPDATE accounts SET totp = NULL, totp_new = NULL WHERE staff = ?1";
            if tx.execute(sql, [staff])? == 0 {
                return Err(HqError::NotFound(format!("account {staff}")));
            }
            tx.execute("DELETE FROM sessions WHERE staff = ?1", [staff])?;
            audit(tx, core.now(), by, "totp_dropped", staff)
        })
    }

    /// Switches an account off, which ends its sessions, or on again.
    pub fn set_active(&mut self, staff: &str, active: bool, by: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            if staff == by && !active {
                return Err(HqError::NotAllowed(
                    "不能停用自己的账号 / nobody switches off the own account".into(),
                ));
            }
            tx.execute("UPDATE accounts SET active = ?2 WHERE staff = ?1", params![staff, active])?;
            tx.execute("DELETE FROM sessions WHERE staff = ?1", [staff])?;
            audit(tx, core.now(), by, if active { "account_on" } else { "account_off" }, staff)
        })
    }

    /// Returns the moment headquarters goes by.
    pub fn now(&mut self) -> TimeMs {
        self.core.now()
    }
}

fn store_password(
    tx: &Transaction<'_>,
    core: &crate::core::Core,
    staff: &str,
    name: &str,
    chosen: &str,
) -> Result<(), HqError> {
    if let Some(weak) = password::weakness(chosen, staff, name) {
        return Err(HqError::NotAllowed(weak.into()));
    }
    let mut salt = [0; 16];
    core.source.fill_random(&mut salt);
    let hash = password::hash(chosen, &salt).ok_or_else(|| HqError::NotAllowed("Argon2".into()))?;
    tx.execute(
        "UPDATE accounts SET password = ?2, code_hash = NULL, code_until = NULL WHERE staff = ?1",
        params![staff, hash],
    )?;
    Ok(())
}

/// A code without its spaces and in capitals, hashed.
fn code_hash(code: &str) -> [u8; 32] {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    Sha256::digest(plain).into()
}

/// Groups of four are easier to read out and to type.
fn grouped(code: &str) -> String {
    let chars: Vec<char> = code.chars().collect();
    chars.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

//! Keys of Open311 clients.
//!
//! Invariant: a key is 256 random bits and stands here only as its SHA-256, so a stolen database
//! posts nothing; a key that was revoked is no key. Rejected: a password hash, which exists for
//! secrets that people choose.

use super::{Refused, refused};
use crate::{error::HqError, hq::Headquarters, people::audit};
use base64::Engine as _;
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

/// Who calls, for the limit of requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// A known key.
    Key(i64),
    /// An address without a known key.
    Address(std::net::IpAddr),
}

/// Finds a key; refused where it is missing or not one of ours.
pub(super) fn known(db: &Connection, key: Option<&str>) -> Result<i64, Refused> {
    let Some(key) = key else { return refused(403, "缺少 api_key / api_key is missing") };
    match find(db, key)? {
        Some(id) => Ok(id),
        None => refused(403, "api_key 无效 / api_key is not valid"),
    }
}

/// Finds a key.
pub(super) fn find(db: &Connection, key: &str) -> Result<Option<i64>, HqError> {
    Ok(db
        .prepare_cached("SELECT id FROM open311_keys WHERE hash = ?1 AND revoked_at IS NULL")?
        .query_row([hash(key)], |r| r.get(0))
        .optional()?)
}

impl Caller {
    /// Says who calls, by the key if it is known.
    pub(crate) fn of(db: &Connection, key: Option<&str>, address: std::net::IpAddr) -> Result<Self, HqError> {
        let id = key.map(|key| find(db, key)).transpose()?.flatten();
        Ok(id.map_or(Self::Address(address), Self::Key))
    }
}

impl Headquarters {
    /// Makes a key for a client and returns it; it cannot be read again. The name must be new.
    pub fn make_open311_key(&mut self, name: &str) -> Result<String, HqError> {
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 64 {
            return Err(HqError::NotAllowed("请写明给谁用 / say whom the key is for".into()));
        }
        self.act(|tx, core| {
            let mut secret = [0; 32];
            core.source.fill_random(&mut secret);
            let key = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret);
            let now = core.now().0;
            let taken: bool =
                tx.query_row("SELECT EXISTS (SELECT 1 FROM open311_keys WHERE name = ?1)", [&name], |r| {
                    r.get(0)
                })?;
            if taken {
                return Err(HqError::NotAllowed(format!("已有同名密钥 / there is a key named {name}")));
            }
            tx.execute(
                "INSERT INTO open311_keys (name, hash, made_at) VALUES (?1, ?2, ?3)",
                params![name, hash(&key), now],
            )?;
            audit(tx, lanewalk_model::time::TimeMs(now), "hq", "open311_key", &name)?;
            Ok(key)
        })
    }

    /// Revokes a client's key by name.
    pub fn revoke_open311_key(&mut self, name: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            let now = core.now().0;
            let changed = tx.execute(
                "UPDATE open311_keys SET revoked_at = ?2 WHERE name = ?1 AND revoked_at IS NULL",
                params![name, now],
            )?;
            if changed == 0 {
                return Err(HqError::NotFound(format!("Open311 key {name}")));
            }
            audit(tx, lanewalk_model::time::TimeMs(now), "hq", "open311_revoke", name)
        })
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

//! The two secrets of a phone, in a file that stands in for the phone's keystore.
//!
//! Invariant: the file is made whole or not at all, readable by its owner only, and never printed.
//! On a real phone the store's key lies in Keychain or Keystore and the signing key in the key chip;
//! anybody who can read this file can read the phone. Rejected: a password asked at every verb,
//! which would look safe on a machine where the file beside it is not.

use crate::words::Failure;
use lanewalk_field::StoreKey;
use lanewalk_model::id::{from_hex, to_hex};
use lanewalk_protocol::keys::{Algorithm, SoftSigner};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

const NAME: &str = "keys";

#[derive(Serialize, Deserialize)]
struct Written {
    note: String,
    store: String,
    signer: String,
}

/// The secrets.
pub(crate) struct Keys {
    /// Opens the database.
    pub(crate) store: StoreKey,
    /// Signs as the device.
    pub(crate) signer: SoftSigner,
}

/// Reads the secrets of a phone, or makes them on its first start. Makes the directory.
pub(crate) fn open(data: &Path) -> Result<Keys, Failure> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    fs::set_permissions(data, fs::Permissions::from_mode(0o700))?;
    let written = match fs::read_to_string(data.join(NAME)) {
        Ok(text) => serde_json::from_str(&text).map_err(|_| damaged())?,
        Err(e) if e.kind() == ErrorKind::NotFound => make(data)?,
        Err(e) => return Err(e.into()),
    };
    let store = from_hex::<32>(&written.store).ok_or_else(damaged)?;
    let secret = from_hex::<32>(&written.signer).ok_or_else(damaged)?;
    let signer = SoftSigner::new(Algorithm::Ed25519, &secret).map_err(|_| damaged())?;
    Ok(Keys { store: StoreKey::new(store), signer })
}

/// Destroys both secrets, as a phone's keystore does.
pub(crate) fn destroy(data: &Path) -> Result<(), Failure> {
    let path = data.join(NAME);
    // A disk may keep old blocks; a keystore does not. This file only stands in for one.
    fs::write(&path, [0_u8; 512])?;
    fs::File::open(&path)?.sync_all()?;
    fs::remove_file(&path)?;
    fs::File::open(data)?.sync_all()?;
    Ok(())
}

/// Reads the store's key in hexadecimal, for checks that look into the file themselves.
pub(crate) fn store_hex(data: &Path) -> Result<String, Failure> {
    let written: Written =
        serde_json::from_str(&fs::read_to_string(data.join(NAME))?).map_err(|_| damaged())?;
    Ok(written.store)
}

fn damaged() -> Failure {
    Failure::new("密钥文件损坏 / the key file is damaged")
}

fn make(data: &Path) -> Result<Written, Failure> {
    let mut random = [0_u8; 64];
    getrandom::fill(&mut random).map_err(|e| Failure::new(e.to_string()))?;
    let (store, signer) = random.split_at(32);
    let written = Written {
        note: "代替手机密钥库 / stands in for the phone's keystore; whoever reads this can read the phone"
            .into(),
        store: to_hex(store),
        signer: to_hex(signer),
    };
    let text = serde_json::to_string_pretty(&written).map_err(|e| Failure::new(e.to_string()))?;
    let temporary = data.join("keys.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, data.join(NAME))?;
    fs::File::open(data)?.sync_all()?;
    Ok(written)
}

//! How the device's key stands.
//!
//! Invariant: no state of the key keeps a store shut. What is here is read and exported without it
//! (law 1, F9); only rounds need it, and they end before their first request when the key is gone or
//! is not the one headquarters knows. Rejected: finding out by headquarters' refusal, which cannot
//! tell a worker why.

use crate::{
    error::FieldError,
    facade::{Field, Inner},
    store::{
        lock,
        meta::{self, key},
    },
    sync::SyncError,
};
use lanewalk_protocol::keys::{DeviceSigner, PublicKey, SignerError};

/// How the device's key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceKey {
    /// There, and the one headquarters knows; before enrolment any key is.
    Ready,
    /// The chip cannot be asked now; it is asked again when a round needs it.
    #[default]
    Unavailable,
    /// Gone for good, says the chip (F9); each round asks it again.
    Lost,
    /// The chip has another key than the one headquarters knows: the store was moved to another phone, or
    /// the key was made anew (F27).
    Replaced,
}

impl Field {
    /// Says how the device's key stands, as far as it was asked.
    pub fn device_key(&self) -> DeviceKey {
        *lock(&self.inner.device_key)
    }
}

impl Inner {
    /// Asks the key chip and compares its key with the enrolled one.
    pub(crate) fn ask_device_key(&self) -> Result<DeviceKey, FieldError> {
        let enrolled: Option<PublicKey> = self.store.read(|conn| meta::get_cbor(conn, key::DEVICE_KEY))?;
        let found = match self.signer.public_key() {
            Ok(key) if enrolled.is_none_or(|enrolled| enrolled == key) => DeviceKey::Ready,
            Ok(_) => DeviceKey::Replaced,
            Err(SignerError::Unavailable) => DeviceKey::Unavailable,
            Err(SignerError::KeyLost) => DeviceKey::Lost,
        };
        self.set_device_key(found);
        Ok(found)
    }

    /// Keeps how the key stands and tells who follows the status.
    pub(crate) fn set_device_key(&self, found: DeviceKey) {
        let before = std::mem::replace(&mut *lock(&self.device_key), found);
        if before != found {
            self.notify(&[]);
        }
    }

    /// Signs with the enrolled key.
    pub(crate) fn signed<T>(
        &self,
        sign: impl FnOnce(&dyn DeviceSigner) -> Result<T, SignerError>,
    ) -> Result<T, SyncError> {
        let known = *lock(&self.device_key);
        // Chips have been wrong about a key that is lost: nothing but good news is believed for long.
        let known = if known == DeviceKey::Ready { known } else { self.ask_device_key()? };
        match known {
            DeviceKey::Ready => {}
            DeviceKey::Unavailable => return Err(SyncError::SignerUnavailable),
            DeviceKey::Lost => return Err(SyncError::KeyLost),
            DeviceKey::Replaced => return Err(SyncError::KeyReplaced),
        }
        sign(self.signer.as_ref()).map_err(|error| {
            // A chip may still show the public half of a key that it will not use any more.
            if error == SignerError::KeyLost {
                self.set_device_key(DeviceKey::Lost);
            }
            error.into()
        })
    }
}

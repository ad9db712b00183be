//! A key chip that fails keeps no store shut (F9), and one with another key is noticed (F27).

use crate::{
    hq::Hq,
    phone::{KEY, Phone, TestSource},
};
use lanewalk_field::{Config, DeviceKey, Field, Listener, Status, StoreKey, SyncError};
use lanewalk_protocol::keys::{Algorithm, DeviceSigner, PublicKey, Signature, SignerError, SoftSigner};
use std::{
    path::Path,
    sync::{Arc, Mutex},
};

/// A chip whose key can go.
struct Chip {
    key: SoftSigner,
    public: Mutex<Option<SignerError>>,
    sign: Mutex<Option<SignerError>>,
    asked: Mutex<u32>,
}

impl Chip {
    fn new(secret: u8) -> Arc<Self> {
        let key = SoftSigner::new(Algorithm::Ed25519, &[secret; 32]).unwrap();
        Arc::new(Self { key, public: Mutex::default(), sign: Mutex::default(), asked: Mutex::default() })
    }

    fn failing(error: SignerError) -> Arc<Self> {
        let chip = Self::new(9);
        *chip.public.lock().unwrap() = Some(error);
        *chip.sign.lock().unwrap() = Some(error);
        chip
    }
}

impl DeviceSigner for Chip {
    fn public_key(&self) -> Result<PublicKey, SignerError> {
        *self.asked.lock().unwrap() += 1;
        self.public.lock().unwrap().map_or_else(|| Ok(self.key.public_key()), Err)
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        self.sign.lock().unwrap().map_or_else(|| self.key.sign(message), Err)
    }
}

fn open(dir: &Path, chip: Arc<Chip>) -> Field {
    Field::open(Config::new(dir.to_owned(), StoreKey::new(KEY)), TestSource::new(5), chip).unwrap()
}

/// A worker's phone with a note that was not sent, closed.
fn with_unsent(hq: &Hq) -> tempfile::TempDir {
    let order = hq.order(1, &[]);
    let phone = Phone::enrolled(hq);
    phone.field.sync(hq).unwrap();
    phone.field.add_note(order, "还没上传").unwrap();
    phone.field.close().unwrap();
    phone.dir
}

#[test]
fn what_was_not_sent_is_read_and_exported_without_the_key() {
    let hq = Hq::new();
    let dir = with_unsent(&hq);
    let asked = hq.state.lock().unwrap().requests;
    for (chip, stands, error) in [
        (Chip::failing(SignerError::KeyLost), DeviceKey::Lost, SyncError::KeyLost),
        (Chip::failing(SignerError::Unavailable), DeviceKey::Unavailable, SyncError::SignerUnavailable),
        (Chip::new(8), DeviceKey::Replaced, SyncError::KeyReplaced),
    ] {
        let field = open(dir.path(), chip);
        assert_eq!((field.device_key(), field.status().unwrap().device_key), (stands, stands));
        assert!(field.export_unsent().unwrap().contains("还没上传"));
        assert!(field.identity().is_some());
        assert_eq!(field.sync(&hq), Err(error));
        assert_eq!(field.status().unwrap().pending, 1);
        field.close().unwrap();
    }
    assert_eq!(hq.state.lock().unwrap().requests, asked, "a round without the key reached headquarters");
    let field = open(dir.path(), Chip::new(9));
    assert_eq!((field.device_key(), field.sync(&hq).unwrap().acknowledged), (DeviceKey::Ready, 1));
}

#[test]
fn a_chip_that_failed_is_asked_again() {
    let hq = Hq::new();
    let dir = with_unsent(&hq);
    let chip = Chip::failing(SignerError::Unavailable);
    let field = open(dir.path(), chip.clone());
    *chip.public.lock().unwrap() = None;
    *chip.sign.lock().unwrap() = None;
    assert_eq!(field.sync(&hq).unwrap().acknowledged, 1);
    assert_eq!((field.device_key(), *chip.asked.lock().unwrap()), (DeviceKey::Ready, 2));

    // The chip still shows the public half of a key that it will not use.
    *chip.sign.lock().unwrap() = Some(SignerError::KeyLost);
    let told = Arc::new(Told::default());
    let watch = field.watch_status(told.clone());
    assert_eq!(field.sync(&hq), Err(SyncError::KeyLost));
    *chip.sign.lock().unwrap() = None;
    assert!(field.sync(&hq).is_ok());
    assert_eq!(*told.0.lock().unwrap(), [DeviceKey::Ready, DeviceKey::Lost, DeviceKey::Ready]);
    assert_eq!(*chip.asked.lock().unwrap(), 3);
    drop(watch);
}

#[test]
fn a_phone_without_a_key_is_not_enrolled_with_another() {
    let hq = Hq::new();
    let dir = tempfile::tempdir().unwrap();
    let chip = Chip::failing(SignerError::KeyLost);
    let field = open(dir.path(), chip.clone());
    assert_eq!(field.enrol(&hq.invitation(), &hq).map(drop), Err(SyncError::KeyLost));
    *chip.public.lock().unwrap() = None;
    *chip.sign.lock().unwrap() = None;
    field.enrol(&hq.invitation(), &hq).unwrap();
    assert_eq!(field.device_key(), DeviceKey::Ready);
    field.sync(&hq).unwrap();
}

#[derive(Default)]
struct Told(Mutex<Vec<DeviceKey>>);

impl Listener<Status> for Told {
    fn changed(&self, status: Status) {
        self.0.lock().unwrap().push(status.device_key);
    }
}

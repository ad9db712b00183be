//! Headquarters' own TLS: a private CA for browsers, two keys for phones.
//!
//! Invariant: everything lies in one file that is replaced whole, so no crash leaves a key without
//! its certificate; phones know the key in use and the next one before it is used. A certificate is
//! renewed under the same key, and no phone notices. Rejected: one file each for keys and
//! certificates, which a crash between two renames leaves apart; a public CA, which an inner network
//! cannot reach (ADR 10).

use chrono::{DateTime, Datelike as _};
use lanewalk_model::{id::to_hex, time::TimeMs};
use lanewalk_protocol::pins::Pins;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData as _, SerialNumber,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

const FILE: &str = "tls.json";
/// The CA's certificate for browsers, a copy of what the file holds.
const ROOT: &str = "lanewalk-root.crt";
const DAY_MS: i64 = 86_400_000;
/// Browsers take no server certificate that is valid for longer than 398 days.
const SERVER_DAYS: i64 = 397;
const ROOT_DAYS: i64 = 20 * 365;
/// A certificate with less left is renewed when headquarters starts.
const RENEW_DAYS: i64 = 60;

/// What can go wrong with TLS at headquarters.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Nothing was made yet.
    #[error("no TLS here yet: make it first")]
    Missing,
    /// There is one already; making another would lock every phone out.
    #[error("TLS is set up already: renew or rotate it")]
    Exists,
    /// A name that no certificate can carry.
    #[error("not a host name or address: {0}")]
    Name(String),
    /// The file does not read back.
    #[error("{FILE} is damaged: {0}")]
    Damaged(String),
    /// Files.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<rcgen::Error> for TlsError {
    fn from(error: rcgen::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// What the file holds. Keys are PKCS #8, certificates X.509, both PEM.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    names: Vec<String>,
    root_key: String,
    root_certificate: String,
    /// The key in use, and the one after it.
    keys: [String; 2],
    certificate: String,
    /// End of the certificate, UTC ms.
    valid_until: i64,
    /// How often the key was changed.
    rotations: u32,
}

/// Where headquarters keeps its TLS; the folder must be readable by its owner only.
#[derive(Debug, Clone)]
pub struct TlsFolder(PathBuf);

/// TLS ready to serve.
#[derive(Clone)]
pub struct Tls {
    /// For the sockets.
    pub config: Arc<ServerConfig>,
    /// For the phones: the key in use, the next one.
    pub pins: Pins,
    /// Names and addresses in the certificate.
    pub names: Vec<String>,
    /// End of the certificate.
    pub valid_until: TimeMs,
    /// How often the key was changed.
    pub rotations: u32,
    /// The CA's certificate, which browsers must be given once.
    pub root: PathBuf,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("names", &self.names).finish_non_exhaustive()
    }
}

impl TlsFolder {
    /// Names the folder.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Makes CA, keys and certificate for these names and addresses. Writes files.
    ///
    /// # Errors
    /// `Exists`, `Name`, `Io`.
    pub fn init(&self, names: &[String], now: TimeMs) -> Result<Tls, TlsError> {
        if self.0.join(FILE).exists() {
            return Err(TlsError::Exists);
        }
        let root = KeyPair::generate()?;
        let mut stored = Stored {
            names: names.to_vec(),
            root_certificate: root_params(&root, now)?.self_signed(&root)?.pem(),
            root_key: root.serialize_pem(),
            keys: [KeyPair::generate()?.serialize_pem(), KeyPair::generate()?.serialize_pem()],
            certificate: String::new(),
            valid_until: 0,
            rotations: 0,
        };
        stored.certify(now)?;
        self.write(&stored)?;
        self.load(now)
    }

    /// Loads it for serving; renews a certificate that ends soon.
    ///
    /// # Errors
    /// `Missing`, `Damaged`, `Io`.
    pub fn load(&self, now: TimeMs) -> Result<Tls, TlsError> {
        let mut stored = self.read()?;
        if stored.valid_until < now.0 + RENEW_DAYS * DAY_MS {
            stored.certify(now)?;
            self.write(&stored)?;
        }
        stored.ready(self.0.join(ROOT))
    }

    /// Makes a new certificate for the key in use, for other names if some are given. Phones notice
    /// nothing.
    pub fn renew(&self, names: &[String], now: TimeMs) -> Result<Tls, TlsError> {
        let mut stored = self.read()?;
        if !names.is_empty() {
            stored.names = names.to_vec();
        }
        stored.certify(now)?;
        self.write(&stored)?;
        self.load(now)
    }

    /// Takes the next key into use and makes the one after it. A phone that has synced since the last
    /// rotation knows the key already and learns the new next one with its lease; another cannot
    /// connect any more.
    pub fn rotate(&self, now: TimeMs) -> Result<Tls, TlsError> {
        let mut stored = self.read()?;
        let [_, next] = stored.keys;
        stored.keys = [next, KeyPair::generate()?.serialize_pem()];
        stored.rotations += 1;
        stored.certify(now)?;
        self.write(&stored)?;
        self.load(now)
    }

    fn read(&self) -> Result<Stored, TlsError> {
        match fs::read_to_string(self.0.join(FILE)) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| TlsError::Damaged(e.to_string())),
            Err(e) if e.kind() == ErrorKind::NotFound => Err(TlsError::Missing),
            Err(e) => Err(e.into()),
        }
    }

    fn write(&self, stored: &Stored) -> Result<(), TlsError> {
        let text = serde_json::to_vec_pretty(stored).map_err(|e| TlsError::Damaged(e.to_string()))?;
        for (name, bytes) in [(FILE, text.as_slice()), (ROOT, stored.root_certificate.as_bytes())] {
            let new = self.0.join([name, ".new"].concat());
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&new, self.0.join(name))?;
        }
        fs::File::open(&self.0)?.sync_all()?;
        Ok(())
    }
}

impl Stored {
    /// Makes the certificate of the key in use.
    fn certify(&mut self, now: TimeMs) -> Result<(), TlsError> {
        let name = self.names.first().ok_or_else(|| TlsError::Name("none given".into()))?.clone();
        // A wildcard or a name with a scheme would be taken, and trusted by no browser.
        if let Some(bad) = self.names.iter().find(|n| !is_host(n)) {
            return Err(TlsError::Name(bad.clone()));
        }
        let root = KeyPair::from_pem(&self.root_key)?;
        let issuer = Issuer::new(root_params(&root, now)?, root);
        let mut params =
            CertificateParams::new(self.names.clone()).map_err(|_| TlsError::Name(self.names.join(" ")))?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // Renewed under the same key: browsers refuse a serial number they have seen.
        params.serial_number = Some(serial()?);
        let until = now.0 + SERVER_DAYS * DAY_MS;
        date(&mut params, now.0 - DAY_MS, until);
        self.certificate = params.signed_by(&KeyPair::from_pem(&self.keys[0])?, &issuer)?.pem();
        self.valid_until = until;
        Ok(())
    }

    fn ready(self, root: PathBuf) -> Result<Tls, TlsError> {
        let pem = |e: rustls::pki_types::pem::Error| TlsError::Damaged(e.to_string());
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).map_err(pem)?;
        let keys = [KeyPair::from_pem(&self.keys[0])?, KeyPair::from_pem(&self.keys[1])?];
        let spki: Vec<Vec<u8>> = keys.iter().map(|k| k.subject_public_key_info()).collect();
        let [current, _] = keys;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(current.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls {
            config: Arc::new(config),
            pins: Pins::of_keys(spki.iter().map(Vec::as_slice)),
            names: self.names,
            valid_until: TimeMs(self.valid_until),
            rotations: self.rotations,
            root,
        })
    }
}

fn root_params(key: &KeyPair, now: TimeMs) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(Vec::new())?;
    // Two towns' roots in one browser must not look alike.
    let pin = Pins::of_keys([key.subject_public_key_info().as_slice()]).to_bytes();
    let id = to_hex(pin.get(..4).unwrap_or_default());
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("走街串巷 Lanewalk CA {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.serial_number = Some(serial()?);
    date(&mut params, now.0 - DAY_MS, now.0 + ROOT_DAYS * DAY_MS);
    Ok(params)
}

/// Draws a serial number; positive, 16 bytes.
fn serial() -> Result<SerialNumber, TlsError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| TlsError::Io(std::io::Error::other(e.to_string())))?;
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn is_host(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-.".contains(&b);
    name.parse::<std::net::IpAddr>().is_ok() || !name.is_empty() && name.bytes().all(plain)
}

/// Sets the days from which and until which a certificate holds.
fn date(params: &mut CertificateParams, from: i64, until: i64) {
    let parts = |ms: i64| {
        let date = DateTime::from_timestamp_millis(ms).unwrap_or_default();
        let small = |n: u32| u8::try_from(n).unwrap_or(1);
        // Beyond these no certificate can say a date.
        (date.year().clamp(1970, 9_998), small(date.month()), small(date.day()))
    };
    let ((y, m, d), (to_y, to_m, to_d)) = (parts(from), parts(until));
    params.not_before = rcgen::date_time_ymd(y, m, d);
    params.not_after = rcgen::date_time_ymd(to_y, to_m, to_d);
}

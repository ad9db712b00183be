//! TLS on real sockets: who is taken for headquarters, and how its keys change (F18).

use crate::house::{GRID, House, Manner, bind, phone};
use lanewalk_field::{
    Field, HttpTransport, NewVisit, Source as _, Standing, SyncError, SystemSource, Transport as _,
    TransportError, Trust,
};
use lanewalk_headquarters::{
    enrol,
    tls::{Tls, TlsFolder},
};
use lanewalk_model::time::TimeMs;
use lanewalk_protocol::http::Request;
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    sync::Arc,
};
use support::town::confirm_all;

/// The certificate of this time ended long ago: phones do not look at dates.
const LONG_AGO: TimeMs = TimeMs(1_400_000_000_000);

fn names() -> Vec<String> {
    vec!["127.0.0.1".to_owned(), "hq.street.example".to_owned()]
}

fn make(directory: &Path) -> (TlsFolder, Tls) {
    let folder = TlsFolder::new(directory);
    let tls = folder.init(&names(), LONG_AGO).unwrap();
    (folder, tls)
}

fn with(tls: &Tls) -> Manner {
    Manner { tls: Some(tls.clone()), ..Manner::default() }
}

/// Enrols a phone with the text of its QR code alone, and syncs once.
fn enrolled(house: &House, directory: &Path, n: u8) -> Field {
    let (field, text) = (phone(directory, n), house.invite());
    field.enrol(&text, &HttpTransport::for_invitation(&text, None).unwrap()).unwrap();
    house.at_hq(confirm_all);
    sync(&field).unwrap();
    assert_eq!(field.standing(), Ok(Standing::Active));
    field
}

fn sync(field: &Field) -> Result<(), SyncError> {
    field.sync(&*field.transport(None)?).map(|_| ())
}

fn write(field: &Field) {
    let visit = NewVisit { kind: "patrol".into(), grid: Some(GRID.into()), ..NewVisit::default() };
    field.record_visit(visit).unwrap();
}

#[test]
fn phones_know_headquarters_by_its_key_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (_, tls) = make(dir.path());
    let mut house = House::start(dir.path(), with(&tls));
    let field = enrolled(&house, dir.path(), 1);
    write(&field);
    sync(&field).unwrap();
    assert_eq!(field.status().unwrap().pending, 0);

    // Somebody else at the same address and under the same name: nothing is sent, nothing is lost.
    write(&field);
    let elsewhere = tempfile::tempdir().unwrap();
    let (_, stranger) = make(elsewhere.path());
    house.stop();
    let port = house.address.port();
    let mut impostor = House::start(elsewhere.path(), Manner::default());
    impostor.stop();
    impostor.address.set_port(port);
    impostor.restart(with(&stranger));
    assert_eq!(sync(&field), Err(SyncError::NotHeadquarters));
    assert_eq!(field.status().unwrap().pending, 1);
    // Turned off it is another matter: no network.
    impostor.stop();
    assert_eq!(sync(&field).unwrap_err().code(), "no_network");
    house.restart(with(&tls));
    sync(&field).unwrap();
    assert_eq!(field.status().unwrap().pending, 0);
}

/// A captive portal answers 200 with a page, or redirects, without any TLS: no network.
#[test]
fn a_captive_portal_is_no_network() {
    let dir = tempfile::tempdir().unwrap();
    let (_, tls) = make(dir.path());
    let mut house = House::start(dir.path(), with(&tls));
    let field = enrolled(&house, dir.path(), 2);
    write(&field);
    house.stop();
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 12\r\n\r\n<html>login\n",
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n",
    ] {
        let listener = bind(house.address.port());
        let portal = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = [0; 1_024];
            let n = stream.read(&mut heard).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            heard[..n].to_vec()
        });
        assert_eq!(sync(&field).unwrap_err().code(), "no_network");
        // A TLS greeting is all it heard.
        assert_eq!(portal.join().unwrap().first(), Some(&0x16));
        assert_eq!(field.status().unwrap().pending, 1);
    }
}

/// Who has headquarters' certificate, which everybody can fetch, does not have its key.
#[test]
fn a_copied_certificate_is_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let (_, tls) = make(dir.path());
    let mut house = House::start(dir.path(), with(&tls));
    let field = enrolled(&house, dir.path(), 3);
    house.stop();
    let other = tempfile::tempdir().unwrap();
    let (_, thief) = make(other.path());
    let resolver = Borrowed { certificate: certificate(&tls), key: key(&thief) };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    let stolen = Tls { config: Arc::new(config), ..thief };
    house.restart(with(&stolen));
    assert_eq!(sync(&field), Err(SyncError::NotHeadquarters));
}

#[derive(Debug)]
struct Borrowed {
    certificate: rustls::pki_types::CertificateDer<'static>,
    key: Arc<dyn rustls::sign::SigningKey>,
}

impl rustls::server::ResolvesServerCert for Borrowed {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(Arc::new(rustls::sign::CertifiedKey::new(vec![self.certificate.clone()], Arc::clone(&self.key))))
    }
}

fn stored(tls: &Tls, what: &str) -> String {
    let text = std::fs::read_to_string(tls.root.with_file_name("tls.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let value = if what == "key" { &json["keys"][0] } else { &json[what] };
    value.as_str().unwrap().to_owned()
}

fn certificate(tls: &Tls) -> rustls::pki_types::CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::from_pem_slice(stored(tls, "certificate").as_bytes()).unwrap()
}

fn key(tls: &Tls) -> Arc<dyn rustls::sign::SigningKey> {
    use rustls::pki_types::pem::PemObject as _;
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(stored(tls, "key").as_bytes()).unwrap();
    rustls::crypto::ring::sign::any_ecdsa_type(&key).unwrap()
}

/// Renewing changes the certificate only; rotating takes the key into use that phones know already,
/// and tells them the next one with their lease.
#[test]
fn keys_change_without_losing_a_phone() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, tls) = make(dir.path());
    let mut house = House::start(dir.path(), with(&tls));
    let field = enrolled(&house, dir.path(), 4);
    let late = enrolled(&house, dir.path(), 5);
    let renewed = folder.renew(&[], LONG_AGO).unwrap();
    assert_eq!(renewed.pins, tls.pins);
    house.restart(with(&renewed));
    sync(&field).unwrap();

    let first = folder.rotate(LONG_AGO).unwrap();
    assert_eq!(first.pins.hashes()[0], tls.pins.hashes()[1], "the next key is now in use");
    house.restart(with(&first));
    let unaware = |house: &House| house.at_hq(|hq| enrol::unaware(hq.reader()).unwrap().len());
    assert_eq!(unaware(&house), 2, "nobody has named a lease with the new keys yet");
    // The first sync brings the lease, the second one names it.
    sync(&field).unwrap();
    sync(&field).unwrap();
    assert_eq!(unaware(&house), 1);

    let second = folder.rotate(LONG_AGO).unwrap();
    house.restart(with(&second));
    sync(&field).unwrap();
    // Who missed both rotations is told so, and keeps its work.
    write(&late);
    assert_eq!(sync(&late), Err(SyncError::NotHeadquarters));
    assert_eq!(late.status().unwrap().pending, 1);
}

/// What the files are: made once, renewed before the end, whole after a crash, for their owner only.
#[test]
fn the_folder_is_made_once_and_renewed_in_time() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let folder = TlsFolder::new(dir.path());
    let now = TimeMs(SystemSource::new().wall_ms());
    assert!(matches!(folder.load(now), Err(lanewalk_headquarters::tls::TlsError::Missing)));
    for bad in [vec![], vec!["https://x".to_owned()], vec!["*.example".to_owned()], vec![String::new()]] {
        assert!(
            matches!(folder.init(&bad, now), Err(lanewalk_headquarters::tls::TlsError::Name(_))),
            "{bad:?}"
        );
    }
    let made = folder.init(&names(), now).unwrap();
    assert!(matches!(folder.init(&names(), now), Err(lanewalk_headquarters::tls::TlsError::Exists)));
    let file = dir.path().join("tls.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(folder.load(now).unwrap().valid_until, made.valid_until);
    let late = TimeMs(made.valid_until.0 - 86_400_000);
    let renewed = folder.load(late).unwrap();
    assert!(renewed.valid_until > made.valid_until && renewed.pins == made.pins);
    // Killed while writing: the new file is no file yet.
    std::fs::write(dir.path().join("tls.json.new"), "{").unwrap();
    assert_eq!(folder.load(late).unwrap().pins, made.pins);
    std::fs::write(&file, "{").unwrap();
    assert!(matches!(folder.load(late), Err(lanewalk_headquarters::tls::TlsError::Damaged(_))));
}

/// Browsers and other clients check the private CA in the usual way.
#[test]
fn the_private_root_vouches_for_the_certificate() {
    use rustls::pki_types::pem::PemObject as _;
    let dir = tempfile::tempdir().unwrap();
    let now = TimeMs(SystemSource::new().wall_ms());
    let tls = TlsFolder::new(dir.path()).init(&names(), now).unwrap();
    let root = rustls::pki_types::CertificateDer::from_pem_slice(&std::fs::read(&tls.root).unwrap()).unwrap();
    let house = House::start(dir.path(), with(&tls));
    let ask = |trust: &Trust| {
        let authority = house.address.to_string();
        let transport = HttpTransport::new(&format!("https://{authority}"), trust).unwrap();
        transport.send(Request {
            method: "GET".into(),
            authority,
            path: "/login".into(),
            ..Request::default()
        })
    };
    assert!(ask(&Trust::Root(root.to_vec())).is_ok());
    assert_eq!(ask(&Trust::Public).unwrap_err(), TransportError::Stranger);
    assert!(ask(&Trust::Pins(tls.pins.clone())).is_ok());
    // Plain HTTP to the TLS port says nothing.
    let mut plain = TcpStream::connect(house.address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut heard = Vec::new();
    let _ = plain.read_to_end(&mut heard);
    assert!(!String::from_utf8_lossy(&heard).contains("HTTP/1.1 200"), "{heard:?}");
}

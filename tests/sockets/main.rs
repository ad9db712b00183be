//! Real phones' cores, real sockets, a real server: what only a broken connection can show.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod crowd;
mod house;
mod limits;
mod tls;

use lanewalk_camera::Shot as Camera;
use lanewalk_field::{
    Config, Field, FontFile, HttpTransport, NewVisit, PartState, PhotoSettings, Shot, Source as _,
    StorageBudget, StoreKey, SyncError, SystemSource, Trust, UploadPolicy, UploadReport,
};
use lanewalk_model::{
    id::{DocId, EventId},
    photo::{PhotoPart, PhotoRole},
    staff::{Grant, Role},
    time::TimeMs,
};
use lanewalk_protocol::keys::{Algorithm, SoftSigner};
use std::{path::Path, sync::Arc};
use support::{served::Served, town::confirm_all};

const GRID: &str = "370705005004001";

struct Street {
    served: Served,
    field: Field,
    transport: HttpTransport,
    visit: DocId,
    _dirs: (tempfile::TempDir, tempfile::TempDir),
}

/// A served headquarters and one enrolled phone with a visit that headquarters has.
fn street() -> Street {
    let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let served = Served::start(dirs.0.path());
    let invitation = served.desk.run(|hq| {
        hq.put_staff("gw-01", "张网格", Role::GridWorker).unwrap();
        let grant = Grant { grid: GRID.into(), role: Role::GridWorker, from: TimeMs(0), to: None };
        hq.grant("gw-01", &grant).unwrap();
        hq.invite("gw-01").unwrap().to_text()
    });
    let config = Config::new(dirs.1.path().to_owned(), StoreKey::new([4; 32]));
    let signer = Arc::new(SoftSigner::new(Algorithm::Es256, &[6; 32]).unwrap());
    let field = Field::open(config, Arc::new(SystemSource::new()), signer).unwrap();
    let transport = HttpTransport::new(&served.wire.url(), &Trust::Public).unwrap();
    field.enrol(&invitation.unwrap(), &transport).unwrap();
    served.desk.run(confirm_all).unwrap();
    field.sync(&transport).unwrap();
    let font = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rust-core/media/fonts/NotoSansSC-GB2312.otf");
    let fonts = vec![FontFile { path: font, index: None }];
    let budget = StorageBudget { keep_free: 0, ..StorageBudget::default() };
    field.set_photo_settings(PhotoSettings { fonts, budget, ..PhotoSettings::default() }).unwrap();
    let visit = field.record_visit(NewVisit {
        kind: "patrol".into(),
        grid: Some(GRID.into()),
        ..NewVisit::default()
    });
    let visit = visit.unwrap();
    field.sync(&transport).unwrap();
    Street { served, field, transport, visit, _dirs: dirs }
}

impl Street {
    fn take(&self, seed: u64, width: u16, height: u16) -> EventId {
        let ticket = self.field.begin_photo(self.visit, PhotoRole::Before).unwrap();
        std::fs::write(&ticket.path, Camera { seed, width, height, ..Camera::default() }.jpeg()).unwrap();
        self.field.finish_photo(ticket.id, &Shot::default()).unwrap()
    }

    /// Sends until everything is there; returns what all sessions together did.
    fn send_all(&self, policy: UploadPolicy) -> UploadReport {
        // A client of its own: no connection from before is still open.
        let transport = HttpTransport::new(&self.served.wire.url(), &Trust::Public).unwrap();
        let mut sum = UploadReport::default();
        for _ in 0..2_000 {
            match self.field.upload(&transport, policy) {
                Ok(report) => {
                    sum.files += report.files;
                    sum.requests += report.requests;
                    if !report.yielded {
                        return UploadReport { held_back: report.held_back, ..sum };
                    }
                    self.field.sync(&transport).unwrap();
                }
                Err(SyncError::NoNetwork { .. }) => {}
                Err(e) => panic!("{e}"),
            }
        }
        panic!("not everything arrived: {:?}", self.field.storage().unwrap());
    }

    fn all_sent(&self) -> bool {
        let photos = self.field.photos(self.visit).unwrap();
        photos.iter().flat_map(|p| &p.parts).all(|(_, _, state)| *state == PartState::Sent)
    }
}

/// The figure of the design: what a connection brought before it broke is never sent again.
#[test]
fn a_cut_every_64_kib_costs_two_percent() {
    let street = street();
    street.take(1, 2_400, 1_800);
    street.field.sync(&street.transport).unwrap();
    let bytes = street.field.storage().unwrap().unsent;
    assert!(bytes > 1_500_000, "{bytes} bytes are too few to tell");
    street.served.wire.take_counts();
    street.served.wire.break_after(64 << 10);
    street.send_all(UploadPolicy::UNMETERED);
    let (carried, broken) = street.served.wire.take_counts();
    assert!(street.all_sent());
    let ratio = carried as f64 / bytes as f64;
    println!("{bytes} bytes of photos, {carried} bytes sent, {broken} connections broke: ratio {ratio:.4}");
    assert!(broken >= bytes / (64 << 10) - 1, "{broken}");
    assert!(ratio <= 1.02, "{ratio}");
}

/// Wherever a connection breaks, the parts join (F17): a cut at every 4 KiB, headers included.
#[test]
fn a_cut_every_4_kib_still_brings_every_byte() {
    let street = street();
    street.take(3, 640, 480);
    street.field.sync(&street.transport).unwrap();
    let bytes = street.field.storage().unwrap().unsent;
    street.served.wire.take_counts();
    street.served.wire.break_after(4 << 10);
    street.send_all(UploadPolicy::UNMETERED);
    let (carried, broken) = street.served.wire.take_counts();
    println!("{bytes} bytes of photos, {carried} bytes sent, {broken} connections broke");
    assert!(street.all_sent());
    assert!(broken >= bytes / (4 << 10), "{broken}");
    // What a request says of itself comes again with every connection, a photo's bytes do not.
    assert!(carried <= bytes * 2, "{carried} for {bytes}");
}

/// The same request from fifty sockets at once (F15): one effect, and every answer is an answer.
#[test]
fn fifty_equal_posts_at_once_count_once() {
    use lanewalk_field::Transport as _;
    let street = street();
    for n in 0..3 {
        let grid = Some(GRID.into());
        let visit =
            NewVisit { kind: "patrol".into(), grid, notes: format!("第{n}户"), ..NewVisit::default() };
        street.field.record_visit(visit).unwrap();
    }
    let entries = |street: &Street| {
        street.served.desk.run(|hq| {
            let sql = "SELECT count(*) FROM log JOIN devices d ON d.n = log.device WHERE d.worker = 'gw-01'";
            hq.reader().query_row(sql, [], |r| r.get::<_, u64>(0)).unwrap()
        })
    };
    let before = entries(&street).unwrap();
    let mut session = street.field.session().unwrap();
    let request = session.next_request().unwrap().unwrap();
    let url = street.served.wire.url();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..50)
            .map(|_| {
                let (request, url) = (request.clone(), &url);
                scope.spawn(move || HttpTransport::new(url, &Trust::Public).unwrap().send(request).unwrap())
            })
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    assert_eq!(entries(&street).unwrap(), before + 3);
    let good = answers.iter().filter(|a| a.status == 200).count();
    assert_eq!(good, 1, "the nonce counts once");
    assert!(answers.iter().all(|a| matches!(a.status, 200 | 401 | 409)), "{answers:?}");
    // The phone hears the one that counted, and goes on.
    let heard = answers.into_iter().find(|a| a.status == 200).unwrap();
    session.receive(Ok(heard)).unwrap();
    drop(session);
    assert_eq!(street.field.status().unwrap().pending, 0);
    street.field.sync(&street.transport).unwrap();
    assert_eq!(entries(&street).unwrap(), before + 3);
}

#[test]
fn thumbnails_go_first_and_originals_wait_for_wifi_or_a_wish() {
    let street = street();
    let (a, b) = (street.take(1, 640, 480), street.take(2, 640, 480));
    // Without its record at headquarters no file goes.
    let early = street.field.upload(&street.transport, UploadPolicy::UNMETERED).unwrap();
    assert_eq!((early.requests, early.files), (0, 0));
    street.field.sync(&street.transport).unwrap();
    let saving = street.send_all(UploadPolicy::SAVING);
    assert_eq!((saving.files, saving.held_back), (2, 4));
    let metered = street.send_all(UploadPolicy::METERED);
    assert_eq!((metered.files, metered.held_back), (2, 2));
    let visit = street.visit;
    street.served.desk.run(|hq| hq.put_staff("hc-01", "王热线", Role::HotlineClerk).unwrap()).unwrap();
    street.served.desk.run(move |hq| hq.want_original(visit, b, "hc-01").unwrap()).unwrap();
    street.field.sync(&street.transport).unwrap();
    let wished = street.send_all(UploadPolicy::METERED);
    assert_eq!((wished.files, wished.held_back), (1, 1));
    let states: Vec<_> = street.field.photos(visit).unwrap().iter().map(|p| (p.id, p.parts[2].2)).collect();
    assert_eq!(states, [(a, PartState::Waiting { sent: 0 }), (b, PartState::Sent)]);
    assert_eq!(street.send_all(UploadPolicy::UNMETERED).files, 1);
    assert!(street.all_sent());
}

#[test]
fn a_colleague_in_the_grid_sees_the_copies_and_nobody_else_does() {
    let street = street();
    let photo = street.take(3, 640, 480);
    street.field.sync(&street.transport).unwrap();
    street.send_all(UploadPolicy::UNMETERED);
    let there = |worker: &str, grid: &str, key: u8| {
        let (worker, grid) = (worker.to_owned(), grid.to_owned());
        let invited = street.served.desk.run(move |hq| {
            hq.put_staff(&worker, "李网格", Role::GridWorker).unwrap();
            let grant = Grant { grid, role: Role::GridWorker, from: TimeMs(0), to: None };
            hq.grant(&worker, &grant).unwrap();
            hq.invite(&worker).unwrap().to_text()
        });
        let dir = tempfile::tempdir().unwrap();
        let config = Config::new(dir.path().to_owned(), StoreKey::new([key; 32]));
        let signer = Arc::new(SoftSigner::new(Algorithm::Ed25519, &[key; 32]).unwrap());
        let field = Field::open(config, Arc::new(SystemSource::new()), signer).unwrap();
        field.enrol(&invited.unwrap(), &street.transport).unwrap();
        street.served.desk.run(confirm_all).unwrap();
        field.sync(&street.transport).unwrap();
        (field, dir)
    };
    let (colleague, _dir) = there("gw-02", GRID, 7);
    let view = colleague.photos(street.visit).unwrap();
    assert!(view[0].parts.iter().all(|(_, _, state)| *state == PartState::Elsewhere));
    for part in [PhotoPart::Thumbnail, PhotoPart::Evidence] {
        let bytes = colleague.fetch_photo(&street.transport, street.visit, photo, part).unwrap();
        assert_eq!(bytes, street.field.photo_bytes(photo, part).unwrap());
    }
    let denied = colleague.fetch_photo(&street.transport, street.visit, photo, PhotoPart::Original);
    assert_eq!(denied.unwrap_err().code(), "invalid");
    // The right ends at headquarters before the phone knows.
    let ended = TimeMs(SystemSource::new().wall_ms());
    street.served.desk.run(move |hq| hq.end_grant("gw-02", GRID, ended).unwrap()).unwrap();
    let denied = colleague.fetch_photo(&street.transport, street.visit, photo, PhotoPart::Evidence);
    assert!(matches!(denied, Err(SyncError::Refused { code, .. }) if code == "not_found"));
    let (stranger, _dir) = there("gw-03", "370705005004002", 8);
    let unknown = stranger.fetch_photo(&street.transport, street.visit, photo, PhotoPart::Evidence);
    assert_eq!(unknown.unwrap_err().code(), "not_found");
}

#[test]
fn new_text_goes_before_the_rest_of_the_photos() {
    let street = street();
    street.take(1, 1_600, 1_200);
    street.field.sync(&street.transport).unwrap();
    let mut session = street.field.upload_session(UploadPolicy::UNMETERED).unwrap();
    let first = session.next_request().unwrap().unwrap();
    street.take(2, 640, 480);
    use lanewalk_field::Transport as _;
    session.receive(street.transport.send(first)).unwrap();
    assert!(session.next_request().unwrap().is_none() && session.report().yielded);
    drop(session);
    street.field.sync(&street.transport).unwrap();
    street.send_all(UploadPolicy::UNMETERED);
    assert!(street.all_sent());
}

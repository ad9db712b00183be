//! Photos on one phone: tickets, kills at every step, room, what is lost and what is told.

use crate::{
    hq::Hq,
    phone::{GRID, KEY, NOW, Phone, TestSource, open},
};
use lanewalk_camera::{ExifBlock, Shot as Camera};
use lanewalk_field::{
    FieldError, FontFile, NewVisit, PartState, PhotoLimits, PhotoSettings, Shot, StorageBudget,
};
use lanewalk_model::{
    document::Edit,
    id::{DocId, EventId},
    photo::{Doubt, FileTrouble, Likeness, PhotoPart, PhotoRole},
    time::TimeMs,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The font that ships with the intake: Chinese on machines that have none.
fn font() -> FontFile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../media/fonts/NotoSansSC-GB2312.otf");
    FontFile { path, index: None }
}

fn settings() -> PhotoSettings {
    PhotoSettings { fonts: vec![font()], ..PhotoSettings::default() }
}

/// A photo of its own per seed, small enough for a debug build.
fn jpeg(seed: u64) -> Vec<u8> {
    Camera { seed, width: 480, height: 360, ..Camera::default() }.jpeg()
}

struct Scene {
    hq: Hq,
    phone: Phone,
    visit: DocId,
}

/// An enrolled phone at the door of an order with a number and a place.
fn scene() -> Scene {
    let hq = Hq::new();
    let order = hq.order(1, &[Edit::set("title", "漏水"), Edit::set("place_text", "金御皇庭3号楼")]);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    phone.field.set_photo_settings(settings()).unwrap();
    let visit = NewVisit { order: Some(order), kind: "site_check".into(), ..NewVisit::default() };
    let visit = phone.field.record_visit(visit).unwrap();
    Scene { hq, phone, visit }
}

fn take(phone: &Phone, visit: DocId, bytes: &[u8]) -> EventId {
    let ticket = phone.field.begin_photo(visit, PhotoRole::Before).unwrap();
    fs::write(&ticket.path, bytes).unwrap();
    phone.field.finish_photo(ticket.id, &Shot::default()).unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn a_photo_is_saved_with_its_three_files_and_nothing_in_clear() {
    let s = scene();
    let field = &s.phone.field;
    let before = field.status().unwrap().last_seq;
    let bytes = jpeg(1);
    let ticket = field.begin_photo(s.visit, PhotoRole::After).unwrap();
    assert!(!ticket.has_file && field.open_tickets().unwrap() == [ticket.clone()]);
    fs::write(&ticket.path, &bytes).unwrap();
    let shot = Shot { caption: "楼道积水".into(), ..Shot::default() };
    let id = field.finish_photo(ticket.id, &shot).unwrap();
    assert_eq!(field.finish_photo(ticket.id, &shot).unwrap(), id, "asked again, it is done");
    assert_eq!(field.status().unwrap().last_seq, before + 1, "record and caption are one act");
    let [photo] = field.photos(s.visit).unwrap().try_into().unwrap();
    assert_eq!((photo.id, photo.caption.as_str(), photo.record.role), (id, "楼道积水", PhotoRole::After));
    assert_eq!(photo.record.original.bytes, bytes.len() as u64);
    assert_eq!(photo.record.size, Some((480, 360)));
    assert!(photo.record.in_app && photo.record.phash.is_some());
    let waiting: Vec<_> = photo.parts.iter().map(|(part, _, state)| (*part, *state)).collect();
    assert_eq!(waiting, PhotoPart::ALL.map(|part| (part, PartState::Waiting { sent: 0 })));
    for part in [PhotoPart::Thumbnail, PhotoPart::Evidence] {
        let copy = field.photo_bytes(id, part).unwrap();
        assert!(copy.starts_with(&[0xff, 0xd8, 0xff]));
        let file = photo.parts.iter().find(|(p, _, _)| *p == part).unwrap().1;
        assert_eq!(lanewalk_model::photo::FileRef::of(&copy), file);
    }
    assert_eq!(field.photo_bytes(id, PhotoPart::Original).unwrap_err().code(), "invalid");
    // The camera's file is gone, and what lies there is sealed.
    assert!(field.open_tickets().unwrap().is_empty() && files(&s.phone.dir.path().join("camera")).is_empty());
    let sealed = files(&s.phone.dir.path().join("photos"));
    assert_eq!(sealed.len(), 3);
    for file in sealed {
        let content = fs::read(&file).unwrap();
        assert!(!content.windows(3).any(|w| w == [0xff, 0xd8, 0xff]), "{file:?} is readable");
    }
}

/// A kill between any two steps leaves a ticket that can be claimed or a photo that is saved.
#[test]
fn killed_anywhere_the_ticket_is_claimed_or_the_photo_is_there() {
    let s = scene();
    let ticket = s.phone.field.begin_photo(s.visit, PhotoRole::Before).unwrap();
    // Behind the camera, before it wrote.
    let again = s.phone.after_kill();
    let [open] = again.field.open_tickets().unwrap().try_into().unwrap();
    assert_eq!((open.id, open.visit, open.has_file), (ticket.id, s.visit, false));
    again.field.set_photo_settings(settings()).unwrap();
    assert_eq!(again.field.finish_photo(open.id, &Shot::default()).unwrap_err().code(), "io");
    // Behind the camera, after it wrote.
    fs::write(&ticket.path, jpeg(2)).unwrap();
    let again = s.phone.after_kill();
    again.field.set_photo_settings(settings()).unwrap();
    let [open] = again.field.open_tickets().unwrap().try_into().unwrap();
    assert!(open.has_file);
    // In the middle of the intake: files sealed or half sealed, no row.
    fs::write(again.dir.path().join("photos/0123.part"), b"half").unwrap();
    fs::write(again.dir.path().join("photos/4567"), b"sealed, but its key died with the process").unwrap();
    let again = again.after_kill();
    again.field.set_photo_settings(settings()).unwrap();
    assert!(files(&again.dir.path().join("photos")).is_empty(), "orphans are swept");
    let id = again.field.finish_photo(ticket.id, &Shot::default()).unwrap();
    // Saved, but killed before the camera's file was removed.
    fs::write(again.dir.path().join(format!("camera/{id}.jpg")), jpeg(2)).unwrap();
    let again = again.after_kill();
    assert!(files(&again.dir.path().join("camera")).is_empty());
    let [photo] = again.field.photos(s.visit).unwrap().try_into().unwrap();
    assert_eq!(photo.id, id);
    assert!(again.field.photo_bytes(id, PhotoPart::Evidence).is_ok());
    assert_eq!(again.field.finish_photo(id, &Shot::default()).unwrap(), id);
}

#[test]
fn a_dropped_ticket_and_a_file_that_is_no_photo() {
    let s = scene();
    let field = &s.phone.field;
    let ticket = field.begin_photo(s.visit, PhotoRole::Before).unwrap();
    fs::write(&ticket.path, b"no photo at all").unwrap();
    let error = field.finish_photo(ticket.id, &Shot::default()).unwrap_err();
    assert_eq!(error.code(), "unsupported");
    assert!(ticket.path.exists(), "nothing is lost by an error");
    field.drop_ticket(ticket.id).unwrap();
    assert!(!ticket.path.exists() && field.open_tickets().unwrap().is_empty());
    assert_eq!(field.finish_photo(ticket.id, &Shot::default()), Err(FieldError::NotFound));
    assert!(files(&s.phone.dir.path().join("photos")).is_empty());
    let ghost = DocId { uuid: [9; 16], ..s.visit };
    assert_eq!(field.begin_photo(ghost, PhotoRole::Before), Err(FieldError::NotFound));
}

#[test]
fn an_import_is_marked_and_the_same_picture_is_seen_again() {
    let s = scene();
    let field = &s.phone.field;
    let gallery = tempfile::tempdir().unwrap();
    let exif = ExifBlock { local_ms: Some(NOW + 8 * 3_600_000 - 9 * 86_400_000), ..ExifBlock::default() };
    let camera = Camera { seed: 5, width: 640, height: 480, exif: Some(exif), ..Camera::default() };
    let path = gallery.path().join("IMG_1.jpg");
    fs::write(&path, camera.jpeg()).unwrap();
    let import = || {
        s.phone.source.pass(1_000);
        field.import_photo(s.visit, PhotoRole::Document, &path, &Shot::default()).unwrap()
    };
    let (first, second) = (import(), import());
    fs::write(&path, camera.recompressed(600, 70).jpeg()).unwrap();
    let third = import();
    assert!(path.exists(), "the gallery's file is not ours");
    let photos = field.photos(s.visit).unwrap();
    assert_eq!(photos.iter().map(|p| p.id).collect::<Vec<_>>(), [first, second, third]);
    let Some(Doubt::Imported) = photos[0].doubts.first() else { panic!("{:?}", photos[0].doubts) };
    assert!(photos[0].doubts.iter().any(|d| matches!(d, Doubt::BeforeVisit { by_s } if *by_s > 8 * 86_400)));
    assert!(!photos[0].record.in_app);
    let alike: Vec<_> = photos[2].alike.iter().map(|a| (a.photo, a.identical, a.likeness)).collect();
    assert_eq!(alike, [(first, false, Likeness::Same), (second, false, Likeness::Same)]);
    assert!(photos[0].alike.iter().any(|a| a.photo == second && a.identical));
    // Original and thumbnail lie here once.
    let originals: Vec<_> = photos.iter().map(|p| p.record.original.sha256).collect();
    assert!(originals[0] == originals[1] && originals[0] != originals[2]);
    assert_eq!(files(&s.phone.dir.path().join("photos")).len(), 3 + 1 + 3, "one stamp differs");
}

#[test]
fn a_lost_or_changed_file_is_seen_and_told() {
    let s = scene();
    let (a, b) = (take(&s.phone, s.visit, &jpeg(11)), take(&s.phone, s.visit, &jpeg(12)));
    s.phone.field.sync(&s.hq).unwrap();
    s.phone.field.close().unwrap();
    let sealed = files(&s.phone.dir.path().join("photos"));
    assert_eq!(sealed.len(), 6);
    let gone = &sealed[0];
    fs::remove_file(gone).unwrap();
    let field = open(s.phone.dir.path(), KEY, TestSource::new(3)).unwrap();
    let photos = field.photos(s.visit).unwrap();
    assert_eq!(photos.iter().map(|p| p.id).collect::<Vec<_>>(), [a, b]);
    let lost: Vec<_> = photos
        .iter()
        .flat_map(|p| p.parts.iter().map(move |(part, _, state)| (p.id, *part, *state)))
        .filter(|(_, _, state)| matches!(state, PartState::Lost(_)))
        .collect();
    let [(photo, part, PartState::Lost(FileTrouble::Missing))] = lost[..] else { panic!("{lost:?}") };
    // The record stays, and the next session tells headquarters before it sends anything.
    drop(field.upload_session(lanewalk_field::UploadPolicy::UNMETERED).unwrap());
    let key = format!("photo_trouble/{photo}.{}", part.id());
    let view = field.document(s.visit).unwrap();
    assert!(view.text(&key).unwrap().contains("\"missing\""), "{view:?}");
    let told = field.status().unwrap().last_seq;
    drop(field.upload_session(lanewalk_field::UploadPolicy::UNMETERED).unwrap());
    assert_eq!(field.status().unwrap().last_seq, told, "told once");
}

#[test]
fn the_camera_does_not_open_on_a_full_disk() {
    let s = scene();
    let field = &s.phone.field;
    let id = take(&s.phone, s.visit, &jpeg(21));
    let full = StorageBudget { keep_free: u64::MAX, ..StorageBudget::default() };
    field.set_photo_settings(PhotoSettings { budget: full, ..settings() }).unwrap();
    assert_eq!(field.begin_photo(s.visit, PhotoRole::Before).unwrap_err(), FieldError::StorageFull);
    let small = StorageBudget { photo_bytes: 1, keep_free: 0 };
    field.set_photo_settings(PhotoSettings { budget: small, ..settings() }).unwrap();
    field.begin_photo(s.visit, PhotoRole::Before).unwrap();
    let report = field.storage().unwrap();
    assert_eq!((report.unsent_files, report.freeable), (3, [0; 3]));
    assert_eq!(report.held, report.unsent);
    assert_eq!(field.free_photos(u64::MAX).unwrap().files, 0, "what headquarters lacks stays");
    assert!(field.photo_bytes(id, PhotoPart::Thumbnail).is_ok());
}

#[test]
fn a_character_no_font_has_is_written_as_its_number_and_no_font_is_an_error() {
    let hq = Hq::new();
    // U+2CD8D is in personal names and in no GB 2312 font.
    let order = hq.order(1, &[Edit::set("title", "噪音"), Edit::set("place_text", "𬶍记小吃")]);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    let visit = NewVisit { order: Some(order), kind: "site_check".into(), ..NewVisit::default() };
    let visit = phone.field.record_visit(visit).unwrap();
    let ticket = phone.field.begin_photo(visit, PhotoRole::Before).unwrap();
    fs::write(&ticket.path, jpeg(31)).unwrap();
    assert_eq!(phone.field.finish_photo(ticket.id, &Shot::default()).unwrap_err().code(), "font");
    let broken =
        PhotoSettings { fonts: vec![FontFile { path: "no such font".into(), index: None }], ..settings() };
    assert_eq!(phone.field.set_photo_settings(broken).unwrap_err().code(), "font");
    phone.field.set_photo_settings(settings()).unwrap();
    phone.field.finish_photo(ticket.id, &Shot::default()).unwrap();
}

#[test]
fn a_photo_obeys_the_rights_and_the_limits() {
    let s = scene();
    let field = &s.phone.field;
    let small = PhotoLimits { max_bytes: 1_000, ..PhotoLimits::default() };
    field.set_photo_settings(PhotoSettings { limits: small, ..settings() }).unwrap();
    let ticket = field.begin_photo(s.visit, PhotoRole::Before).unwrap();
    fs::write(&ticket.path, jpeg(41)).unwrap();
    assert_eq!(field.finish_photo(ticket.id, &Shot::default()).unwrap_err().code(), "too_many_bytes");
    // A colleague's visit in the same grid.
    let other = DocId { uuid: [8; 16], ..s.visit };
    s.hq.edit(other, &[Edit::set("by", "gw-99"), Edit::set("grid", GRID), Edit::set("kind", "patrol")]);
    field.sync(&s.hq).unwrap();
    let denied = field.begin_photo(other, PhotoRole::Before).unwrap_err();
    assert_eq!(denied.code(), "not_allowed");
}

#[test]
fn late_claims_say_when_the_camera_wrote() {
    let s = scene();
    let ticket = s.phone.field.begin_photo(s.visit, PhotoRole::Before).unwrap();
    fs::write(&ticket.path, jpeg(51)).unwrap();
    let hour_ago = std::time::UNIX_EPOCH + std::time::Duration::from_millis((NOW - 3_600_000) as u64);
    fs::File::options().write(true).open(&ticket.path).unwrap().set_modified(hour_ago).unwrap();
    s.phone.field.finish_photo(ticket.id, &Shot::default()).unwrap();
    let shot = Shot { taken_at: Some(TimeMs(NOW - 5)), ..Shot::default() };
    let ticket = s.phone.field.begin_photo(s.visit, PhotoRole::Before).unwrap();
    fs::write(&ticket.path, jpeg(52)).unwrap();
    s.phone.field.finish_photo(ticket.id, &shot).unwrap();
    let times: Vec<_> = s.phone.field.photos(s.visit).unwrap().iter().map(|p| p.record.taken_at.0).collect();
    assert_eq!(times, [NOW - 3_600_000, NOW - 5]);
}

/// A file that a disk hid for a while is back; one that cannot be swept does not lock the worker out.
#[test]
fn a_file_that_comes_back_counts_again_and_rubbish_keeps_nobody_out() {
    let s = scene();
    take(&s.phone, s.visit, &jpeg(61));
    let photos = s.phone.dir.path().join("photos");
    let hidden = files(&photos)[0].clone();
    let aside = s.phone.dir.path().join("aside");
    s.phone.field.close().unwrap();
    fs::rename(&hidden, &aside).unwrap();
    let lost = |field: &lanewalk_field::Field| {
        let photos = field.photos(s.visit).unwrap();
        photos[0].parts.iter().filter(|(_, _, state)| matches!(state, PartState::Lost(_))).count()
    };
    let field = open(s.phone.dir.path(), KEY, TestSource::new(4)).unwrap();
    assert_eq!(lost(&field), 1);
    field.close().unwrap();
    fs::rename(&aside, &hidden).unwrap();
    fs::create_dir(photos.join("folder")).unwrap();
    fs::create_dir(s.phone.dir.path().join("camera/folder")).unwrap();
    let field = open(s.phone.dir.path(), KEY, TestSource::new(5)).unwrap();
    assert_eq!(lost(&field), 0);
    assert_eq!(field.storage().unwrap().unsent_files, 3);
}

/// The same original cannot be saved twice under one row that says it is gone.
#[test]
fn a_lost_original_taken_again_is_whole_again() {
    let s = scene();
    let gallery = tempfile::tempdir().unwrap();
    let path = gallery.path().join("IMG_1.jpg");
    fs::write(&path, jpeg(62)).unwrap();
    let import = |phone: &Phone| {
        phone.field.import_photo(s.visit, PhotoRole::Before, &path, &Shot::default()).unwrap()
    };
    import(&s.phone);
    for file in files(&s.phone.dir.path().join("photos")) {
        fs::remove_file(file).unwrap();
    }
    let again = s.phone.after_kill();
    again.field.set_photo_settings(settings()).unwrap();
    again.source.pass(1_000);
    let id = import(&again);
    let photos = again.field.photos(s.visit).unwrap();
    let photo = photos.iter().find(|p| p.id == id).unwrap();
    assert!(photo.parts.iter().all(|(_, _, state)| *state == PartState::Waiting { sent: 0 }), "{photo:?}");
    assert!(again.field.photo_bytes(id, PhotoPart::Thumbnail).is_ok());
}

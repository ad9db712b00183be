//! What survives: crashes between file and row, full disks, damaged files, backups, restores.

use crate::device::{Device, EAST, Town, bytes, file_of, files, record};
use lanewalk_headquarters::{SystemSource, backup::restore};
use std::fs;

fn scene(length: usize) -> (Town, Device, Vec<u8>) {
    let mut town = Town::new();
    let content = bytes(1, length);
    town.visit("gw-01", EAST, &[record(file_of(&content), None, None)]);
    let device = Device::enrol(&mut town, "gw-01", 1);
    (town, device, content)
}

/// F25: killed after the rename and before the commit.
#[test]
fn a_file_that_has_no_row_is_adopted() {
    for ask_first in ["HEAD", "PATCH", "POST"] {
        let (mut town, mut device, content) = scene(4_000);
        let id = device.create(&mut town, file_of(&content), &content[..1_000]).up().id;
        let incoming = town.folder().join("incoming").join(id.to_string());
        fs::write(&incoming, &content).unwrap();
        let to = town.place(&content);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(&incoming, &to).unwrap();
        town.open(0);
        assert!(to.exists(), "never swept");
        let answer = match ask_first {
            "HEAD" => device.head(&mut town, id),
            "PATCH" => device.patch(&mut town, id, 1_000, &content[1_000..]),
            _ => device.create(&mut town, file_of(&content), &[]),
        };
        assert_eq!(answer.receipt().index, 1, "{ask_first}");
        assert_eq!(files(&town.folder()).len(), 1);
    }
}

/// Killed after the last byte and before the rename.
#[test]
fn a_complete_upload_is_finished_by_whoever_asks() {
    for damaged in [false, true] {
        let (mut town, mut device, content) = scene(4_000);
        let id = device.create(&mut town, file_of(&content), &content[..1_000]).up().id;
        let mut on_disk = content.clone();
        // What a power cut may leave of pages that were never written.
        on_disk[2_000] ^= u8::from(damaged);
        fs::write(town.folder().join("incoming").join(id.to_string()), &on_disk).unwrap();
        town.open(0);
        let answer = device.head(&mut town, id);
        if damaged {
            assert_eq!((answer.up().offset, &answer.up().receipt), (0, &None));
            assert_eq!(device.patch(&mut town, id, 0, &content).receipt().index, 1);
        } else {
            assert_eq!(answer.receipt().index, 1);
        }
        assert_eq!(fs::read(town.place(&content)).unwrap(), content);
    }
}

/// A file under the right name with other bytes is believed by nobody.
#[test]
fn a_damaged_file_without_a_row_is_not_adopted() {
    let (mut town, mut device, content) = scene(4_000);
    let to = town.place(&content);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::write(&to, bytes(9, 4_000)).unwrap();
    let made = device.create(&mut town, file_of(&content), &[]);
    assert_eq!((made.up().offset, &made.up().receipt), (0, &None));
    assert_eq!(device.patch(&mut town, made.up().id, 0, &content).receipt().index, 1);
    assert_eq!(fs::read(&to).unwrap(), content);
}

#[test]
fn files_of_no_upload_are_swept_at_the_start() {
    let (mut town, mut device, content) = scene(4_000);
    let id = device.create(&mut town, file_of(&content), &content[..1_000]).up().id;
    let incoming = town.folder().join("incoming");
    for name in ["00112233445566778899aabbccddeeff", "notes.txt"] {
        fs::write(incoming.join(name), b"x").unwrap();
    }
    town.open(0);
    assert_eq!(files(&town.folder()), [(incoming.join(id.to_string()), 1_000)]);
}

/// F9: no room is told as such, and what was brought stays.
#[test]
fn a_full_disk_is_told_and_keeps_what_is_there() {
    let (mut town, mut device, content) = scene(4_000);
    let id = device.create(&mut town, file_of(&content), &content[..1_000]).up().id;
    town.open(u64::MAX);
    assert_eq!(device.patch(&mut town, id, 1_000, &content[1_000..]).refusal(), (507, "storage_full"));
    assert_eq!(device.head(&mut town, id).up().offset, 1_000);
    let first = device.create(&mut town, file_of(&content), &[]);
    assert_eq!(first.up().offset, 1_000, "asking costs no room");
    town.open(0);
    assert_eq!(device.patch(&mut town, id, 1_000, &content[1_000..]).receipt().index, 1);
    let other = bytes(2, 500);
    town.visit("gw-01", EAST, &[record(file_of(&other), None, None)]);
    town.open(u64::MAX);
    let refused = device.create(&mut town, file_of(&other), &other);
    assert_eq!(refused.refusal(), (507, "storage_full"));
    assert!(!refused.next.is_empty(), "its nonce was used");
}

/// Phones let go of originals by the horizon, so it moves only over files that lie in the backup.
#[test]
fn the_durable_horizon_stops_at_the_first_file_that_is_not_in_the_backup() {
    let mut town = Town::new();
    let contents: Vec<Vec<u8>> = (0..3).map(|n| bytes(n, 2_000)).collect();
    let records: Vec<_> = contents.iter().map(|c| record(file_of(c), None, None)).collect();
    town.visit("gw-01", EAST, &records);
    let mut device = Device::enrol(&mut town, "gw-01", 1);
    assert_eq!(device.sync(&mut town).durable_files, Some(0));
    for content in &contents[..2] {
        device.bring(&mut town, content);
    }
    assert_eq!(device.sync(&mut town).durable_files, Some(0), "a receipt alone is no backup");
    let first = town.dir.path().join("first.db");
    town.hq().backup_to(&first).unwrap();
    assert_eq!(device.sync(&mut town).durable_files, Some(2));
    let copies = files(&town.dir.path().join("first.db.photos"));
    assert_eq!(copies.len(), 2);
    for (path, _) in copies {
        let content = fs::read(&path).unwrap();
        assert_eq!(file_of(&content).sha256.to_string(), path.file_name().unwrap().to_string_lossy());
    }
    device.bring(&mut town, &contents[2]);
    fs::remove_file(town.place(&contents[1])).unwrap();
    let second = town.dir.path().join("second.db");
    town.hq().backup_to(&second).unwrap();
    assert_eq!(device.sync(&mut town).durable_files, Some(1), "the second file is in no copy");
    assert_eq!(files(&town.dir.path().join("second.db.photos")).len(), 2, "the third is copied all the same");
    // The phone brings it again, and the horizon moves on.
    assert_eq!(device.bring(&mut town, &contents[1]).receipt().index, 2);
    town.hq().backup_to(&second).unwrap();
    assert_eq!(device.sync(&mut town).durable_files, Some(3));
}

/// F26: the database is of yesterday, the folder of today: nothing is sent twice.
#[test]
fn after_a_restore_of_the_database_files_are_adopted() {
    let (mut town, mut device, content) = scene(4_000);
    let copy = town.dir.path().join("backup.db");
    town.hq().backup_to(&copy).unwrap();
    let old = device.bring(&mut town, &content).receipt().clone();
    drop(town.take_hq());
    assert!(restore(&copy, &town.database(), &SystemSource).is_err(), "a database is there");
    fs::remove_file(town.database()).unwrap();
    let restored = restore(&copy, &town.database(), &SystemSource).unwrap();
    assert_eq!((restored.files, restored.files_missing), (0, 0), "the backup knew no file yet");
    town.open(0);
    let again = device.create(&mut town, file_of(&content), &[]);
    assert_eq!(again.up().offset, 4_000);
    assert_ne!(again.receipt().hq_epoch, old.hq_epoch);
    again.receipt().verify(&device.hq_key).unwrap();
}

/// The other way round: the folder is lost, the rows are there.
#[test]
fn a_lost_file_is_taken_again_under_its_number() {
    let (mut town, mut device, content) = scene(4_000);
    let id = device.bring(&mut town, &content).up().id;
    fs::remove_file(town.place(&content)).unwrap();
    let looked = device.head(&mut town, id);
    assert_eq!((looked.up().offset, &looked.up().receipt), (0, &None), "no promise without the file");
    let made = device.create(&mut town, file_of(&content), &[]);
    assert_eq!((made.up().id, made.up().offset), (id, 0));
    assert_eq!(device.patch(&mut town, id, 0, &content).receipt().index, 1);
    assert_eq!(town.count("SELECT count(*) FROM files"), 1);
}

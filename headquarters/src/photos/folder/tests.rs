#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;

fn folder() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::beside(&dir.path().join("hq.db"), 0);
    (dir, folder)
}

fn file(content: &[u8]) -> FileRef {
    FileRef { sha256: Hash(Sha256::digest(content).into()), bytes: content.len() as u64 }
}

#[test]
fn bytes_go_to_the_end_or_nowhere() {
    let (_dir, folder) = folder();
    let id = UploadId([1; 16]);
    assert_eq!(folder.length(id).unwrap(), 0);
    assert_eq!(folder.append(id, 0, b"abc").unwrap(), 3);
    for wrong in [0, 2, 4] {
        assert!(matches!(folder.append(id, wrong, b"x"), Err(FolderError::WrongOffset { is: 3 })));
    }
    assert_eq!(folder.append(id, 3, b"def").unwrap(), 6);
    folder.finish(id, file(b"abcdef")).unwrap();
    assert_eq!(std::fs::read(folder.path(file(b"abcdef").sha256)).unwrap(), b"abcdef");
    assert!(folder.holds(file(b"abcdef")));
    assert!(!folder.holds(FileRef { bytes: 5, ..file(b"abcdef") }));
    assert_eq!(folder.length(id).unwrap(), 0);
}

#[test]
fn a_file_that_is_there_already_is_replaced_by_the_same() {
    let (_dir, folder) = folder();
    for n in 1..=2 {
        let id = UploadId([n; 16]);
        folder.append(id, 0, b"same").unwrap();
        folder.finish(id, file(b"same")).unwrap();
    }
    assert_eq!(folder.read(file(b"same").sha256, 4).unwrap().unwrap(), b"same");
    assert_eq!(folder.read(file(b"same").sha256, 3).unwrap(), None, "longer than asked for");
    assert_eq!(folder.read(file(b"other").sha256, 4).unwrap(), None);
}

#[test]
fn what_its_hash_does_not_say_is_thrown_away() {
    let (_dir, folder) = folder();
    let id = UploadId([1; 16]);
    folder.append(id, 0, b"abx").unwrap();
    assert!(matches!(folder.finish(id, file(b"abc")), Err(FolderError::Mismatch)));
    assert_eq!(folder.length(id).unwrap(), 0);
    assert!(!folder.path(file(b"abc").sha256).exists());
    // A right hash with another length is a wrong reference.
    folder.append(id, 0, b"abc").unwrap();
    assert!(matches!(folder.finish(id, FileRef { bytes: 4, ..file(b"abc") }), Err(FolderError::Mismatch)));
}

#[test]
fn adopting_looks_at_the_bytes() {
    let (_dir, folder) = folder();
    let wanted = file(b"abc");
    assert!(!folder.adopt(wanted).unwrap());
    let path = folder.path(wanted.sha256);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, b"abc").unwrap();
    assert!(!folder.adopt(FileRef { bytes: 4, ..wanted }).unwrap());
    assert!(folder.adopt(wanted).unwrap());
    std::fs::write(&path, b"abd").unwrap();
    assert!(!folder.adopt(wanted).unwrap());
    // What is wrong stays until the right one is renamed into its place.
    assert!(path.exists());
}

/// The kernel says "no room" in several ways; each is the same to a phone.
#[test]
fn no_room_is_told_apart_from_other_failures() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge] {
        assert!(matches!(FolderError::from(io::Error::from(kind)), FolderError::Full));
    }
    let other = io::Error::from(io::ErrorKind::PermissionDenied);
    assert!(matches!(FolderError::from(other), FolderError::Io(_)));
}

#[test]
fn a_backup_holds_what_is_here_and_tells_what_is_not() {
    let (dir, folder) = folder();
    let to = dir.path().join("copy.photos");
    let id = UploadId([1; 16]);
    folder.append(id, 0, b"abc").unwrap();
    folder.finish(id, file(b"abc")).unwrap();
    assert!(folder.back_up(file(b"abc"), &to).unwrap());
    assert!(folder.back_up(file(b"abc"), &to).unwrap(), "again costs nothing");
    assert!(!folder.back_up(file(b"lost"), &to).unwrap());
    assert_eq!(std::fs::read(place(&to, file(b"abc").sha256)).unwrap(), b"abc");
}

//! Any lines are read as the headers of a tus request or answer.

use lanewalk_protocol::upload::{
    Creation, UploadAnswer, UploadId, checksum, length_of, offset_of, photo_of_path, photo_path,
    require_media_type, require_version,
};

/// Largest number in a header.
const MOST: u64 = 1 << 53;

/// Takes the bytes as lines `name: value` and as a path, and checks that what is read can be written.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let line = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Vec<(String, String)> = text.lines().filter_map(line).collect();
    for number in [offset_of(&headers), length_of(&headers)].into_iter().flatten() {
        assert!(number <= MOST);
    }
    let _ = (require_version(&headers), require_media_type(&headers));
    if let Ok(Some(wanted)) = checksum(&headers) {
        assert!(!wanted.matches(data), "a text does not hold its own hash");
    }
    if let Ok(creation) = Creation::read(&headers) {
        for first in [false, true] {
            assert_eq!(Creation::read(&creation.headers(first)), Ok(creation));
        }
    }
    if let Some(answer) = UploadAnswer::read(&headers) {
        assert_eq!(UploadAnswer::read(&answer.headers()), Some(answer));
    }
    for path in text.lines() {
        if let Some(id) = UploadId::of_path(path) {
            assert_eq!(id.path(), path);
        }
        if let Some(hash) = photo_of_path(path) {
            assert_eq!(photo_path(hash), path);
        }
    }
}

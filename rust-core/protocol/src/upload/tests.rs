#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::keys::{Algorithm, Domain, SoftSigner, sign_domain};
use lanewalk_model::{id::DeviceId, photo::FileRef};
use proptest::prelude::*;

fn lines(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

fn file() -> FileRef {
    FileRef { sha256: Hash([0xab; 32]), bytes: 70_000 }
}

#[test]
fn a_creation_reads_back_and_other_metadata_is_passed_over() {
    for first in [false, true] {
        let mut headers = Creation { file: file() }.headers(first);
        assert_eq!(Creation::read(&headers), Ok(Creation { file: file() }));
        assert_eq!(require_media_type(&headers).is_ok(), first);
        let metadata = headers.iter_mut().find(|(n, _)| n == header::UPLOAD_METADATA).unwrap();
        metadata.1 = format!("filename d29ybGQ=,{},is_confidential", metadata.1);
        assert_eq!(Creation::read(&headers), Ok(Creation { file: file() }));
    }
}

#[test]
fn what_is_wrong_with_a_creation_is_named() {
    let good = Creation { file: file() }.headers(false);
    let with = |name: &str, value: Option<&str>| {
        let mut headers = good.clone();
        headers.retain(|(n, _)| n != name);
        headers.extend(value.map(|v| (name.to_owned(), v.to_owned())));
        Creation::read(&headers).unwrap_err()
    };
    for value in [None, Some("0.2.2"), Some("1.0.0,1.0.0"), Some("")] {
        assert_eq!(with(header::TUS_RESUMABLE, value), TusError::Version);
    }
    for value in [
        None,
        Some(""),
        Some("-1"),
        Some("+1"),
        Some("1 "),
        Some("01"),
        Some("1,1"),
        Some("99999999999999999"),
    ] {
        assert_eq!(with(header::UPLOAD_LENGTH, value), TusError::Length, "{value:?}");
    }
    let twice = good.iter().find(|(n, _)| n == header::UPLOAD_METADATA).unwrap().1.clone();
    let twice = format!("{twice},{twice}");
    for value in [None, Some(""), Some("sha256"), Some("sha256 !"), Some("sha256 YWI="), Some(twice.as_str())]
    {
        assert_eq!(with(header::UPLOAD_METADATA, value), TusError::Metadata, "{value:?}");
    }
    let mut repeated = good.clone();
    repeated.push((header::UPLOAD_LENGTH.to_owned(), "70000".to_owned()));
    assert_eq!(Creation::read(&repeated), Err(TusError::Length));
}

/// The example of the tus extension: SHA-1 of its body in base64.
#[test]
fn checksums_are_read_and_compared() {
    let read = |value: &str| checksum(&lines(&[(header::UPLOAD_CHECKSUM, value)]));
    let sha1 = read("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").unwrap().unwrap();
    assert!(sha1.matches(b"hello world") && !sha1.matches(b"hello worlD"));
    let sha256 = read("sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=").unwrap().unwrap();
    assert!(sha256.matches(b"hello world") && !sha256.matches(b""));
    assert_eq!(checksum(&[]), Ok(None));
    for bad in [
        "",
        "sha1",
        "sha1 !",
        "sha1 YWI=",
        "md5 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
    ] {
        assert_eq!(read(bad), Err(TusError::Checksum), "{bad}");
    }
    let twice = lines(&[(header::UPLOAD_CHECKSUM, "sha1 a"), (header::UPLOAD_CHECKSUM, "sha1 a")]);
    assert_eq!(checksum(&twice), Err(TusError::Checksum));
}

#[test]
fn paths_have_one_spelling() {
    let id = UploadId([0xcd; 16]);
    assert_eq!(UploadId::of_path(&id.path()), Some(id));
    assert_eq!(photo_of_path(&photo_path(Hash([0xcd; 32]))), Some(Hash([0xcd; 32])));
    for bad in ["/v1/uploads", "/v1/uploads/", "/v1/uploads/cd", "/v1/uploadscdcd", "/v1/uploads/../x"] {
        assert_eq!(UploadId::of_path(bad), None, "{bad}");
        assert_eq!(photo_of_path(&bad.replace("uploads", "photos")), None, "{bad}");
    }
    assert_eq!(UploadId::of_path(&id.path().to_uppercase()), None);
    assert_eq!(UploadId::of_path(&format!("/v1/uploads/{}", "CD".repeat(16))), None);
    assert_eq!(photo_of_path(&format!("/v1/photos/{}", "CD".repeat(32))), None);
    assert_eq!(patch_nonce(id, 7), format!("{}.7", "cd".repeat(16)));
}

#[test]
fn a_receipt_is_for_one_file_of_one_device_and_travels_in_the_headers() {
    let hq = SoftSigner::new(Algorithm::Ed25519, &[5; 32]).unwrap();
    let unsigned = UnsignedFileReceipt {
        device: DeviceId([1; 16]),
        file: file(),
        index: 3,
        hq_time: 1_782_093_900_000,
        hq_epoch: 9,
    };
    let receipt = unsigned.with(sign_domain(&hq, Domain::File, &unsigned.message()).unwrap());
    assert!(receipt.verify(&hq.public_key()).is_ok());
    let changed = [
        FileReceipt { device: DeviceId([2; 16]), ..receipt.clone() },
        FileReceipt { sha256: Hash([1; 32]), ..receipt.clone() },
        FileReceipt { bytes: 1, ..receipt.clone() },
        FileReceipt { index: 4, ..receipt.clone() },
        FileReceipt { hq_time: 1, ..receipt.clone() },
        FileReceipt { hq_epoch: 1, ..receipt.clone() },
    ];
    for other in changed {
        assert!(other.verify(&hq.public_key()).is_err(), "{other:?}");
    }
    let answer = UploadAnswer {
        id: UploadId([6; 16]),
        offset: 70_000,
        length: 70_000,
        expires: 0,
        receipt: Some(receipt),
    };
    assert_eq!(UploadAnswer::read(&answer.headers()), Some(answer.clone()));
    let open = UploadAnswer { offset: 5, expires: 1_782_093_900_000, receipt: None, ..answer.clone() };
    assert!(
        open.headers().contains(&(header::UPLOAD_EXPIRES.into(), "Mon, 22 Jun 2026 02:05:00 GMT".into()))
    );
    assert_eq!(UploadAnswer::read(&open.headers()), Some(UploadAnswer { expires: 0, ..open.clone() }));
    assert_ne!(answer.message(), open.message());
    let mut broken = answer.headers();
    broken.retain(|(n, _)| n != header::UPLOAD_OFFSET);
    assert_eq!(UploadAnswer::read(&broken), None);
}

proptest! {
    #[test]
    fn no_header_makes_a_reader_panic(
        names in prop::collection::vec(0_usize..6, 0..6),
        values in prop::collection::vec("[ -~]{0,80}|sha(1|256) [A-Za-z0-9+/=]{0,60}|[0-9]{0,20}", 6),
    ) {
        let all = [header::TUS_RESUMABLE, header::UPLOAD_OFFSET, header::UPLOAD_LENGTH, header::UPLOAD_METADATA,
            header::UPLOAD_CHECKSUM, header::RECEIPT];
        let headers: Vec<_> = names.iter().zip(&values).map(|(n, v)| (all[*n].to_owned(), v.clone())).collect();
        let _ = (Creation::read(&headers), checksum(&headers), UploadAnswer::read(&headers));
        if let Ok(offset) = offset_of(&headers) {
            let sent = headers.iter().find(|(n, _)| n == header::UPLOAD_OFFSET).unwrap();
            prop_assert_eq!(offset.to_string(), sent.1.clone());
        }
    }
}

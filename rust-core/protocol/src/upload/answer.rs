//! What headquarters answers about an upload, and what it promises for a file.
//!
//! Invariant: the values in the tus headers of an answer are what is signed (as the body part of
//! [`crate::receipt::response_message`]), so a captive portal or a proxy cannot move an offset; a
//! receipt names exactly one file. Rejected: answers in a body, which tus does not give to `HEAD`
//! and `204`.

use super::{
    TUS_VERSION, UploadId, header,
    headers::{length_of, offset_of},
};
use crate::keys::{Domain, PublicKey, Signature, SignatureError, verify_domain};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanewalk_model::{
    id::{DeviceId, Hash},
    photo::FileRef,
    time::TimeMs,
};
use minicbor::{Decode, Encode};

/// A signed promise: headquarters holds a file of this length and hash, durably.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct FileReceipt {
    /// To which device.
    #[cbor(n(0), with = "crate::cbor::id")]
    pub device: DeviceId,
    /// SHA-256 of the file.
    #[cbor(n(1), with = "crate::cbor::id")]
    pub sha256: Hash,
    /// Its length.
    #[n(2)]
    pub bytes: u64,
    /// Headquarters' number of the file, growing; for the durable horizon.
    #[n(3)]
    pub index: u64,
    /// HQ time of the promise, UTC ms.
    #[n(4)]
    pub hq_time: i64,
    /// Which life of headquarters' database (F26).
    #[n(5)]
    pub hq_epoch: u64,
    /// Headquarters' signature over the fields above.
    #[n(6)]
    pub signature: Signature,
}

/// The fields of a receipt before it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the same fields as FileReceipt")]
pub struct UnsignedFileReceipt {
    pub device: DeviceId,
    pub file: FileRef,
    pub index: u64,
    pub hq_time: i64,
    pub hq_epoch: u64,
}

impl UnsignedFileReceipt {
    /// Adds the signature.
    pub fn with(self, signature: Signature) -> FileReceipt {
        let Self { device, file: FileRef { sha256, bytes }, index, hq_time, hq_epoch } = self;
        FileReceipt { device, sha256, bytes, index, hq_time, hq_epoch, signature }
    }

    /// Returns the bytes that are signed.
    pub fn message(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        out.extend(self.device.0);
        out.extend(self.file.sha256.0);
        out.extend(self.file.bytes.to_be_bytes());
        out.extend(self.index.to_be_bytes());
        out.extend(self.hq_time.to_be_bytes());
        out.extend(self.hq_epoch.to_be_bytes());
        out
    }
}

impl FileReceipt {
    /// Returns the file it is for.
    pub fn file(&self) -> FileRef {
        FileRef { sha256: self.sha256, bytes: self.bytes }
    }

    /// Checks the signature.
    pub fn verify(&self, hq: &PublicKey) -> Result<(), SignatureError> {
        let Self { device, index, hq_time, hq_epoch, .. } = *self;
        let unsigned = UnsignedFileReceipt { device, file: self.file(), index, hq_time, hq_epoch };
        verify_domain(hq, Domain::File, &unsigned.message(), &self.signature)
    }
}

/// Where an upload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadAnswer {
    /// Which upload.
    pub id: UploadId,
    /// Position of the next byte headquarters wants.
    pub offset: u64,
    /// Length of the file.
    pub length: u64,
    /// When it is thrown away unfinished, UTC ms; 0 when it is finished.
    pub expires: i64,
    /// The receipt, when the file is complete.
    pub receipt: Option<FileReceipt>,
}

impl UploadAnswer {
    /// Returns the headers of the answer. Every answer says where the upload is: it costs a line
    /// and makes one reader enough.
    pub fn headers(&self) -> Vec<(String, String)> {
        let mut headers = vec![
            (header::TUS_RESUMABLE.to_owned(), TUS_VERSION.to_owned()),
            (header::LOCATION.to_owned(), self.id.path()),
            (header::UPLOAD_OFFSET.to_owned(), self.offset.to_string()),
            (header::UPLOAD_LENGTH.to_owned(), self.length.to_string()),
        ];
        if self.expires > 0 {
            headers.push((header::UPLOAD_EXPIRES.to_owned(), TimeMs(self.expires).http_date()));
        }
        if let Some(receipt) = &self.receipt {
            // Plain integers and byte strings always encode.
            let bytes = minicbor::to_vec(receipt).unwrap_or_default();
            headers.push((header::RECEIPT.to_owned(), STANDARD.encode(bytes)));
        }
        headers
    }

    /// Reads the headers of an answer; `None` when something is missing. `expires` is not read
    /// back: it is for people and other clients.
    pub fn read(headers: &[(String, String)]) -> Option<Self> {
        let id = UploadId::of_path(crate::http::header(headers, header::LOCATION)?)?;
        let receipt = match crate::http::header(headers, header::RECEIPT) {
            Some(text) => Some(minicbor::decode(&STANDARD.decode(text).ok()?).ok()?),
            None => None,
        };
        let (offset, length) = (offset_of(headers).ok()?, length_of(headers).ok()?);
        Some(Self { id, offset, length, expires: 0, receipt })
    }

    /// Returns what stands for the body in the signed message: the values of `Location`,
    /// `Upload-Offset`, `Upload-Length` and `Lanewalk-Receipt` (empty when there is none), each
    /// followed by a line feed.
    pub fn message(&self) -> Vec<u8> {
        let receipt = self.receipt.as_ref().map(|r| STANDARD.encode(minicbor::to_vec(r).unwrap_or_default()));
        let receipt = receipt.unwrap_or_default();
        format!("{}\n{}\n{}\n{receipt}\n", self.id.path(), self.offset, self.length).into_bytes()
    }
}

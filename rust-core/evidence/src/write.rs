//! Making a bundle.
//!
//! Invariant: the manifest is signed before a photo is read, since photos are named by their hash;
//! a photo that is not what its name says ends the writing, so no bundle is made that would fail.

use crate::{
    container,
    records::{Evidence, Manifest, ManifestFile, Photo},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanewalk_model::{id::Hash, photo::FileRef};
use lanewalk_protocol::{
    keys::{DeviceSigner, Domain, SignerError, sign_domain},
    tlog::{Checkpoint, verifier_key},
};
use sha2::{Digest as _, Sha256};
use std::io::{self, Read, Write};

/// The format's name, first line of trust.
pub(crate) const FORMAT: &str = "lanewalk-evidence 1";

/// Why a bundle was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Writing or reading failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A photo is not what its name says.
    #[error("the photo {0} is damaged")]
    Damaged(Hash),
    /// The key cannot sign.
    #[error("signing: {0}")]
    Signer(#[from] SignerError),
    /// The records do not fit the format.
    #[error("records: {0}")]
    Json(#[from] serde_json::Error),
}

/// A bundle whose manifest is signed; photos are still to be read.
#[derive(Debug)]
pub struct Bundle {
    head: Vec<(&'static str, Vec<u8>)>,
    photos: Vec<Photo>,
}

impl Bundle {
    /// Puts a bundle together; `manifest.files` is made here.
    ///
    /// # Errors
    /// [`WriteError::Signer`], [`WriteError::Json`].
    pub fn new(
        mut manifest: Manifest,
        checkpoint: &Checkpoint,
        evidence: &Evidence,
        signer: &dyn DeviceSigner,
    ) -> Result<Self, WriteError> {
        let photos: Vec<Photo> = evidence.photos.iter().filter(|p| p.name.is_some()).cloned().collect();
        let mut json = serde_json::to_vec_pretty(evidence)?;
        json.push(b'\n');
        let files = [
            ("READ-ME.txt", readme(&manifest).into_bytes()),
            ("checkpoint.txt", checkpoint.to_note(&manifest.hq_key).into_bytes()),
            ("evidence.json", json),
        ];
        manifest.format = FORMAT.to_owned();
        manifest.files = files
            .iter()
            .map(|(name, bytes)| ManifestFile {
                name: (*name).to_owned(),
                bytes: bytes.len() as u64,
                sha256: Hash(Sha256::digest(bytes).into()),
            })
            .chain(photos.iter().map(|p| ManifestFile {
                name: p.name.clone().unwrap_or_default(),
                bytes: p.file.bytes,
                sha256: p.file.sha256,
            }))
            .collect();
        let mut list = serde_json::to_vec_pretty(&manifest)?;
        list.push(b'\n');
        let signature = sign_domain(signer, Domain::Evidence, &list)?;
        let signature = format!("{}\n", STANDARD.encode(signature.bytes()));
        let mut head = vec![("manifest.json", list), ("manifest.sig", signature.into_bytes())];
        head.extend(files);
        Ok(Self { head, photos })
    }

    /// Writes the bundle; `open` gives the bytes of a photo.
    ///
    /// # Errors
    /// [`WriteError::Io`], [`WriteError::Damaged`]; what was written then is no bundle.
    pub fn write<R: Read>(
        &self,
        out: &mut dyn Write,
        mut open: impl FnMut(FileRef) -> io::Result<R>,
    ) -> Result<(), WriteError> {
        for (name, bytes) in &self.head {
            let len = bytes.len() as u64;
            container::begin_file(out, name, len)?;
            out.write_all(bytes)?;
            container::end_file(out, len)?;
        }
        for photo in &self.photos {
            let FileRef { sha256, bytes } = photo.file;
            container::begin_file(out, photo.name.as_deref().unwrap_or_default(), bytes)?;
            let mut from = open(photo.file)?.take(bytes);
            let (mut hash, mut copied, mut buffer) = (Sha256::new(), 0_u64, vec![0; 1 << 16]);
            loop {
                let n = from.read(&mut buffer)?;
                let Some(piece) = buffer.get(..n).filter(|piece| !piece.is_empty()) else { break };
                hash.update(piece);
                out.write_all(piece)?;
                copied += piece.len() as u64;
            }
            if copied != bytes || hash.finalize().as_slice() != sha256.0 {
                return Err(WriteError::Damaged(sha256));
            }
            container::end_file(out, bytes)?;
        }
        Ok(container::end(out)?)
    }
}

/// What a person finds who opens the bundle without Lanewalk.
fn readme(manifest: &Manifest) -> String {
    format!(
        "走街串巷 证据包 / Lanewalk evidence bundle\n\
         工单 / order: {}\n\n\
         核验 / to check:  lanewalk verify FILE\n\n\
         不用本程序也能核验（格式见 docs/evidence.md）：\n\
         Without the program (the format is in docs/evidence.md):\n\
         1. sha256sum 各文件，与 manifest.json 比对 / compare the SHA-256 of every file with manifest.json.\n\
         2. manifest.sig: Ed25519, \"lanewalk/v1/evidence\" + 00 + manifest.json.\n\
         3. checkpoint.txt: C2SP signed note, verifier key:\n   {}\n\
         4. evidence.json: 条目在 RFC 6962 树中的证明 / each entry with its proof in the RFC 6962 tree.\n\n\
         公钥须另行核对：向指挥中心或任何一部手机索取。\n\
         Compare the key with one from elsewhere: from headquarters, or from any of its phones.\n",
        manifest.order,
        verifier_key(&manifest.hq_key)
    )
}

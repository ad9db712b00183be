//! A photo as evidence: its record, what its camera says, and what speaks against it.
//!
//! Invariant: the bytes travel apart from the record and are named by their SHA-256, so a record
//! can neither lose nor change its picture unnoticed. What contradicts a photo is computed from
//! the record by [`doubts`], on the phone and at headquarters alike, and never stored: it is
//! shown and blocks nothing. Rejected: flags written by the phone, which a modified phone leaves
//! out.

mod doubt;
mod exif;
mod phash;
mod stamp;

pub use doubt::{Doubt, DoubtLimits, Surroundings, doubts};
pub use exif::ExifFacts;
pub use phash::{Likeness, PHash};
pub use stamp::{StampFacts, stamp_lines};

use crate::{
    id::{Hash, from_hex, to_hex},
    position::Position,
    records::ConsentRecord,
    time::TimeMs,
    view::DocView,
};
use serde::{Deserialize, Serialize};

/// What a photo shows in the course of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoRole {
    /// Before.
    Before,
    /// During.
    During,
    /// After.
    After,
    /// A document.
    Document,
}

impl PhotoRole {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Before, Self::During, Self::After, Self::Document];

    /// Returns the id as written in records.
    pub fn id(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
            Self::Document => "document",
        }
    }

    /// Reads an id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
    }

    /// Returns the Chinese word.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Before => "处理前",
            Self::During => "处理中",
            Self::After => "处理后",
            Self::Document => "材料",
        }
    }
}

/// Where a photo was taken, as far as it matters whose rooms it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PhotoScene {
    /// Outside.
    Outdoors,
    /// The common parts of a house.
    Corridor,
    /// A door from outside.
    Door,
    /// Somebody's rooms: only with consent (DOMAIN.md §9).
    Interior,
}

impl PhotoScene {
    /// Returns the id as written in visits.
    pub fn id(self) -> &'static str {
        match self {
            Self::Outdoors => "outdoors",
            Self::Corridor => "corridor",
            Self::Door => "door",
            Self::Interior => "interior",
        }
    }

    /// Lists the scenes a visit may be photographed in: the inside only while the occupant's last
    /// word is yes.
    pub fn allowed(visit: &DocView) -> Vec<Self> {
        let said = visit.entries().filter(|(key, _)| key.starts_with("consent/")).flat_map(|(_, all)| all);
        let given = said
            .max_by_key(|word| (word.at, word.actor))
            .and_then(|word| serde_json::from_str::<ConsentRecord>(word.value.text()?).ok())
            .is_some_and(|consent| consent.given);
        let mut scenes = vec![Self::Outdoors, Self::Corridor, Self::Door];
        scenes.extend(given.then_some(Self::Interior));
        scenes
    }
}

/// Which of a photo's three files, in the order in which they travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PhotoPart {
    /// Long edge 320 px.
    Thumbnail,
    /// Long edge 2,048 px with the stamp burnt in 存证件.
    Evidence,
    /// The file as the camera made it.
    Original,
}

impl PhotoPart {
    /// All parts, in the order in which they travel.
    pub const ALL: [Self; 3] = [Self::Thumbnail, Self::Evidence, Self::Original];

    /// Returns the number by which stores know the part.
    pub fn code(self) -> u8 {
        match self {
            Self::Thumbnail => 0,
            Self::Evidence => 1,
            Self::Original => 2,
        }
    }

    /// Reads a number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.code() == code)
    }

    /// Returns the word in paths and logs.
    pub fn id(self) -> &'static str {
        match self {
            Self::Thumbnail => "thumbnail",
            Self::Evidence => "evidence",
            Self::Original => "original",
        }
    }

    /// Reads the word.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.id() == id)
    }

    /// Returns the Chinese word.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Thumbnail => "缩略图",
            Self::Evidence => "存证件",
            Self::Original => "原图",
        }
    }
}

/// Names a file by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "WireFile", into = "WireFile")]
pub struct FileRef {
    /// SHA-256 of all bytes.
    pub sha256: Hash,
    /// Number of bytes.
    pub bytes: u64,
}

impl FileRef {
    /// Names these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self { sha256: Hash(sha2::Sha256::digest(bytes).into()), bytes: bytes.len() as u64 }
    }
}

#[derive(Serialize, Deserialize)]
struct WireFile {
    sha256: String,
    bytes: u64,
}

impl TryFrom<WireFile> for FileRef {
    type Error = crate::id::IdError;

    fn try_from(wire: WireFile) -> Result<Self, Self::Error> {
        let sha256 = from_hex(&wire.sha256).ok_or(crate::id::IdError { what: "SHA-256 hash" })?;
        Ok(Self { sha256: Hash(sha256), bytes: wire.bytes })
    }
}

impl From<FileRef> for WireFile {
    fn from(file: FileRef) -> Self {
        Self { sha256: to_hex(&file.sha256.0), bytes: file.bytes }
    }
}

/// A photo as a fact of a visit; immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoRecord {
    /// The file as the camera made it.
    #[serde(flatten)]
    pub original: FileRef,
    /// The stamped copy; `None` in a record of a version that made none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<FileRef>,
    /// The small copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<FileRef>,
    /// Media type of the original.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media: String,
    /// Width and height of the original, upright, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<(u32, u32)>,
    /// Phone time (a claim).
    pub taken_at: TimeMs,
    /// Role.
    pub role: PhotoRole,
    /// True when taken in the app, false when imported from the gallery.
    pub in_app: bool,
    /// Where the phone was, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// What the picture looks like; `None` for a flat one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phash: Option<PHash>,
    /// What the camera wrote into the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exif: Option<ExifFacts>,
}

impl PhotoRecord {
    /// Returns the file of a part; `None` when the record names none.
    pub fn part(&self, part: PhotoPart) -> Option<FileRef> {
        match part {
            PhotoPart::Thumbnail => self.thumbnail,
            PhotoPart::Evidence => self.evidence,
            PhotoPart::Original => Some(self.original),
        }
    }

    /// Returns every part the record names, in the order in which they travel.
    pub fn parts(&self) -> impl Iterator<Item = (PhotoPart, FileRef)> + '_ {
        PhotoPart::ALL.into_iter().filter_map(|part| Some((part, self.part(part)?)))
    }
}

/// What happened to a photo's file on the phone before headquarters had it (F12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileTrouble {
    /// The file is not there any more.
    Missing,
    /// The file is not what was saved.
    Altered,
}

impl FileTrouble {
    /// Returns the stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Altered => "altered",
        }
    }

    /// Returns the Chinese words.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Missing => "手机上的文件不见了",
            Self::Altered => "手机上的文件已损坏",
        }
    }
}

/// A fact of the visit: a file that can never arrive. Key `photo_trouble/<photo>.<part>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TroubleRecord {
    /// What happened.
    pub trouble: FileTrouble,
    /// Phone time (a claim).
    pub at: TimeMs,
}

#[cfg(test)]
mod tests;

//! Photos: a ticket before the camera opens, the camera's file by path, what became of each file.

use crate::{
    call::Core,
    enums::{PhotoPart, PhotoRole, PhotoScene},
    error::LanewalkError,
    foreign::Fix,
    parse,
    texts::Phrase,
};
use lanewalk_field as core;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Photos.
#[derive(uniffi::Object)]
pub struct Photos(pub(crate) Arc<Core>);

/// A font for the stamp.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct FontFile {
    /// A `.ttf`, `.otf` or `.ttc` file.
    pub path: String,
    /// Face of a collection; the first Simplified Chinese one when left out.
    #[uniffi(default = None)]
    pub index: Option<u32>,
}

/// What the shell sets once after opening.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PhotoSettings {
    /// Fonts for the stamp, tried in this order.
    #[uniffi(default = [])]
    pub fonts: Vec<FontFile>,
    /// Bytes of photos kept here, about; unsent ones may exceed it. 2 GiB when left out.
    #[uniffi(default = None)]
    pub budget_bytes: Option<u64>,
    /// Bytes that must stay free before a camera opens. 300 MiB when left out.
    #[uniffi(default = None)]
    pub keep_free_bytes: Option<u64>,
}

/// A photo about to be taken.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PhotoTicket {
    /// The photo's id to be.
    pub id: String,
    /// Its visit.
    pub visit: String,
    /// What it shows in time.
    pub role: PhotoRole,
    /// Where the camera must write its JPEG.
    pub path: String,
    /// A file lies there: the camera came back.
    pub has_file: bool,
}

/// What is known about a picture besides its file.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct PhotoShot {
    /// Words under it; may be empty.
    #[uniffi(default = "")]
    pub caption: String,
    /// Where in the house.
    #[uniffi(default = None)]
    pub scene: Option<PhotoScene>,
    /// When by the phone's clock, UTC ms; the file's time of writing when left out.
    #[uniffi(default = None)]
    pub taken_at_ms: Option<i64>,
    /// Where; the shell's [`Position`](crate::Position) is asked when left out (camera only).
    #[uniffi(default = None)]
    pub fix: Option<Fix>,
}

/// A photo of a visit.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct PhotoView {
    /// Id.
    pub id: String,
    /// What it shows in time.
    pub role: PhotoRole,
    /// Words under it.
    pub caption: String,
    /// When, UTC ms.
    pub taken_at_ms: i64,
    /// Taken in the app, not imported.
    pub in_app: bool,
    /// Its files.
    pub files: Vec<PhotoFile>,
    /// What speaks against it.
    pub doubts: Vec<Phrase>,
    /// Photos of this phone that look like it.
    pub alike: Vec<String>,
}

/// One file of a photo.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct PhotoFile {
    /// Which.
    pub part: PhotoPart,
    /// Bytes.
    pub bytes: u64,
    /// Where it is.
    pub state: Phrase,
    /// Bytes headquarters is known to have.
    pub sent_bytes: u64,
    /// It can be read here with [`Photos::bytes`].
    pub here: bool,
}

/// How the room for photos stands, bytes.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct StorageView {
    /// Of photos on this phone.
    pub held: u64,
    /// Of these, not at headquarters.
    pub unsent: u64,
    /// Files not at headquarters.
    pub unsent_files: u64,
    /// May be given up: they lie in a verified backup.
    pub freeable: u64,
    /// Free on the disk.
    pub free: u64,
}

/// What was given up.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct FreedSpace {
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

#[uniffi::export]
impl Photos {
    /// Sets fonts and room; opens the fonts.
    pub fn configure(&self, settings: PhotoSettings) -> Result<(), LanewalkError> {
        let fonts = settings.fonts.into_iter();
        let fonts = fonts.map(|f| core::FontFile { path: PathBuf::from(f.path), index: f.index });
        let usual = core::StorageBudget::default();
        let budget = core::StorageBudget {
            photo_bytes: settings.budget_bytes.unwrap_or(usual.photo_bytes),
            keep_free: settings.keep_free_bytes.unwrap_or(usual.keep_free),
        };
        let settings =
            core::PhotoSettings { fonts: fonts.collect(), budget, ..core::PhotoSettings::default() };
        self.0.call(|field| field.set_photo_settings(settings))
    }

    /// Writes a ticket before the camera opens and says where the camera must write.
    ///
    /// Errors: `StorageFull` before the disk is full; `NotFound`; `NotAllowed`.
    pub fn begin(&self, visit: String, role: PhotoRole) -> Result<PhotoTicket, LanewalkError> {
        let id = parse::visit(&visit)?;
        self.0.call(|field| field.begin_photo(id, role.into())).map(Into::into)
    }

    /// Lists tickets that were neither finished nor dropped: after a kill, those with a file can be
    /// finished.
    pub fn tickets(&self) -> Result<Vec<PhotoTicket>, LanewalkError> {
        let tickets = self.0.call(core::Field::open_tickets)?;
        Ok(tickets.into_iter().map(Into::into).collect())
    }

    /// Takes the camera's file in and returns the photo's id; on the disk when it returns. Takes
    /// about 0.2 s for 12 megapixels. A second call finds it done.
    ///
    /// Errors: `Photo` when the file is not one (ticket and file stay); `StorageFull`; `NotFound`.
    pub fn finish(&self, ticket: String, shot: PhotoShot) -> Result<String, LanewalkError> {
        let id = parse::event("ticket", &ticket)?;
        self.0.call(|field| field.finish_photo(id, &shot.into())).map(|id| id.to_string())
    }

    /// Gives up a ticket and removes what the camera wrote.
    pub fn drop_ticket(&self, ticket: String) -> Result<(), LanewalkError> {
        let id = parse::event("ticket", &ticket)?;
        self.0.call(|field| field.drop_ticket(id))
    }

    /// Takes in a file that was not taken here; the file itself is not touched.
    pub fn import_file(
        &self,
        visit: String,
        role: PhotoRole,
        path: String,
        shot: PhotoShot,
    ) -> Result<String, LanewalkError> {
        let id = parse::visit(&visit)?;
        let path = PathBuf::from(path);
        self.0.call(|field| field.import_photo(id, role.into(), &path, &shot.into())).map(|id| id.to_string())
    }

    /// Lists the photos of a visit, oldest first.
    pub fn list(&self, visit: String) -> Result<Vec<PhotoView>, LanewalkError> {
        let id = parse::visit(&visit)?;
        let photos = self.0.call(|field| field.photos(id))?;
        Ok(photos.into_iter().map(Into::into).collect())
    }

    /// Reads a photo's thumbnail or evidence copy as JPEG, decrypted in memory.
    ///
    /// Errors: `NotFound` when it is not on this phone; `Photo` when it is lost; `Invalid` for an
    /// original.
    pub fn bytes(&self, photo: String, part: PhotoPart) -> Result<Vec<u8>, LanewalkError> {
        let id = parse::event("photo", &photo)?;
        self.0.call(|field| field.photo_bytes(id, part.into()))
    }

    /// Writes such a copy to a path of the shell's, in place of what lies there; for large pictures, which
    /// then do not cross as bytes. It lies there in clear: choose a folder that is private to the app and
    /// in no backup, and remove it when it was shown.
    ///
    /// Errors: as [`Self::bytes`]; `StorageFull`; `Invalid` for a path that cannot be written.
    pub fn write_to(&self, photo: String, part: PhotoPart, path: String) -> Result<(), LanewalkError> {
        let id = parse::event("photo", &photo)?;
        self.0.call(|field| field.write_photo(id, part.into(), Path::new(&path)))
    }

    /// Says how the room for photos stands.
    pub fn storage(&self) -> Result<StorageView, LanewalkError> {
        let report = self.0.call(core::Field::storage)?;
        Ok(StorageView {
            held: report.held,
            unsent: report.unsent,
            unsent_files: report.unsent_files,
            freeable: report.freeable.iter().sum(),
            free: report.free,
        })
    }

    /// Gives up files that lie in headquarters' verified backup until so many bytes are free.
    pub fn free(&self, bytes: u64) -> Result<FreedSpace, LanewalkError> {
        let freed = self.0.call(|field| field.free_photos(bytes))?;
        Ok(FreedSpace { files: freed.files, bytes: freed.bytes })
    }
}

impl From<core::Ticket> for PhotoTicket {
    fn from(ticket: core::Ticket) -> Self {
        Self {
            id: ticket.id.to_string(),
            visit: ticket.visit.to_string(),
            role: ticket.role.into(),
            path: ticket.path.to_string_lossy().into_owned(),
            has_file: ticket.has_file,
        }
    }
}

impl From<PhotoShot> for core::Shot {
    fn from(shot: PhotoShot) -> Self {
        Self {
            position: shot.fix.and_then(|f| f.position()),
            caption: shot.caption,
            taken_at: parse::time(shot.taken_at_ms),
            scene: shot.scene.map(Into::into),
        }
    }
}

impl From<core::PhotoView> for PhotoView {
    fn from(photo: core::PhotoView) -> Self {
        let file = |(part, file, state): (_, lanewalk_model::photo::FileRef, core::PartState)| PhotoFile {
            part: PhotoPart::from(part),
            bytes: file.bytes,
            state: Phrase::of("photo_state", state.code()),
            sent_bytes: match state {
                core::PartState::Waiting { sent } => sent,
                core::PartState::Sent | core::PartState::GivenUp => file.bytes,
                _ => 0,
            },
            here: matches!(
                state,
                core::PartState::Waiting { .. } | core::PartState::Sent | core::PartState::RecordRefused
            ),
        };
        Self {
            id: photo.id.to_string(),
            role: photo.record.role.into(),
            caption: photo.caption,
            taken_at_ms: photo.record.taken_at.0,
            in_app: photo.record.in_app,
            files: photo.parts.into_iter().map(file).collect(),
            doubts: photo.doubts.into_iter().map(|d| Phrase::of("doubt", d.code())).collect(),
            alike: photo.alike.iter().map(|a| a.photo.to_string()).collect(),
        }
    }
}

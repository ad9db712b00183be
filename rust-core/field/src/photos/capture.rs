//! Taking a photo and importing one.
//!
//! Order of a capture: ticket (committed) → the camera writes its file → intake → sealed files
//! (synced, renamed) → one transaction with the record's entry, the rows and the end of the ticket →
//! the open file is removed. Killed anywhere before that transaction, the ticket and the camera's
//! file are still there to be claimed; after it, the photo is saved.
//!
//! Rejected: keeping the camera's result in memory until the form is complete; Android kills apps
//! behind the camera first.

use super::{seal::FileKey, view::record_key};
use crate::{
    error::FieldError,
    facade::{Field, Inner},
    reads,
    store::photos::{self, FileRow, PhotoRow, TicketRow},
    write::Mode,
};
use lanewalk_media::{
    Intake, Limits, MediaError, intake,
    stamp::{FontFile, Stamper},
};
use lanewalk_model::{
    document::Edit,
    id::{DocId, EventId, to_hex},
    photo::{FileRef, FileTrouble, PhotoPart, PhotoRecord, PhotoRole, PhotoScene, StampFacts, stamp_lines},
    position::Position,
    records::to_json,
    time::TimeMs,
};
use lanewalk_protocol::limits as wire;
use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What the shell sets once: fonts and room.
#[derive(Debug, Clone, Default)]
pub struct PhotoSettings {
    /// Fonts for the stamp, tried in this order.
    pub fonts: Vec<FontFile>,
    /// Room for photos.
    pub budget: super::StorageBudget,
    /// Limits of a file that is taken in.
    pub limits: Limits,
}

/// A photo about to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The photo's id to be.
    pub id: EventId,
    /// The visit it belongs to.
    pub visit: DocId,
    /// What it shows.
    pub role: PhotoRole,
    /// Where the camera must write the JPEG, inside the app's private directory.
    pub path: PathBuf,
    /// True when a file lies there: the camera came back.
    pub has_file: bool,
}

/// What is known about a picture besides the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shot {
    /// Where the phone was; for the camera the source's place when left out.
    pub position: Option<Position>,
    /// Words under the picture; may be empty.
    pub caption: String,
    /// When it was taken by the phone's clock; the file's time of writing when left out.
    pub taken_at: Option<TimeMs>,
    /// Where in the house, out of [`Field::photo_scenes`].
    pub scene: Option<PhotoScene>,
}

/// Settings with the fonts opened.
#[derive(Default)]
pub(crate) struct Darkroom {
    pub(crate) settings: PhotoSettings,
    stamper: Option<Arc<Stamper>>,
}

/// Where a photo comes from.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    Camera(&'a TicketRow),
    Gallery { visit: DocId, role: PhotoRole },
}

impl Field {
    /// Sets fonts, room and limits; the fonts are opened at once.
    ///
    /// # Errors
    /// `Photo` with code `font` when no font can be read; the settings stay as they were.
    pub fn set_photo_settings(&self, settings: PhotoSettings) -> Result<(), FieldError> {
        let stamper = Some(Arc::new(Stamper::open(&settings.fonts)?));
        *self.inner.darkroom() = Darkroom { settings, stamper };
        Ok(())
    }

    /// Lists where a visit may be photographed; the inside only with the occupant's consent
    /// ([`Field::consent`]).
    pub fn photo_scenes(&self, visit: DocId) -> Result<Vec<PhotoScene>, FieldError> {
        Ok(PhotoScene::allowed(&self.document(visit)?))
    }

    /// Writes a ticket before the camera opens and says where the camera must write.
    ///
    /// # Errors
    /// `StorageFull` before the disk is full, after giving up what may go; `NotFound` for a visit
    /// that is not here; what the rights say.
    pub fn begin_photo(&self, visit: DocId, role: PhotoRole) -> Result<Ticket, FieldError> {
        self.make_room()?;
        let inner = &self.inner;
        let id = inner.new_event();
        let now = inner.now();
        // Ask before the worker frames the picture, not after.
        inner.may_add_photo(visit, id)?;
        let row = TicketRow { id, visit, role, wall_ms: now.wall_ms, mono_ms: now.mono_ms, boot: now.boot };
        inner.store.write(crate::store::Durability::Act, |tx, _| photos::put_ticket(tx, &row))?;
        Ok(inner.ticket(&row))
    }

    /// Lists tickets that were neither finished nor dropped: after a kill, those with a file can be
    /// finished, the others be taken again or dropped.
    pub fn open_tickets(&self) -> Result<Vec<Ticket>, FieldError> {
        let rows = self.inner.store.read(photos::tickets)?;
        Ok(rows.iter().map(|row| self.inner.ticket(row)).collect())
    }

    /// Takes the camera's file in: saved when this returns. A second call for the same ticket finds
    /// it done.
    ///
    /// # Errors
    /// `Photo` when the file is not one (the ticket and the file stay), `StorageFull`, `NotFound`.
    pub fn finish_photo(&self, ticket: EventId, shot: &Shot) -> Result<EventId, FieldError> {
        let inner = &self.inner;
        let found = inner
            .store
            .read(|conn| Ok((photos::ticket(conn, ticket)?, photos::photo(conn, ticket)?.is_some())))?;
        match found {
            (Some(row), _) => {
                let path = inner.vault.camera_path(ticket);
                inner.take_in(Origin::Camera(&row), &path, shot)?;
                // It is saved; the next sweep takes a camera's file that cannot be removed now.
                let _ = inner.vault.remove_camera_file(ticket);
                Ok(ticket)
            }
            (None, true) => Ok(ticket),
            (None, false) => Err(FieldError::NotFound),
        }
    }

    /// Gives up a ticket and removes what the camera wrote.
    pub fn drop_ticket(&self, ticket: EventId) -> Result<(), FieldError> {
        let inner = &self.inner;
        inner.store.write(crate::store::Durability::Act, |tx, _| photos::delete_ticket(tx, ticket))?;
        inner.vault.remove_camera_file(ticket)
    }

    /// Takes in a file that was not taken here; marked as imported. The file itself is not touched.
    ///
    /// # Errors
    /// As [`Self::finish_photo`].
    pub fn import_photo(
        &self,
        visit: DocId,
        role: PhotoRole,
        path: &Path,
        shot: &Shot,
    ) -> Result<EventId, FieldError> {
        if self.inner.vault.is_ours(path) {
            return Err(FieldError::invalid("path", "the camera's file belongs to a ticket"));
        }
        self.make_room()?;
        self.inner.take_in(Origin::Gallery { visit, role }, path, shot)
    }

    /// Removes files that no row names and notes rows whose file is gone. Run at every opening.
    pub(crate) fn sweep_photos(&self) -> Result<(), FieldError> {
        let inner = &self.inner;
        let (held, tickets) = inner.store.read(|conn| Ok((photos::held(conn)?, photos::tickets(conn)?)))?;
        let names = held.iter().map(|f| f.name.clone()).collect();
        inner.vault.sweep(&names, &tickets.iter().map(|t| t.id).collect())?;
        let (mut missing, mut back) = (Vec::new(), Vec::new());
        for file in &held {
            match (file.trouble, inner.vault.has(&file.name)) {
                (None, false) => missing.push(file.file.sha256),
                (Some(_), true) if inner.vault.check(&file.name, &file.key, file.file).is_ok() => {
                    back.push(file.file.sha256);
                }
                _ => {}
            }
        }
        if missing.is_empty() && back.is_empty() {
            return Ok(());
        }
        inner.store.write(crate::store::Durability::Act, |tx, _| {
            missing.iter().try_for_each(|hash| photos::set_trouble(tx, *hash, FileTrouble::Missing))?;
            back.iter().try_for_each(|hash| photos::clear_trouble(tx, *hash))
        })
    }
}

impl Inner {
    fn ticket(&self, row: &TicketRow) -> Ticket {
        let path = self.vault.camera_path(row.id);
        let has_file = path.is_file();
        Ticket { id: row.id, visit: row.visit, role: row.role, path, has_file }
    }

    /// Intake, sealing, record.
    fn take_in(&self, origin: Origin<'_>, path: &Path, shot: &Shot) -> Result<EventId, FieldError> {
        let (id, visit, role, in_app) = match origin {
            Origin::Camera(row) => (row.id, row.visit, row.role, true),
            Origin::Gallery { visit, role } => (self.new_event(), visit, role, false),
        };
        self.may_add_photo(visit, id)?;
        self.may_show(visit, shot.scene)?;
        let taken_at = shot.taken_at.unwrap_or_else(|| self.written_at(path, in_app));
        let facts = self.stamp_facts(&origin, visit, taken_at)?;
        let taken = self.develop(path, &facts)?;
        let record = PhotoRecord {
            original: taken.original,
            evidence: Some(FileRef::of(&taken.evidence)),
            thumbnail: Some(FileRef::of(&taken.thumbnail)),
            media: taken.media.mime().to_owned(),
            size: Some((taken.width, taken.height)),
            taken_at,
            role,
            in_app,
            position: shot.position.or_else(|| in_app.then(|| self.source.position()).flatten()),
            phash: taken.phash,
            exif: taken.exif.clone(),
        };
        let sealed = self.seal_all(path, &taken, &record)?;
        let mut edits = vec![Edit::set(record_key(id), to_json(&record))];
        if !shot.caption.is_empty() {
            edits.push(Edit::set(["caption/", &id.to_string()].concat(), shot.caption.as_str()));
        }
        edits.extend(shot.scene.map(|s| Edit::set(["scene/", &id.to_string()].concat(), s.id())));
        let saved = self.act_with(visit, &edits, 0, Mode::Existing, |tx, saved| {
            if in_app && !photos::delete_ticket(tx, id)? {
                // Finished or dropped meanwhile by another thread.
                return Err(FieldError::NotFound);
            }
            for file in &sealed {
                // Known and yet sealed again: given up, lost, or not there any more.
                match photos::file(tx, file.file.sha256)? {
                    None => photos::put_file(tx, file)?,
                    Some(_) => photos::revive_file(tx, file)?,
                }
            }
            let hash = |part| record.part(part).map_or(record.original.sha256, |f| f.sha256);
            let files = PhotoPart::ALL.map(hash);
            photos::put_photo(tx, &PhotoRow { id, visit, seq: saved.seq, files, phash: record.phash })
        });
        if let Err(error) = saved {
            self.discard(&sealed);
            return Err(error);
        }
        Ok(id)
    }

    /// Refuses what the occupant did not consent to (DOMAIN.md §9).
    fn may_show(&self, visit: DocId, scene: Option<PhotoScene>) -> Result<(), FieldError> {
        let Some(scene) = scene else { return Ok(()) };
        let view = self.store.read(|conn| reads::view(conn, visit))?.ok_or(FieldError::NotFound)?;
        if PhotoScene::allowed(&view).contains(&scene) {
            return Ok(());
        }
        Err(FieldError::invalid("scene", "住户未同意入户拍照 (the occupant did not agree to photos inside)"))
    }

    /// Runs the intake; a character no font has is written as its code point, visibly.
    fn develop(&self, path: &Path, facts: &StampFacts) -> Result<Intake, FieldError> {
        let (stamper, limits) = {
            let darkroom = self.darkroom();
            (darkroom.stamper.clone(), darkroom.settings.limits)
        };
        let stamper = stamper.ok_or(FieldError::Photo {
            code: "font",
            detail: "no font was set: set_photo_settings".into(),
        })?;
        let mut lines = stamp_lines(facts);
        // Asked before the picture is decoded. ASCII is not replaced: its code point is ASCII too.
        while let Err(MediaError::Undrawable { character }) = stamper.check(&lines)
            && !character.is_ascii()
        {
            let code = format!("[U+{:04X}]", u32::from(character));
            for line in &mut lines {
                *line = line.replace(character, &code);
            }
        }
        Ok(intake(path, Some((stamper.as_ref(), &lines)), &limits)?)
    }

    /// Seals the files that do not lie here yet; all of them or none.
    fn seal_all(
        &self,
        path: &Path,
        taken: &Intake,
        record: &PhotoRecord,
    ) -> Result<Vec<FileRow>, FieldError> {
        let mut sealed = Vec::new();
        let done = self.seal_each(path, taken, record, &mut sealed);
        if done.is_err() {
            self.discard(&sealed);
        }
        done.map(|()| sealed)
    }

    /// Removes files that no row names, as far as the disk lets it; the next sweep takes the rest.
    fn discard(&self, sealed: &[FileRow]) {
        for file in sealed {
            let _ = self.vault.remove(&file.name);
        }
    }

    fn seal_each(
        &self,
        path: &Path,
        taken: &Intake,
        record: &PhotoRecord,
        sealed: &mut Vec<FileRow>,
    ) -> Result<(), FieldError> {
        let made_at = self.source.wall_ms();
        for (part, file) in record.parts() {
            let known = self.store.read(|conn| photos::file(conn, file.sha256))?;
            if known.is_some_and(|row| row.held && row.trouble.is_none() && self.vault.has(&row.name)) {
                continue;
            }
            let key = FileKey(self.random());
            let name = to_hex(&self.random::<16>());
            let written = match part {
                PhotoPart::Thumbnail => self.vault.put(&name, &key, &mut taken.thumbnail.as_slice())?,
                PhotoPart::Evidence => self.vault.put(&name, &key, &mut taken.evidence.as_slice())?,
                PhotoPart::Original => {
                    let mut from = File::open(path).map_err(|e| crate::store::io_error(&e))?;
                    self.vault.put(&name, &key, &mut from)?
                }
            };
            if (written.sha256, written.bytes) != (file.sha256.0, file.bytes) {
                self.vault.remove(&name)?;
                return Err(FieldError::Photo {
                    code: "changed",
                    detail: "the file changed while it was taken in".into(),
                });
            }
            sealed.push(FileRow {
                file,
                part,
                name,
                key,
                made_at,
                held: true,
                trouble: None,
                upload: None,
                sent: 0,
                told: false,
                has_receipt: false,
            });
        }
        let too_long = |f: &FileRow| f.part != PhotoPart::Original && f.file.bytes > wire::MAX_COPY_BYTES;
        if sealed.iter().any(too_long) {
            return Err(FieldError::Photo { code: "copy_too_large", detail: "the stamped copy".into() });
        }
        Ok(())
    }

    /// When a file was written, for a ticket finished after a kill; never later than now.
    fn written_at(&self, path: &Path, in_app: bool) -> TimeMs {
        let now = self.source.wall_ms();
        let written = in_app.then(|| std::fs::metadata(path).and_then(|m| m.modified()).ok()).flatten();
        let ms = written
            .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok())
            .and_then(|d| i64::try_from(d.as_millis()).ok());
        TimeMs(ms.map_or(now, |ms| ms.min(now)))
    }
}

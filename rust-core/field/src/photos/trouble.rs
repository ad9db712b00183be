//! Telling headquarters of files that can never arrive (F12).
//!
//! Invariant: a file counts as told only when every photo it belongs to says so. Rejected: telling
//! with the photo's next sync request, which a receipt would not cover.

use crate::{
    error::FieldError,
    facade::Inner,
    reads,
    store::{Durability, photos},
    write::Mode,
};
use lanewalk_model::{
    document::Edit,
    id::EventId,
    photo::{PhotoPart, TroubleRecord},
    records::to_json,
    time::TimeMs,
};

impl Inner {
    /// Writes a fact for every file that can never arrive (F12); one that cannot be written now
    /// (the visit left this phone, the lease is over) is tried again at the next session.
    pub(crate) fn tell_troubles(&self) -> Result<(), FieldError> {
        for row in self.store.read(photos::untold)? {
            let Some(trouble) = row.trouble else { continue };
            let cited = self.store.read(|conn| photos::photos_with(conn, row.file.sha256))?;
            let mut all = true;
            for photo in cited {
                let key = trouble_key(photo.id, row.part);
                let view = self.store.read(|conn| reads::view(conn, photo.visit))?;
                if view.is_none_or(|v| v.get(&key).is_some()) {
                    continue;
                }
                let at = TimeMs(self.source.wall_ms());
                let edit = Edit::set(key, to_json(&TroubleRecord { trouble, at }));
                match self.act(photo.visit, &[edit], 0, Mode::Existing) {
                    Ok(_) => {}
                    Err(error @ (FieldError::StorageFull | FieldError::Paused)) => {
                        return Err(error);
                    }
                    Err(_) => all = false,
                }
            }
            if all {
                self.store.write(Durability::Act, |tx, _| photos::set_told(tx, row.file.sha256))?;
            }
        }
        Ok(())
    }
}

fn trouble_key(photo: EventId, part: PhotoPart) -> String {
    format!("photo_trouble/{photo}.{}", part.id())
}

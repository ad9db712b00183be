//! Photo files: taking them in (tus 1.0), keeping them, giving them out, and knowing which of
//! them are still missing.
//!
//! Invariant: a file is known by its SHA-256 and nothing else; who may bring or read it follows
//! from the visits whose records name it, by the same `policy` as the visits themselves. A
//! request is worked in two steps with one code for sockets and simulator: `stage` touches the
//! disk beside the writer, `settle` writes rows and signs. Rejected: file bytes on the writer
//! thread, where one phone on Wi-Fi would hold up all others.

pub(crate) mod folder;
mod reach;
pub mod redraw;
mod rows;
mod settle;
pub(crate) mod stage;
mod whereabouts;

pub use folder::{Folder, FolderError};
pub use redraw::{RedrawError, Redrawer};
pub(crate) use rows::cite;
pub(crate) use settle::Settled;
pub use stage::Dock;
pub(crate) use stage::Staged;
pub use whereabouts::{Absence, PartWhere, PhotoWhere, Where, of_visit};

use crate::{
    error::HqError,
    hq::Headquarters,
    store::{self, StoredDoc},
};
use lanewalk_model::{
    document::Edit,
    id::{DocId, EventId},
    schema::DocKind,
};
use lanewalk_protocol::{
    http,
    upload::{PHOTOS_PATH, UPLOADS_PATH},
};

/// Says whether a path belongs to photo files.
pub(crate) fn is_path(path: &str) -> bool {
    [UPLOADS_PATH, PHOTOS_PATH]
        .iter()
        .any(|p| path.strip_prefix(p).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

impl Headquarters {
    /// Takes a request whose connection ended before its body did, with what arrived of it. What a
    /// `PATCH` brought is kept; nobody is answered.
    pub fn handle_cut(&mut self, request: &http::Request) {
        if is_path(&request.path) {
            self.dock.keep_cut(&self.db, request);
        }
    }

    /// Asks for the original of a photo, as a member of staff; the phone learns it with its next
    /// sync. Asking again changes nothing.
    ///
    /// # Errors
    /// `NotFound` for an unknown visit, photo or member of staff, `NotAllowed` for a role that may
    /// not.
    pub fn want_original(&mut self, visit: DocId, photo: EventId, by: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            let (subject, _) =
                store::subject(tx, by)?.ok_or_else(|| HqError::NotFound(format!("staff {by}")))?;
            let stored = StoredDoc::find(tx, visit)?.filter(|_| visit.kind == DocKind::Visit);
            let view = stored.ok_or_else(|| HqError::NotFound(visit.to_string()))?.view()?;
            if view.get(&format!("photo/{photo}")).is_none() {
                return Err(HqError::NotFound(format!("photo {photo}")));
            }
            let key = format!("original_wanted/{photo}");
            // Whoever reads visits without making them: a phone is asked by headquarters alone.
            let spec = visit.kind.spec();
            if !spec.readers.has(subject.role) || spec.creators.has(subject.role) {
                return Err(HqError::NotAllowed(format!("{} may not ask for originals", subject.role.id())));
            }
            if view.get(&key).is_some() {
                return Ok(());
            }
            core.write(tx, visit, by, &[Edit::set(key, true)])?;
            crate::people::audit(tx, core.now(), by, "want_original", &format!("{visit} {photo}"))
        })
    }

    /// Throws away what nobody will go on with: uploads past their time and files of none.
    /// Finished files stay. Runs at every start and backup.
    pub fn sweep_uploads(&mut self) -> Result<(), HqError> {
        self.act(|tx, core| {
            let now = core.now();
            rows::expire(tx, now)
        })?;
        let open = rows::open_ids(&self.db)?;
        let swept = self.dock.folder.sweep(|id| open.contains(&id));
        swept.map(|_| ()).map_err(|e| HqError::Photos(e.to_string()))
    }
}

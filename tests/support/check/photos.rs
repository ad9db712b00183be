//! Photos and their files (I1, I6).

use super::{Fate, Phone, Town};
use crate::town::SavedPhoto;
use lanewalk_field::PartState;
use lanewalk_model::{
    chunk::{self, OpAction, Scalar},
    photo::{FileRef, PhotoPart, PhotoRecord},
};
use lanewalk_protocol::limits;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Every photo a phone called saved and whose record headquarters took in is there with its three
/// files, each with the right bytes; one whose record was refused is still on its phone. Equal files
/// lie there once, and nothing else lies there.
pub(super) fn law_1_no_photo_lost(town: &Town) -> u64 {
    let folder = town.photo_folder();
    let deposited = deposited_photos(town);
    let mut named = BTreeSet::new();
    let mut arrived = 0;
    for saved in &town.photos {
        let phone = &town.phones[saved.phone];
        let key = format!("photo/{}", saved.photo);
        let view = town.network.hq(|hq| hq.document(saved.visit).unwrap());
        let record = view.as_ref().and_then(|v| v.text(&key));
        let taken = record.is_some();
        let Some(record) = record.or(deposited.get(&key).map(String::as_str)) else {
            let here = phone.fate != Fate::Wiped && holds(phone, saved, PhotoPart::Thumbnail, &folder);
            assert!(
                here || saved.gone || phone.fate == Fate::Wiped && town.restores > 0,
                "LOST: photo {} of {} (phone {}, {:?}) is nowhere",
                saved.photo,
                phone.worker,
                saved.phone,
                phone.fate
            );
            continue;
        };
        let record: PhotoRecord = serde_json::from_str(record).unwrap();
        let mut whole = true;
        for (part, file) in record.parts() {
            named.insert(file.sha256.to_string());
            match std::fs::read(at(&folder, file)) {
                Ok(bytes) => assert_eq!(FileRef::of(&bytes), file, "{} of photo {}", part.id(), saved.photo),
                Err(_) if saved.gone => whole = false,
                // What a wiped phone had delivered went with headquarters' disk.
                Err(_) if phone.fate == Fate::Wiped && town.restores > 0 => whole = false,
                // Its phone may not bring it any more, and still has it.
                Err(_) if !phone.works() && has_files(phone) => whole = false,
                // What a restored headquarters lost again it has too, and has not been told.
                Err(_) if !phone.works() && town.restores > 0 && holds(phone, saved, part, &folder) => {
                    whole = false;
                }
                Err(e) => panic!(
                    "LOST: {} of photo {} of {} (phone {}, {:?}): {e}",
                    part.id(),
                    saved.photo,
                    phone.worker,
                    saved.phone,
                    phone.fate
                ),
            }
        }
        arrived += u64::from(whole && taken);
    }
    for entry in std::fs::read_dir(&folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name.len() == 2 {
            for file in std::fs::read_dir(&path).unwrap() {
                let name = file.unwrap().file_name().to_string_lossy().into_owned();
                assert!(named.contains(&name), "{name} at headquarters belongs to no saved photo");
            }
        }
    }
    for phone in town.phones.iter().filter(|p| p.works()) {
        let left = phone.field().storage().unwrap();
        let refused = phone.field().quarantine().unwrap().len();
        assert!(left.unsent_files == 0 || refused > 0, "{} still has files to send: {left:?}", phone.worker);
    }
    arrived
}

/// Says whether a phone has files that headquarters lacks.
fn has_files(phone: &Phone) -> bool {
    phone.fate != Fate::Wiped && phone.field().storage().unwrap().unsent_files > 0
}

/// Says whether a phone still has a file of a photo, or gave it up since headquarters has the same bytes
/// of another photo.
fn holds(phone: &Phone, saved: &SavedPhoto, part: PhotoPart, folder: &Path) -> bool {
    let photos = phone.field().photos(saved.visit).unwrap_or_default();
    let mut parts = photos.iter().filter(|p| p.id == saved.photo).flat_map(|p| &p.parts);
    let there = parts.find(|(p, ..)| *p == part).is_some_and(|(_, file, state)| match state {
        PartState::GivenUp => at(folder, *file).exists(),
        PartState::Lost(_) | PartState::Elsewhere => false,
        PartState::Waiting { .. } | PartState::Sent | PartState::RecordRefused => true,
    });
    // The visit may have left the phone.
    there || phone.field().photo_bytes(saved.photo, part).is_ok()
}

/// Returns where headquarters keeps a file.
fn at(folder: &Path, file: FileRef) -> PathBuf {
    let hex = file.sha256.to_string();
    folder.join(hex.get(..2).unwrap()).join(&hex)
}

/// Photos' records that revoked devices delivered, by their key: they lie in the log outside the
/// documents, and their files in the folder (F29).
fn deposited_photos(town: &Town) -> BTreeMap<String, String> {
    town.network.hq(|hq| {
        let mut s = hq.reader().prepare("SELECT change FROM log WHERE refused = 'revoked'").unwrap();
        let rows = s.query_map([], |r| r.get::<_, Vec<u8>>(0)).unwrap();
        let changes: Vec<Vec<u8>> = rows.collect::<Result<_, _>>().unwrap();
        let ops = changes.iter().flat_map(|c| chunk::read_change(c, &limits::HQ_CHANGE).unwrap().ops);
        let photos = ops.filter_map(|op| match op.action {
            OpAction::Set(Scalar::Text(record)) if op.key.starts_with("photo/") => Some((op.key, record)),
            _ => None,
        });
        photos.collect()
    })
}

//! Real photos, where the machine has them; they are nobody's to copy into a repository.

use lanewalk_media::{Limits, MediaError, intake};
use std::{fs, path::PathBuf};

#[test]
fn real_photos_are_taken_in() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/photos");
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("no real photos here, nothing tested");
        return;
    };
    let mut landscapes = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let result = intake(&path, None, &Limits::default());
        if name.ends_with(".HEIC") {
            assert_eq!(result, Err(MediaError::TranscodeFirst { format: "heic" }), "{name}");
            continue;
        }
        let out = result.unwrap_or_else(|e| panic!("{name}: {e}"));
        eprintln!("{name}: {} × {}, {:?}, {:?}", out.width, out.height, out.phash, out.exif);
        assert!(out.phash.is_some(), "{name}");
        if name.starts_with("landscape") {
            assert!(out.width > out.height, "{name} lies on its side");
            landscapes.extend(out.phash);
        }
    }
    // One scene, stored in several orientations.
    for pair in landscapes.windows(2) {
        let bits = (pair[0].0 ^ pair[1].0).count_ones();
        assert!(bits <= 10, "{bits} bits apart, not turned upright");
    }
}

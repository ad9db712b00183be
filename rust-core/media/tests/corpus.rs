//! Replays what fuzzing found interesting; the checks are those of the fuzz targets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../../../tests/fuzz/checks/exif.rs"]
mod exif;
#[path = "../../../tests/fuzz/checks/header.rs"]
mod header;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = format!("{}/../../tests/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    assert!(files.len() >= 10, "{} files for {target}", files.len());
    for file in files {
        check(&std::fs::read(file).unwrap());
    }
}

#[test]
fn exif_blocks() {
    replay("exif", exif::check);
}

#[test]
fn headers() {
    replay("header", header::check);
}

//! Replays what fuzzing found interesting; the checks are those of the fuzz targets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../../../tests/fuzz/checks/tus.rs"]
mod tus;

#[test]
fn tus_headers() {
    let folder = format!("{}/../../tests/fuzz/corpus/tus", env!("CARGO_MANIFEST_DIR"));
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    assert!(files.len() >= 10, "{} files", files.len());
    for file in files {
        tus::check(&std::fs::read(file).unwrap());
    }
}

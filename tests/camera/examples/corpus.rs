//! Writes small good and broken files into a folder, as seeds for fuzzing: `corpus FOLDER`.

use lanewalk_camera::{ExifBlock, Shot, broken};
use std::path::Path;

fn main() {
    let folder = std::env::args().nth(1).expect("a folder");
    let exif = Some(ExifBlock { make: "Lanewalk".into(), ..ExifBlock::default() });
    let good = Shot { seed: 1, width: 40, height: 32, quality: 40, exif, ..Shot::default() };
    let progressive = Shot { progressive: true, ..good.clone() };
    let restarts = Shot { restart: 1, ..good.clone() };
    let mut files = vec![
        ("good", good.jpeg()),
        ("good-progressive", progressive.jpeg()),
        ("good-restarts", restarts.jpeg()),
    ];
    let bytes = good.jpeg();
    files.extend(broken::all(&bytes).into_iter().chain(broken::trailers(&bytes)));
    for (name, bytes) in files {
        // Large ones teach a fuzzer nothing that a small one does not.
        if bytes.len() <= 4_096 {
            std::fs::write(Path::new(&folder).join(name), bytes).expect("a file");
        }
    }
}

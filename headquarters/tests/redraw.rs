//! Received pictures in real worker processes: what is shown is drawn anew, and a picture that
//! does harm does it to its own process, once.
//!
//! The worker is this test binary itself, see [`worker_process`].
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use lanewalk_camera::{ExifBlock, Shot};
use lanewalk_headquarters::{
    gate::WorkerCommand,
    photos::{
        Folder, RedrawError, Redrawer,
        redraw::{draw, worker_with},
    },
};
use lanewalk_model::{id::Hash, photo::FileRef};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File},
    time::Duration,
};

/// Pictures that begin with this make the worker of the tests misbehave.
const EVIL: &[u8] = b"evil:";

/// Not a test: the body of the worker process. The test harness prints on standard output, so
/// answers go to descriptor 3.
#[test]
#[ignore = "body of the worker process"]
fn worker_process() {
    let Ok(answers) = File::options().write(true).open("/dev/fd/3") else { return };
    let _ = worker_with(answers, misbehave);
}

fn misbehave(bytes: &[u8], edge: u32) -> Result<Vec<u8>, &'static str> {
    match bytes.strip_prefix(EVIL) {
        Some(b"abort") => std::process::abort(),
        Some(b"exit") => std::process::exit(0),
        Some(b"panic") => panic!("on purpose"),
        Some(b"spin") => loop {
            std::hint::spin_loop();
        },
        Some(b"hoard") => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1_u8; 1 << 24]);
            }
        }
        Some(b"babble") => Ok(vec![0; 5 << 20]),
        Some(b"half") => {
            use std::io::Write as _;
            let mut answers = File::options().write(true).open("/dev/fd/3").unwrap();
            answers.write_all(b"+\0\0\0\x10half").unwrap();
            std::process::exit(0)
        }
        Some(b"markup") => Err("<script>"),
        _ => draw(bytes, edge),
    }
}

struct Scene {
    dir: tempfile::TempDir,
    redrawer: Redrawer,
}

fn scene() -> Scene {
    let me = std::env::current_exe().unwrap().display().to_string();
    let script = r#"exec "$0" --exact worker_process --ignored --nocapture 3>&1 1>/dev/null"#;
    redrawer(WorkerCommand { program: "/bin/sh".into(), args: ["-c".into(), script.into(), me].into() })
}

fn redrawer(command: WorkerCommand) -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::beside(&dir.path().join("hq.db"), 0);
    // Long enough for a loaded machine; only the spinning worker waits for it.
    let redrawer = Redrawer::new(folder, command).with_deadline(Duration::from_secs(10));
    Scene { dir, redrawer }
}

impl Scene {
    fn put(&self, bytes: &[u8]) -> FileRef {
        let file = FileRef { sha256: Hash(Sha256::digest(bytes).into()), bytes: bytes.len() as u64 };
        let path = Folder::beside(&self.dir.path().join("hq.db"), 0).path(file.sha256);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        file
    }
}

#[test]
fn a_copy_is_drawn_anew_without_what_hung_on_it() {
    let scene = scene();
    let exif = ExifBlock { make: "GEHEIM".into(), ..ExifBlock::default() };
    let shot = Shot { width: 800, height: 600, exif: Some(exif), ..Shot::default() }.jpeg();
    assert!(shot.windows(6).any(|w| w == b"GEHEIM"));
    let file = scene.put(&shot);
    let small = scene.redrawer.copy(file, 320).unwrap();
    assert!(small.starts_with(&[0xff, 0xd8]) && small.ends_with(&[0xff, 0xd9]));
    assert!(!small.windows(6).any(|w| w == b"GEHEIM" || w == b"Exif\0\0"));
    assert!(small.len() < shot.len());
    let large = scene.redrawer.copy(file, 2_048).unwrap();
    assert!(large.len() > small.len(), "each size is its own");
    // The second time nobody draws, whatever has become of the file.
    fs::remove_file(Folder::beside(&scene.dir.path().join("hq.db"), 0).path(file.sha256)).unwrap();
    assert_eq!(scene.redrawer.copy(file, 320).unwrap(), small);
    assert!(matches!(scene.redrawer.copy(file, 100), Err(RedrawError::NotHere)));
}

#[test]
fn what_is_no_picture_says_so_by_its_code() {
    let scene = scene();
    let shot = Shot { width: 320, height: 240, ..Shot::default() }.jpeg();
    let long = Shot { width: 2_400, height: 40, ..Shot::default() }.jpeg();
    for (bytes, code) in [
        (long.as_slice(), "too_long"),
        (&shot[..shot.len() / 2], "truncated"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported"),
        (b"", "unsupported"),
    ] {
        let file = scene.put(bytes);
        for _ in 0..2 {
            let refused = scene.redrawer.copy(file, 320).unwrap_err();
            assert!(matches!(&refused, RedrawError::NotAPicture(c) if c == code), "{refused:?} {code}");
        }
    }
}

#[test]
fn a_picture_that_does_harm_does_it_twice_at_most_and_to_its_own_process() {
    let scene = scene();
    let mut files = Vec::new();
    for word in ["abort", "exit", "panic", "hoard", "babble", "half", "markup", "spin"] {
        let file = scene.put(&[EVIL, word.as_bytes()].concat());
        // Twice: the first time the machine may have been to blame.
        for _ in 0..2 {
            let refused = scene.redrawer.copy(file, 320).unwrap_err();
            assert!(matches!(refused, RedrawError::Harmful), "{word}: {refused:?}");
        }
        files.push(file);
    }
    // Remembered: a worker that cannot even be started is not asked.
    let gone = WorkerCommand { program: "/nonexistent".into(), args: Vec::new() };
    let folder = Folder::beside(&scene.dir.path().join("hq.db"), 0);
    let other = Redrawer::new(folder, gone);
    for file in files {
        assert!(matches!(other.copy(file, 320), Err(RedrawError::Harmful)));
    }
    // An honest picture is not blamed for a missing worker, and is drawn when there is one.
    let shot = scene.put(&Shot { width: 320, height: 240, ..Shot::default() }.jpeg());
    assert!(matches!(other.copy(shot, 320), Err(RedrawError::Folder(_))));
    assert!(scene.redrawer.copy(shot, 320).is_ok());
}

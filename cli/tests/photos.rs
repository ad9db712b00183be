//! Real processes killed with SIGKILL while they take a photo in and while they send it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod terminal;

use lanewalk_camera::Shot;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Child, Stdio},
};
use terminal::{Server, ids, lanewalk, phone};

/// Names of the files in a folder, none when it is not there.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

fn start(data: &Path, words: &[&str]) -> Child {
    lanewalk().arg("phone").arg("--data").arg(data).args(words).stdout(Stdio::piped()).spawn().unwrap()
}

/// Kills a process as soon as something is so, or lets it end. Returns what it had printed.
fn kill_when(mut process: Child, so: impl Fn() -> bool) -> String {
    while process.try_wait().unwrap().is_none() {
        if so() {
            process.kill().unwrap();
            break;
        }
        std::thread::yield_now();
    }
    String::from_utf8(process.wait_with_output().unwrap().stdout).unwrap()
}

/// Lines of the list that begin with a photo's id.
fn listed(text: &str) -> BTreeSet<String> {
    let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    text.lines().map(first).filter(|w| w.len() == 32 && w.bytes().all(|b| b.is_ascii_hexdigit())).collect()
}

#[test]
fn killed_while_taking_and_while_sending_no_photo_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("phone");
    let mut server = Server::start(dir.path().join("hq"));
    server.enrol(&data, "gw-03");
    let list = phone(&data, &["list"]);
    let order = *ids(&list).first().expect("an order");
    phone(&data, &["visit", order]);
    phone(&data, &["sync"]);

    let (sealed, camera) = (data.join("photos"), data.join("camera"));
    let mut said = BTreeSet::new();
    let mut attempts = 0;
    // Killed with the ticket written, the camera's file there, files half sealed, and after each
    // sealed file; then once not at all.
    for step in 0..7_usize {
        let photo: PathBuf = dir.path().join(format!("{step}.jpg"));
        std::fs::write(
            &photo,
            Shot { seed: step as u64, width: 1_600, height: 1_200, ..Shot::default() }.jpeg(),
        )
        .unwrap();
        let before = names(&sealed);
        let process = start(&data, &["photo", "add", order, photo.to_str().unwrap(), "--camera"]);
        let text = kill_when(process, || {
            let now = names(&sealed);
            let fresh = || now.difference(&before);
            match step {
                0 => !names(&camera).is_empty(),
                1 => fresh().any(|name| name.ends_with(".part")),
                2..5 => fresh().filter(|name| !name.ends_with(".part")).count() + 1 >= step,
                _ => false,
            }
        });
        attempts += 1;
        said.extend(listed(&text.replace("photo saved:", "photo saved:\n")));
        // The next start finds the ticket and what the camera had written.
        let claimed = phone(&data, &["photo", "claim"]);
        said.extend(listed(&claimed.replace("photo saved:", "photo saved:\n")));
        assert!(names(&camera).is_empty(), "step {step}: a plain photo stays behind: {claimed}");
        let here = listed(&phone(&data, &["photo", "list", order]));
        assert!(said.is_subset(&here), "step {step}: said to be saved and not there");
        // Only a kill before the camera's file was whole may leave none.
        assert!(here.len() + 2 >= attempts, "step {step}: {} of {attempts}", here.len());
    }
    let photos = listed(&phone(&data, &["photo", "list", order]));
    assert!(photos.len() >= 5, "{photos:?}");
    phone(&data, &["sync"]);

    // Killed as soon as headquarters has something new of a file, again and again.
    let folder = server.data.join("photos");
    let lies = || -> (usize, u64) {
        let (mut count, mut bytes) = (0, 0);
        for entry in names(&folder) {
            for name in names(&folder.join(&entry)) {
                count += 1;
                bytes += std::fs::metadata(folder.join(&entry).join(name)).map_or(0, |m| m.len());
            }
        }
        (count, bytes)
    };
    let wanted = photos.len() * 3;
    let mut kills = 0;
    for _ in 0..wanted * 3 {
        let before = lies();
        let text = kill_when(start(&data, &["photo", "send"]), || lies() != before);
        if text.contains("delivered") {
            break;
        }
        kills += 1;
    }
    assert!(kills >= 5, "{kills} kills prove little");
    phone(&data, &["photo", "send"]);
    let text = phone(&data, &["photo", "list", order]);
    assert_eq!(text.matches("at headquarters").count(), wanted, "{text}");
    let files: BTreeSet<String> =
        names(&folder).iter().filter(|f| f.len() == 2).flat_map(|f| names(&folder.join(f))).collect();
    assert_eq!(files.len(), wanted, "each file once");
    for name in &files {
        let bytes = std::fs::read(folder.join(name.get(..2).unwrap()).join(name)).unwrap();
        assert_eq!(&lanewalk_model::photo::FileRef::of(&bytes).sha256.to_string(), name);
    }
    server.stop();
}

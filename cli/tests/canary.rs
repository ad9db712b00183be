//! F47: names, numbers and words of residents are where they belong and nowhere else.
//!
//! Canaries go through a whole town run: real processes of headquarters and a phone, one of them
//! killed in the middle of its writes. Then every byte that is left anywhere is looked through. They
//! may be in headquarters' database, which is plain SQLite on a guarded server, and there alone: a
//! phone's files are encrypted, and outputs, temporary files and addresses name nobody.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod terminal;

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};
use terminal::{ids, lanewalk};

const NAME: &str = "卡纳丽雀";
const PHONE: &str = "13799990421";
const WORDS: &str = "金丝雀巷八十八号地下室漏水";

/// Carries bytes and keeps all that came from the phone: TLS, so neither addresses nor bodies.
fn recorder(to: SocketAddr, listener: TcpListener) -> Arc<Mutex<Vec<u8>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || {
                let mut server = TcpStream::connect(to).unwrap();
                let (mut from, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let answers = std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut back);
                    let _ = back.shutdown(Shutdown::Both);
                });
                let mut buffer = [0; 64 << 10];
                while let Ok(n @ 1..) = client.read(&mut buffer) {
                    kept.lock().unwrap().extend_from_slice(&buffer[..n]);
                    if server.write_all(&buffer[..n]).is_err() {
                        break;
                    }
                }
                let _ = server.shutdown(Shutdown::Both);
                answers.join().unwrap();
            });
        }
    });
    heard
}

struct Town {
    root: PathBuf,
    /// Everything that any process said.
    said: Vec<u8>,
}

impl Town {
    fn program(&self, words: &[&str]) -> Command {
        let mut command = lanewalk();
        command.args(words).env("TMPDIR", self.root.join("tmp"));
        command
    }

    fn run(&mut self, words: &[&str]) -> String {
        let out = self.program(words).output().unwrap();
        let text = [out.stdout, out.stderr].concat();
        let said = String::from_utf8(text).unwrap();
        assert!(out.status.success(), "{words:?}: {said}");
        said
    }

    /// Runs something whose output nobody but its reader may need, and keeps it for the search.
    fn told(&mut self, words: &[&str]) -> String {
        let said = self.run(words);
        self.said.extend_from_slice(said.as_bytes());
        said
    }
}

/// Finds the canaries in bytes: as UTF-8, UTF-16 and hexadecimal.
fn found(bytes: &[u8], canary: &str) -> bool {
    let wide: Vec<u8> = canary.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hex: String = canary.bytes().map(|b| format!("{b:02x}")).collect();
    [canary.as_bytes(), &wide, hex.as_bytes()]
        .iter()
        .any(|form| bytes.windows(form.len()).any(|w| w == *form))
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.is_file() {
            into.push(path);
        }
    }
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn residents_are_named_in_headquarters_database_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut town = Town { root: dir.path().to_owned(), said: Vec::new() };
    fs::create_dir(dir.path().join("tmp")).unwrap();
    let (hq, phone) = (dir.path().join("hq"), dir.path().join("phone"));
    let (hq, phone) = (hq.to_str().unwrap().to_owned(), phone.to_str().unwrap().to_owned());
    let wire = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", wire.local_addr().unwrap());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = port.to_string();
    town.told(&["admin", "--data", &hq, "tls", "init", "--name", "127.0.0.1"]);
    let mut server = town
        .program(&["serve", "--data", &hq, "--demo-data", "--listen", &listen, "--url", &url])
        .stdout(Stdio::piped())
        .stderr(File::create(dir.path().join("server.err")).unwrap())
        .spawn()
        .unwrap();
    let mut spoken = BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("Ctrl-C") {
        line.clear();
        assert!(spoken.read_line(&mut line).unwrap() > 0, "the server did not start");
        town.said.extend_from_slice(line.as_bytes());
    }
    let heard = recorder(port, wire);

    let invited = town.told(&["admin", "--data", &hq, "invite", "gw-03"]);
    let text = invited.split_whitespace().find(|w| w.starts_with("lanewalk1:")).unwrap().to_owned();
    let shown = town.told(&["phone", "--data", &phone, "enrol", &text]);
    let fingerprint = shown.split("fingerprint: ").nth(1).unwrap().trim().to_owned();
    town.told(&["admin", "--data", &hq, "confirm", &fingerprint]);
    town.told(&["phone", "--data", &phone, "sync"]);
    // What a screen shows is for the worker's eyes; it is not kept.
    let list = town.run(&["phone", "--data", &phone, "list"]);
    let order = ids(&list)[0].to_owned();
    let grid = shown_grid(&town.told(&["phone", "--data", &phone, "status"]));
    town.told(&["phone", "--data", &phone, "person", NAME, PHONE, "--grid", &grid]);
    town.told(&["phone", "--data", &phone, "visit", &order, "--notes", WORDS]);
    town.told(&["phone", "--data", &phone, "sync"]);
    town.told(&["admin", "--data", &hq, "devices"]);

    // A phone that dies in the middle of its writes leaves its log beside the database.
    let mut dying = town
        .program(&["phone", "--data", &phone])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = dying.stdin.take().unwrap();
    for n in 0..20 {
        writeln!(input, "note {order} {WORDS}{n}").unwrap();
    }
    input.flush().unwrap();
    let mut output = dying.stdout.take().unwrap();
    let mut one = [0; 1];
    output.read_exact(&mut one).unwrap();
    kill(dying);
    assert!(Path::new(&phone).join("lanewalk.db-wal").exists(), "killed, so the log was not written back");
    kill(server);
    spoken.read_to_end(&mut town.said).unwrap();

    let database = Path::new(&hq).join("headquarters.db");
    let db = lanewalk_headquarters::store::open_reader(&database).unwrap();
    let mut canaries = vec![NAME.to_owned(), PHONE.to_owned(), WORDS.to_owned()];
    let mut requesters = db.prepare("SELECT phone FROM requesters WHERE length(phone) >= 11").unwrap();
    canaries.extend(requesters.query_map([], |r| r.get::<_, String>(0)).unwrap().map(Result::unwrap));
    assert!(canaries.len() > 3, "the demonstration's callers have numbers");

    // The access log names residents by keyed hashes only.
    let mut audit = db.prepare("SELECT * FROM audit").unwrap();
    let columns = audit.column_count();
    let lines: Vec<String> = audit
        .query_map([], |r| Ok((0..columns).map(|i| format!("{:?} ", r.get_ref(i).unwrap())).collect()))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(!lines.is_empty());

    let mut all = Vec::new();
    files(dir.path(), &mut all);
    let mut everything: Vec<(String, Vec<u8>)> = all
        .iter()
        .filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with("headquarters.db"))
        .map(|path| (path.display().to_string(), fs::read(path).unwrap()))
        .collect();
    assert!(everything.iter().any(|(name, bytes)| name.contains("lanewalk.db") && bytes.len() > 10_000));
    everything.push(("what programs said".into(), town.said.clone()));
    everything.push(("what went over the wire".into(), heard.lock().unwrap().clone()));
    everything.push(("the access log".into(), lines.concat().into_bytes()));
    let mut stray = Vec::new();
    for (place, bytes) in &everything {
        stray.extend(canaries.iter().filter(|c| found(bytes, c)).map(|c| format!("{c} in {place}")));
    }
    assert!(stray.is_empty(), "{stray:#?}");

    // The search finds what is there: headquarters' database holds them in clear.
    drop((requesters, audit));
    drop(db);
    let kept: Vec<u8> = ["", "-wal"]
        .iter()
        .flat_map(|end| fs::read(format!("{}{end}", database.display())).unwrap_or_default())
        .collect();
    for canary in &canaries {
        assert!(found(&kept, canary), "{canary} did not come through");
    }
}

fn shown_grid(status: &str) -> String {
    let grids = status.split("grids: ").nth(1).unwrap();
    grids.split_whitespace().next().unwrap().to_owned()
}

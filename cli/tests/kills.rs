//! F2, F13, F25: real processes of a phone and of headquarters, killed again and again.
//!
//! Invariant: what the phone had printed as saved is at headquarters in the end, once; what a phone
//! holds a receipt for is in headquarters' log at every moment; both stores are sound after every
//! kill. `KILL_CYCLES` says how many (300), `KILL_SEED` from which seed; seeds are printed, and one
//! replays the same acts and the same moments, as far as a scheduler does.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, unreachable_pub, dead_code)]

mod terminal;

use lanewalk_field::{Config, Field, StoreKey, SystemSource};
use lanewalk_model::id::from_hex;
use lanewalk_protocol::keys::{Algorithm, SoftSigner};
use rusqlite::{Connection, OpenFlags};
use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::Duration,
};
use terminal::{Server, lanewalk};

const GRID: &str = "370705005018001";
/// Cycles with one phone and one headquarters, before both begin anew: they do not grow for ever.
const CYCLES_A_TOWN: u64 = 300;
/// Acts that headquarters must have got, at least, for each cycle.
const ACTS_A_CYCLE: u64 = 2;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

/// A phone's process.
struct Phone {
    process: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Phone {
    fn start(data: &Path) -> Self {
        let mut process = lanewalk()
            .arg("demo-phone")
            .arg("--data")
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let (told, lines) = channel();
        // Ends with the process; half a line was not printed.
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = String::new();
            while output.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
                let _ = told.send(std::mem::take(&mut line).trim_end().to_owned());
            }
        });
        Self { process, input, lines }
    }

    /// Asks for all of it at once; a phone that was killed takes no more.
    fn ask(&mut self, asks: &[String]) {
        for ask in asks {
            writeln!(self.input, "{ask}").unwrap();
        }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What was promised.
#[derive(Default)]
struct Promises {
    saved: BTreeSet<String>,
    killed: [u64; 3],
    broken_syncs: u64,
}

impl Promises {
    /// Notes a line; true when the phone has done everything it was asked.
    fn hear(&mut self, line: &str) -> bool {
        if let Some(saved) = line.strip_prefix("saved ") {
            let hash = saved.split(' ').next().unwrap_or_default();
            assert!(self.saved.insert(hash.to_owned()), "saved twice: {line}");
        }
        assert!(!line.contains("Denied") && !line.contains("Failed"), "{line}");
        self.broken_syncs += u64::from(line.contains("\"ok\":false"));
        line == "\"Done\""
    }

    /// Listens until the phone is done or dead.
    fn hear_out(&mut self, phone: &Phone) {
        while let Ok(line) = phone.lines.recv() {
            if self.hear(&line) {
                return;
            }
        }
    }
}

/// Acts and syncs as they come, and a mark at the end.
fn burst(dice: &mut Dice, n: u64) -> Vec<String> {
    let mut asks = Vec::new();
    for _ in 0..=dice.below(3) {
        for _ in 0..=dice.below(3) {
            let text = format!("第 {n} 次：路灯不亮 {}", dice.below(1_000_000));
            let appeal = serde_json::json!({ "grid": GRID, "kind": "suggest", "text": text });
            asks.push(serde_json::json!({ "Act": { "Appeal": appeal } }).to_string());
        }
        asks.push("\"Sync\"".into());
    }
    asks.push("\"Mark\"".into());
    asks
}

/// Opens a phone that no process has, checks every page, and returns entries with a receipt and
/// entries that wait.
fn examine_phone(data: &Path) -> (u64, u64) {
    let keys: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(data.join("keys")).unwrap()).unwrap();
    let secret = |name: &str| from_hex::<32>(keys.get(name).unwrap().as_str().unwrap()).unwrap();
    let config = Config::new(data.to_owned(), StoreKey::new(secret("store")));
    let signer = SoftSigner::new(Algorithm::Ed25519, &secret("signer")).unwrap();
    let field = Field::open(config, Arc::new(SystemSource::new()), Arc::new(signer)).unwrap();
    field.check().unwrap();
    let status = field.status().unwrap();
    assert!(status.problems.is_empty(), "{:?}", status.problems);
    assert!(field.quarantine().unwrap().is_empty());
    field.close().unwrap();
    (status.acked, status.pending)
}

/// Checks headquarters' database and returns the hashes of phones' entries in its log.
fn examine_headquarters(data: &Path, whole: bool) -> BTreeSet<String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let db = Connection::open_with_flags(data.join("headquarters.db"), flags).unwrap();
    let pragma = if whole { "PRAGMA integrity_check" } else { "PRAGMA quick_check" };
    let verdict: String = db.query_row(pragma, [], |r| r.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let refused: u64 =
        db.query_row("SELECT count(*) FROM log WHERE refused IS NOT NULL", [], |r| r.get(0)).unwrap();
    assert_eq!(refused, 0, "nothing here may be refused");
    let mut of_phones = db
        .prepare(
            "SELECT lower(hex(l.hash)) FROM log l JOIN devices d ON d.n = l.device WHERE d.worker = 'gw-03'",
        )
        .unwrap();
    of_phones.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
}

struct Town {
    _dir: tempfile::TempDir,
    data: PathBuf,
    server: Server,
    phone: Phone,
    promises: Promises,
}

impl Town {
    fn start() -> Self {
        // A kill loses nothing that was written, synced or not: memory serves as well as a disk.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let (data, office) = (dir.path().join("phone"), dir.path().join("office"));
        let server = Server::start(office);
        server.enrol(&data, "gw-03");
        let phone = Phone::start(&data);
        Self { _dir: dir, data, server, phone, promises: Promises::default() }
    }

    fn cycle(&mut self, dice: &mut Dice, n: u64) {
        let asks = burst(dice, n);
        self.phone.ask(&asks);
        let (lines, extra) = (dice.below(asks.len() as u64), Duration::from_micros(dice.below(20_000)));
        let mut done = false;
        for _ in 0..lines {
            let Ok(line) = self.phone.lines.recv() else { panic!("the phone ended by itself") };
            done |= self.promises.hear(&line);
        }
        // A moment between two lines.
        match self.phone.lines.recv_timeout(extra) {
            Ok(line) => done |= self.promises.hear(&line),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the phone ended by itself"),
        }
        let whom = dice.below(3);
        *self.promises.killed.get_mut(usize::try_from(whom).unwrap()).unwrap() += 1;
        let (phone_dies, office_dies) = (whom != 1, whom != 0);
        if phone_dies {
            self.phone.kill();
        }
        if office_dies {
            self.server.kill();
        }
        if phone_dies || !done {
            self.promises.hear_out(&self.phone);
        }
        let at_office = office_dies.then(|| examine_headquarters(&self.server.data, false));
        if phone_dies {
            let (acked, _) = examine_phone(&self.data);
            let there = at_office
                .map_or_else(|| examine_headquarters(&self.server.data, false).len(), |hashes| hashes.len());
            assert!(acked <= there as u64, "{acked} receipts for {there} entries");
            self.phone = Phone::start(&self.data);
        }
        if office_dies {
            self.server.revive();
        }
    }

    /// Lets everything come to rest and compares.
    fn end(mut self) -> Promises {
        self.phone.ask(&["\"Sync\"".into(), "\"Sync\"".into(), "\"Mark\"".into(), "\"Quit\"".into()]);
        while self.phone.lines.recv().is_ok_and(|line| !self.promises.hear(&line)) {}
        self.phone.process.wait().unwrap();
        assert_eq!(examine_phone(&self.data).1, 0, "something still waits");
        self.server.stop();
        let there = examine_headquarters(&self.server.data, true);
        let lost: Vec<_> = self.promises.saved.difference(&there).collect();
        assert!(lost.is_empty(), "said to be saved and not at headquarters: {lost:?}");
        self.promises
    }
}

#[test]
fn kill_after_kill_loses_nothing() {
    let (cycles, first) = (number("KILL_CYCLES", 300), number("KILL_SEED", 1));
    let (mut done, mut saved, mut killed, mut broken_syncs) = (0, 0, [0; 3], 0);
    let mut seed = first;
    while done < cycles {
        println!("KILL_SEED={seed}");
        let (mut dice, mut town) = (Dice(seed), Town::start());
        let here = CYCLES_A_TOWN.min(cycles - done);
        for n in 0..here {
            town.cycle(&mut dice, n);
        }
        let promises = town.end();
        (done, seed) = (done + here, seed + 1);
        saved += promises.saved.len() as u64;
        broken_syncs += promises.broken_syncs;
        killed.iter_mut().zip(promises.killed).for_each(|(sum, more)| *sum += more);
    }
    let [phones, offices, both] = killed;
    println!(
        "{done} cycles: {phones} kills of the phone, {offices} of headquarters, {both} of both; \
         {saved} acts said to be saved, 0 lost; {broken_syncs} syncs broke"
    );
    assert_eq!((done, phones + offices + both), (cycles, cycles));
    // A loop that kills idle processes proves nothing.
    assert!(saved >= cycles * ACTS_A_CYCLE, "{saved} acts in {cycles} cycles");
    assert!(cycles < 30 || killed.iter().all(|n| *n >= cycles / 6), "{killed:?}");
    assert!(broken_syncs * 20 >= cycles, "{broken_syncs} syncs met a dead headquarters");
}

//! A thousand phones that come at once after an outage (F24).

use crate::house::bind;
use lanewalk_headquarters::{
    Headquarters, Settings,
    gate::InProcess,
    server::{self, Desk},
    store::Place,
};
use std::{collections::BTreeSet, path::Path, sync::Arc, sync::mpsc, time::Instant};
use support::{
    crowd::{Caller, Heard},
    hostile::AUTHORITY,
};

const PHONES: u16 = 1_000;
/// What each wrote while headquarters was away.
const VISITS: usize = 2;
/// The process that holds headquarters, its thousand callers and the other tests beside them.
const MOST_MEMORY_KB: u64 = 512 << 10;

fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// All of them connect and push at the same moment, from addresses of their own, to a headquarters
/// that works on nothing before it has turned somebody away. Whoever is told to wait comes again in
/// the next wave; nobody is told anything else, and everybody's work arrives once.
#[test]
fn a_thousand_phones_at_once_are_all_served() {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let database = dir.path().join("hq.db");
    let settings = Settings { public_url: format!("http://{AUTHORITY}"), ..Settings::default() };
    let source = Arc::new(lanewalk_headquarters::SystemSource);
    let place = Place::File(database.clone());
    let mut hq = Headquarters::open(&place, settings, source, Box::new(InProcess)).unwrap();
    let begun = Instant::now();
    let mut callers: Vec<Caller> = (0..PHONES).map(|n| Caller::enrol(&mut hq, n)).collect();
    let enrolled = begun.elapsed();
    for (caller, n) in callers.iter_mut().zip(0..) {
        (0..VISITS).for_each(|_| caller.write(n));
    }
    let (desk, _writer) = Desk::start(hq).unwrap();
    let listener = bind(0);
    let address = listener.local_addr().unwrap();
    let router = server::router(desk.clone(), database);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.spawn(server::serve(router, listener, std::future::pending()));

    // The writer stands still until somebody was refused.
    let (refused, wait_for_refusal) = mpsc::channel();
    let (stands, wait_for_stand) = mpsc::channel();
    let held = {
        let desk = desk.clone();
        let stand = move |_: &mut Headquarters| {
            stands.send(()).unwrap();
            wait_for_refusal.recv().unwrap();
        };
        std::thread::spawn(move || desk.run(stand).unwrap())
    };
    wait_for_stand.recv().unwrap();
    let (mut waves, mut waits) = (0, 0);
    let (mut due, mut served) = (callers, Vec::new());
    while !due.is_empty() {
        waves += 1;
        assert!(waves < 20, "{} phones are still told to wait", due.len());
        let tasks: Vec<_> = due
            .drain(..)
            .map(|mut caller| {
                let refused = refused.clone();
                runtime.spawn(async move {
                    let mut turned_away = 0;
                    loop {
                        match caller.sync(address).await {
                            Heard::Page(true) => {}
                            Heard::Page(false) => return (caller, turned_away),
                            Heard::Wait(seconds) => {
                                assert!((1..=900).contains(&seconds), "{seconds}");
                                let _ = refused.send(());
                                turned_away += 1;
                                return (caller, turned_away);
                            }
                            Heard::Broken => panic!("an answer broke off"),
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            let (mut caller, turned_away) = runtime.block_on(task).unwrap();
            waits += turned_away;
            // Places are for those who come next.
            caller.hang_up();
            if turned_away > 0 { due.push(caller) } else { served.push(caller) }
        }
    }
    held.join().unwrap();
    let acknowledged: BTreeSet<String> =
        served.iter().flat_map(|c| &c.acknowledged).map(|(_, hash)| hash.to_string()).collect();
    let there: BTreeSet<String> = desk
        .run(|hq| {
            let mut log =
                hq.reader().prepare("SELECT lower(hex(hash)) FROM log WHERE refused IS NULL").unwrap();
            log.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
        })
        .unwrap();
    println!(
        "{} phones enrolled in {enrolled:.1?}, served after {:.1?} in {waves} waves; {waits} times told to wait; \
         {} acts acknowledged; peak of the process {} MB",
        served.len(),
        begun.elapsed(),
        acknowledged.len(),
        peak_kb() >> 10
    );
    assert_eq!((served.len(), acknowledged.len()), (usize::from(PHONES), usize::from(PHONES) * VISITS));
    assert!(served.iter().all(|caller| caller.unsent() == 0));
    assert!(acknowledged.is_subset(&there), "acknowledged and not in the log");
    assert!(waits > 0, "nobody was told to wait");
    assert!(peak_kb() <= MOST_MEMORY_KB, "{} kB", peak_kb());
}

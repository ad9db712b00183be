//! Honest changes, bent, as entries of a valid chain through the whole of headquarters (F38).

use crate::{note, order, town, visit};
use lanewalk_forge::Mutator;
use lanewalk_model::{document::Edit, schema::DocKind};
use lanewalk_protocol::{batch::EntryBatch, entry::Entry};
use std::collections::BTreeMap;
use support::{check, hostile::Device};

/// Entries of a normal run; the variable `LANEWALK_MUTANTS` asks for more.
const MUTANTS: u64 = 6_000;
const SEED: u64 = 0x5eed_0000_0000_0038;
/// Entries a push.
const PUSH: u64 = 50;

/// Whatever comes in, the log explains every document, every phone shows the same, and honest
/// work goes on.
#[test]
fn bent_entries_harm_neither_documents_nor_phones() {
    let mut town = town();
    town.settle();
    let mutants = std::env::var("LANEWALK_MUTANTS").map_or(MUTANTS, |n| n.parse().unwrap());
    let started = std::time::Instant::now();
    let mut census = BTreeMap::<String, u64>::new();
    let cell = town.cells[0].clone();
    town.network.hq(|hq| {
        let mut device = Device::enrol(hq, "gw-01", 71);
        let mut ours = order(hq, &cell, "gw-01");
        device.pull(hq);
        let mut random = Mutator::new(SEED);
        let (mut pushed, mut made, mut fresh) = (0, 0, 10_000);
        while pushed < mutants {
            let mut entries = Vec::new();
            for _ in 0..PUSH {
                made += 1;
                device.fresh_actor();
                let (id, edits) = match random.below(3) {
                    0 => (device.new_id(DocKind::Visit), visit("gw-01", &cell)),
                    1 => (ours, vec![note(made), Edit::set("severity", (made % 4) as i64)]),
                    _ => (ours, vec![Edit::set("verified_facts", format!("第{made}次").as_str())]),
                };
                let before = device.docs.get(&id).cloned();
                let honest = device.write(id, &edits);
                let donor = entries.last().map_or(honest.clone(), |e: &Entry| e.change.clone());
                let bent = random.mutate(&honest, &donor);
                // What headquarters makes of it, it tells with the next page.
                match before {
                    Some(doc) => device.docs.insert(id, doc),
                    None => device.docs.remove(&id),
                };
                entries.push(device.entry(id, bent));
            }
            // Some bytes are no change at all and cannot be packed as one; their chain is left out.
            let sent: Vec<_> = sendable(&mut device, entries);
            pushed += sent.len() as u64;
            let refused = device.sync(hq, &sent);
            *census.entry("accepted".into()).or_default() += (sent.len() - refused.len()) as u64;
            refused.into_values().for_each(|code| *census.entry(code).or_default() += 1);
            if pushed > fresh {
                // No document is to fill up in a long run.
                fresh += 10_000;
                ours = order(hq, &cell, "gw-01");
            }
            device.learn(hq, ours);
        }
        device.fresh_actor();
        device.learn(hq, ours);
        let honest = device.act(ours, &[note(9_999_999)]);
        assert!(device.sync(hq, &[honest]).is_empty(), "honest work after all that");
    });
    let rate = mutants as f64 / started.elapsed().as_secs_f64();
    println!("seed {SEED:#x}, {mutants} bent entries, {rate:.0} a second: {census:?}");
    assert!(census.values().sum::<u64>() >= mutants);
    assert!(census["accepted"] > mutants / 50, "too few accepted to test anything: {census:?}");
    assert!(census.len() > 5, "too few ways to be refused: {census:?}");
    town.settle();
    check::laws(&town);
}

/// Chains again what can travel: a batch carries only what has the parts of a change.
fn sendable(device: &mut Device, entries: Vec<Entry>) -> Vec<Entry> {
    let first = &entries[0].header;
    device.chain = (first.seq - 1, first.prev);
    let kept = entries.into_iter().filter(|e| EntryBatch::pack(std::slice::from_ref(e)).is_ok());
    kept.map(|e| device.entry(e.header.doc, e.change)).collect()
}

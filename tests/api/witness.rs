//! Devices that say false things about headquarters' log (F46).

use crate::{note, order, town};
use lanewalk_headquarters::Headquarters;
use lanewalk_model::id::Hash;
use lanewalk_protocol::{
    keys::{Algorithm, SoftSigner},
    sync::{CheckpointUpdate, Contradiction, HeldHead, SyncRequest},
    tlog::{Checkpoint, TreeHead, merkle},
};
use support::hostile::Device;

fn plain(hq: &mut Headquarters, device: &mut Device) -> Option<CheckpointUpdate> {
    let body = device.body(&[]);
    ask(hq, device, &body)
}

fn ask(hq: &mut Headquarters, device: &mut Device, body: &SyncRequest) -> Option<CheckpointUpdate> {
    let page = device.ask(hq, body).page();
    let update = page.checkpoint.clone();
    device.take(page);
    update
}

fn grow(hq: &mut Headquarters, cells: &[String]) {
    order(hq, &cells[0], "gw-01");
}

/// Whatever head a device claims, the answer is signed, small, and proves what can be proven.
#[test]
fn any_claimed_head_gets_an_answer() {
    let town = town();
    town.network.hq(|hq| {
        let mut device = Device::enrol(hq, "gw-01", 11);
        let first = plain(hq, &mut device).unwrap();
        first.checkpoint.verify(&device.hq_key).unwrap();
        assert!(first.consistency.is_empty(), "nothing is held yet");
        grow(hq, &town.cells);
        let TreeHead { size, root, hq_epoch, .. } = first.checkpoint.head;
        let mut held = |hq: &mut Headquarters, size, root, hq_epoch| {
            let body = SyncRequest { held: Some(HeldHead { size, root, hq_epoch }), ..device.body(&[]) };
            ask(hq, &mut device, &body)
        };
        let update = held(hq, size, root, hq_epoch).unwrap();
        let new = update.checkpoint.head;
        let proven = merkle::verify_consistency((size, &root), (new.size, &new.root), &update.consistency);
        assert_eq!(proven, Ok(()));
        assert!(held(hq, new.size, new.root, new.hq_epoch).is_none(), "nothing new, nothing sent");
        for claimed in [0, 1, size - 1, new.size, new.size + 1, u64::MAX] {
            for epoch in [0, hq_epoch, hq_epoch + 1, u64::MAX] {
                let update = held(hq, claimed, Hash([7; 32]), epoch).unwrap();
                assert!(update.consistency.len() <= merkle::MAX_PROOF);
                let gone = claimed == 0 || claimed >= new.size || epoch != hq_epoch;
                assert_eq!(update.consistency.is_empty(), gone, "{claimed} {epoch}");
            }
        }
    });
}

/// Two honest checkpoints, forged ones, and many of them: nothing is kept but what headquarters
/// signed and cannot explain, and of that a handful.
#[test]
fn what_contradicts_nothing_is_not_kept() {
    let town = town();
    town.network.hq(|hq| {
        let mut device = Device::enrol(hq, "gw-01", 12);
        let early = plain(hq, &mut device).unwrap().checkpoint;
        grow(hq, &town.cells);
        let late = plain(hq, &mut device).unwrap().checkpoint;
        let mut forged = early.clone();
        forged.head.root = Hash([1; 32]);
        let own = SoftSigner::new(Algorithm::Ed25519, &[5; 32]).unwrap();
        let own = forged.head.sign(&own).unwrap();
        let mut tell = |hq: &mut Headquarters, held: &Checkpoint, seen: &Checkpoint| {
            let pair = Contradiction { held: held.clone(), seen: seen.clone() };
            let body = SyncRequest { contradiction: Some(pair), ..device.body(&[]) };
            ask(hq, &mut device, &body);
        };
        for (held, seen) in
            [(&early, &late), (&late, &early), (&forged, &late), (&own, &late), (&early, &early)]
        {
            tell(hq, held, seen);
        }
        assert_eq!(hq.contradictions().unwrap(), []);
        // Signed by headquarters' key and of no history of it: what a stolen key or a rewriting leaves.
        let secret: [u8; 32] = hq
            .reader()
            .query_row("SELECT value FROM meta WHERE key = 'signing_key'", [], |r| r.get(0))
            .unwrap();
        let key = SoftSigner::new(Algorithm::Ed25519, &secret).unwrap();
        for n in 0..40 {
            let strange = TreeHead { root: Hash([n; 32]), ..early.head }.sign(&key).unwrap();
            tell(hq, &strange, &late);
        }
        let kept = hq.contradictions().unwrap();
        assert_eq!(kept.len(), 16);
        assert!(kept.iter().all(|c| c.device == device.id && c.seen == late.to_note(&device.hq_key)));
        let lines: i64 = hq
            .reader()
            .query_row("SELECT count(*) FROM audit WHERE what = 'history_contradicted'", [], |r| r.get(0))
            .unwrap();
        assert_eq!(lines, 16);
        let order = order(hq, &town.cells[0], "gw-01");
        device.pull(hq);
        device.learn(hq, order);
        let entry = device.act(order, &[note(1)]);
        assert!(device.sync(hq, &[entry]).is_empty(), "its work comes in all the same");
    });
}

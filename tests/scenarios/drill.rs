//! The drill of FAULTS.md §d.16: a backup counts when it was restored, and after a loss phones bring
//! back what it lacked (F26, I2).

use super::*;
use support::check;

fn horizon(town: &Town) -> u64 {
    town.network.hq(|hq| {
        let sql = "SELECT coalesce((SELECT value FROM meta WHERE key = 'durable_index'), x'')";
        let bytes: Vec<u8> = hq.reader().query_row(sql, [], |r| r.get(0)).unwrap();
        bytes.try_into().map_or(0, u64::from_be_bytes)
    })
}

/// Backup, more acts, the disk is lost, restore, phones rejoin: nothing that was acknowledged is
/// missing, and everybody has the same state.
#[test]
fn a_lost_headquarters_comes_back_from_its_backup() {
    let mut town = town(801, 12);
    let before = town.network.hq(|hq| hq.check_log().unwrap().size);
    let backup = town.backup_hq();
    assert_eq!(horizon(&town), before, "the copy was restored and its log read");
    for _ in 0..12 {
        for phone in [A, OTHER, B] {
            town.clock.advance(60_000);
            town.act(phone);
            town.photograph(phone);
        }
    }
    town.settle();
    let acked: u64 = town.phones.iter().map(|p| p.field().status().unwrap().last_seq).sum();
    let lost = town.network.hq(|hq| hq.check_log().unwrap());
    assert!(lost.size > before && acked > 0);
    // What the phones hold receipts for is kept until a backup reaches it.
    for phone in &town.phones {
        phone.field().purge().unwrap();
    }
    town.restore_hq(&backup);
    assert_eq!(town.network.hq(|hq| hq.check_log().unwrap().size), before);
    town.settle();
    assert!(town.network.hq(|hq| hq.check_log().unwrap().size) > before);
    // The model of all that was ever said to be saved, state by state, photo by photo.
    check::laws(&town);
    let again = town.backup_hq();
    assert!(horizon(&town) > before);
    town.restore_hq(&again);
    town.settle();
    check::laws(&town);
}

/// A log that was tampered with gives no verified backup: no horizon moves, phones keep everything,
/// and the good copy of before stays.
#[test]
fn a_backup_that_does_not_restore_moves_no_horizon() {
    let mut town = town(802, 3);
    let order = order_in(&mut town, 0, "井盖缺失");
    let good = town.backup_hq();
    let (reached, kept) = (horizon(&town), std::fs::read(&good).unwrap());
    town.phones[A].field().add_note(order, "已放警示牌").unwrap();
    town.settle();
    town.tamper_hq(|file| {
        let db = rusqlite::Connection::open(file).unwrap();
        db.execute("UPDATE log SET trust = 'anchored' WHERE trust = 'no_anchor' OR idx = 2", []).unwrap();
    });
    let refused = town.network.hq(|hq| hq.backup_to(&good).unwrap_err());
    assert!(refused.to_string().contains("line "), "{refused}");
    assert_eq!(horizon(&town), reached);
    assert_eq!(std::fs::read(&good).unwrap(), kept);
    let folder = good.parent().unwrap();
    assert!(!folder.join(format!("{}.drill", good.display())).exists());
    let acked = town.phones[A].field().status().unwrap().acked;
    assert!(acked > 0);
    town.phones[A].field().purge().unwrap();
    assert_eq!(town.phones[A].field().status().unwrap().acked, acked, "nothing was let go");
}

/// A copy that rotted on its shelf is refused, wherever the byte is, and leaves nothing behind.
#[test]
fn a_damaged_copy_is_never_restored_as_something_else() {
    use lanewalk_headquarters::{SystemSource, backup::restore};
    let mut town = town(803, 3);
    let order = order_in(&mut town, 0, "消防通道");
    town.phones[A].field().add_note(order, "已清空").unwrap();
    town.settle();
    let backup = town.backup_hq();
    let whole = std::fs::read(&backup).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let good = restore(&backup, &dir.path().join("good.db"), &SystemSource).unwrap();
    let sums = std::fs::read(format!("{}.sha256", backup.display())).unwrap();
    std::fs::write(dir.path().join("copy.db.sha256"), sums).unwrap();
    let step = whole.len() / 48;
    for (i, at) in (0..48).map(|i| (i, i * step + (i * 37) % step)) {
        let (copy, to) = (dir.path().join("copy.db"), dir.path().join(format!("{i}.db")));
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&copy, bytes).unwrap();
        assert!(restore(&copy, &to, &SystemSource).is_err(), "byte {at}");
        assert!(!to.exists(), "byte {at}: a refused restore leaves no database");
    }
    std::fs::write(dir.path().join("copy.db"), &whole).unwrap();
    let again = restore(&dir.path().join("copy.db"), &dir.path().join("again.db"), &SystemSource).unwrap();
    assert_eq!(again.log, good.log);
    // A log that was changed under a checksum made anew is refused all the same.
    let copy = dir.path().join("forged.db");
    std::fs::write(&copy, &whole).unwrap();
    let db = rusqlite::Connection::open(&copy).unwrap();
    db.execute("UPDATE log SET received_at = received_at + 1 WHERE idx = 2", []).unwrap();
    db.close().unwrap();
    let sum: [u8; 32] = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(
        std::fs::read(&copy).unwrap(),
    ))
    .into();
    std::fs::write(dir.path().join("forged.db.sha256"), lanewalk_model::id::to_hex(&sum)).unwrap();
    let refused = restore(&copy, &dir.path().join("never.db"), &SystemSource).unwrap_err();
    assert!(refused.to_string().contains("line 2 "), "{refused}");
}

//! Evidence and a loss, by hand: export, verify, tamper, back up, lose, restore.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod terminal;

use std::{fs, path::Path};
use terminal::{Server, ids, lanewalk, phone, run, try_phone};

fn export(data: &Path, order: &str, file: &Path, more: &[&str]) -> (i32, String) {
    run(lanewalk().args(["export-evidence", order]).arg(file).arg("--data").arg(data).args(more))
}

fn verify(file: &Path, more: &[&str]) -> (i32, String) {
    run(lanewalk().arg("verify").arg(file).args(more))
}

#[test]
fn a_bundle_is_made_checked_and_found_out_and_a_lost_headquarters_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let a = path("phone-a");
    let mut server = Server::start(path("hq"));
    server.enrol(&a, "gw-03");
    let listed = phone(&a, &["list"]);
    let order = ids(&listed)[0].to_owned();
    phone(&a, &["visit", &order, "--notes", "门口堆物一处"]);
    phone(&a, &["verify", &order, "堆物属实"]);
    phone(&a, &["sync"]);

    // A phone's checkpoint, a bundle that leads to it, and what it says.
    let note = path("phone.txt");
    fs::write(&note, phone(&a, &["witness"])).unwrap();
    phone(&a, &["note", &order, "当日复查"]);
    phone(&a, &["sync"]);
    let bundle = path("case.tar");
    let witness = ["--checkpoint", note.to_str().unwrap()];
    let (code, text) =
        export(&server.data, &order, &bundle, &["--reason", "法院调取", witness[0], witness[1]]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = verify(&bundle, &witness);
    assert_eq!(code, 0, "{text}");
    for word in ["证据包成立", "张海燕", "gw-03", "堆物属实", "当日复查", "法院调取", "相符"]
    {
        assert!(text.contains(word), "{word}\n{text}");
    }
    assert!(text.contains("公钥来自证据包本身"), "{text}");
    let key = server.admin(&["exchange", "key"]);
    let key = key.split_whitespace().find(|w| w.starts_with("ed25519:")).unwrap();
    let (code, text) = verify(&bundle, &["--key", key, witness[0], witness[1]]);
    assert!(code == 0 && !text.contains("公钥来自证据包本身"), "{text}");
    // The base point of the curve: a key, and not headquarters'.
    let other = format!("ed25519:58{}", "66".repeat(31));
    assert_eq!(verify(&bundle, &["--key", "hello"]).0, 2);
    let (code, text) = verify(&bundle, &["--key", &other]);
    assert!(code == 1 && text.contains("另一个指挥中心"), "{text}");

    // One byte, no reason, no such order.
    let mut bytes = fs::read(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path("bent.tar"), bytes).unwrap();
    let (code, text) = verify(&path("bent.tar"), &[]);
    assert!(code == 1 && text.contains("证据包不成立") && !text.contains("堆物属实"), "{text}");
    assert_eq!(verify(&path("none.tar"), &[]).0, 1);
    assert_ne!(export(&server.data, &order, &path("x.tar"), &[]).0, 0);
    assert_eq!(export(&server.data, "ffffff", &path("x.tar"), &["--reason", "法院调取"]).0, 1);
    assert!(!path("x.tar").exists());
    assert!(server.admin(&["check-log"]).contains("逐条相符"));

    // Backup, one more word, the disk is lost.
    let copy = path("copy.db");
    assert!(server.admin(&["backup", copy.to_str().unwrap()]).contains("试恢复"));
    phone(&a, &["note", &order, "备份之后所写"]);
    phone(&a, &["sync"]);
    assert!(server.stop().contains("已停止"));
    let (code, text) = run(lanewalk().args(["admin", "--data"]).arg(&server.data).arg("restore").arg(&copy));
    assert!(code == 1 && text.contains("已有数据库"), "{text}");
    fs::remove_dir_all(&server.data).unwrap();
    let (code, text) = run(lanewalk().args(["admin", "--data"]).arg(&server.data).arg("restore").arg(&copy));
    assert!(code == 0 && text.contains("已恢复并逐条核对"), "{text}");
    assert_eq!(try_phone(&a, &["sync"]).0, 3, "nobody listens yet");

    let again = Server::restart(server.data.clone(), server.port);
    phone(&a, &["sync"]);
    assert!(phone(&a, &["status"]).contains("待发 / waiting 0"));
    assert!(phone(&a, &["witness"]).contains("恢复备份之前的凭证"), "what headquarters once had");
    let (code, text) = export(&again.data, &order, &path("after.tar"), &["--reason", "恢复之后"]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = verify(&path("after.tar"), &[]);
    assert!(code == 0 && text.contains("备份之后所写") && text.contains("该数据库由备份恢复"), "{text}");
}

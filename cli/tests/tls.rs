//! Headquarters with TLS of its own, at terminals.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod terminal;

use std::{fs, path::Path};
use terminal::{Server, lanewalk, phone, run, try_phone};

fn tls(data: &Path, words: &[&str]) -> (i32, String) {
    run(lanewalk().args(["admin", "--data"]).arg(data).arg("tls").args(words))
}

#[test]
fn phones_follow_a_change_of_keys_and_nobody_is_left_behind_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let (data, a) = (dir.path().join("hq"), dir.path().join("phone-a"));
    assert_eq!(tls(&data, &["show"]).0, 1, "nothing is there yet");
    let (code, said) = tls(&data, &["init", "--name", "127.0.0.1", "--name", "hq.street.lan"]);
    assert!(code == 0 && said.contains("hq.street.lan"), "{said}");
    assert_eq!(tls(&data, &["init", "--name", "x"]).0, 1, "a second CA would lock phones out");
    let mut server = Server::start(data.clone());
    assert!(server.enrol(&a, "gw-03").contains("张海燕"));
    let url = fs::read_to_string(data.join("url")).unwrap();
    assert_eq!(url, format!("https://127.0.0.1:{}", server.port));

    // Not under a running server, and not before phones know the next key.
    assert!(tls(&data, &["rotate"]).1.contains("另一个进程"));
    server.stop();
    phone_is_offline(&a);
    let (code, said) = tls(&data, &["rotate"]);
    assert!(code == 1 && said.contains("gw-03"), "{said}");
    let mut server = Server::start_at(data.clone(), server.port);
    phone(&a, &["sync"]);
    // Invitations made while the server is off carry the keys too.
    server.stop();
    assert!(server.invite("ps-01").len() > 200);
    let (code, said) = tls(&data, &["rotate"]);
    assert_eq!(code, 0, "{said}");
    let _server = Server::start_at(data.clone(), server.port);
    phone(&a, &["sync"]);
}

fn phone_is_offline(data: &Path) {
    let (code, said) = try_phone(data, &["sync"]);
    assert!(code == 3 && said.contains("没有网络"), "{said}");
}

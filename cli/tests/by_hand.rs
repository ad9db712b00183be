//! Three terminals: headquarters and two phones, as the README tells people to try.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod terminal;

use terminal::{Server, ids, lanewalk, phone, run, try_phone};

#[test]
fn what_one_phone_writes_the_other_sees_and_a_disagreement_is_settled() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("phone-a"), dir.path().join("phone-b"));
    let mut server = Server::start(dir.path().join("hq"));
    assert!(server.enrol(&a, "gw-03").contains("张海燕"));
    assert!(server.enrol(&b, "ps-01").contains("物业"));

    let (of_a, of_b) = (phone(&a, &["list"]), phone(&b, &["list"]));
    let order = *ids(&of_b).iter().find(|id| ids(&of_a).contains(id)).expect("an order on both phones");
    assert!(phone(&a, &["show", order]).contains("原话"));
    assert!(
        !phone(&b, &["show", order]).contains("原话"),
        "property staff must not read the citizen's words"
    );

    // Apart from each other: nobody has synced yet.
    assert!(
        phone(&a, &["visit", order, "--notes", "门口堆物", "--at", "42.3594,-71.0587"]).contains("已保存")
    );
    phone(&a, &["measure", order, "堆物", "2.5", "m²", "--method", "estimated"]);
    phone(&a, &["verify", order, "堆物属实"]);
    phone(&b, &["verify", order, "未见堆物"]);
    let (code, text) = try_phone(&b, &["propose", order, "return", "--reason", "不归物业"]);
    assert_eq!(code, 1, "{text}");
    phone(&b, &["propose", order, "return", "--reason", "不归物业", "--force"]);
    for data in [&a, &b, &a] {
        phone(data, &["sync"]);
    }
    let seen = phone(&b, &["sync"]) + &phone(&b, &["show", order]);
    assert!(seen.contains("堆物属实") && seen.contains("未见堆物") && seen.contains("2.5 m²"), "{seen}");
    assert!(seen.contains("您的角色不能提出此申请"), "{seen}");
    assert!(phone(&a, &["conflicts"]).contains("verified_facts"));

    phone(&a, &["set", order, "verified_facts", "上午属实，下午已清"]);
    phone(&a, &["sync"]);
    phone(&b, &["sync"]);
    assert!(phone(&b, &["conflicts"]).contains("没有"));
    assert!(phone(&b, &["show", order]).contains("上午属实，下午已清"));
    assert!(phone(&a, &["quarantine"]).contains("没有"));

    // The clerk's side, through the running server.
    assert!(server.admin(&["devices"]).contains("ps-01"));
    assert!(server.admin(&["triage"]).lines().count() >= 5);
    assert!(server.admin(&["waiting"]).contains("没有等待审批"));

    let (code, text) = run(lanewalk().arg("serve").arg("--data").arg(&server.data));
    assert_eq!(code, 1, "two servers on one database: {text}");
    assert!(server.stop().contains("已停止"));
    assert!(server.admin(&["staff", "list"]).contains("服务未运行"));

    // Without a network everything still works, and the exit code says what was wrong.
    phone(&a, &["note", order, "信号不好"]);
    assert_eq!(try_phone(&a, &["sync"]).0, 3);
    assert!(phone(&a, &["status"]).contains("待发 / waiting 1"));
    assert_eq!(try_phone(&dir.path().join("nobody"), &["list"]).0, 2);
}

#[test]
fn an_address_that_no_phone_can_ask_is_refused_and_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    for url in ["hq.example", "http://:80", "https://hq.example/path"] {
        let (code, text) = run(lanewalk().arg("serve").arg("--data").arg(dir.path()).args(["--url", url]));
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(url) && text.contains("服务地址"), "{text}");
        assert!(!dir.path().join("url").exists());
    }
}

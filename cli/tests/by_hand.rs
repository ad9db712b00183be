//! Three terminals: headquarters and two phones, as the README tells people to try.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

struct Server {
    process: Child,
    data: PathBuf,
    lines: Option<std::io::Lines<BufReader<std::process::ChildStdout>>>,
}

impl Server {
    fn start(data: PathBuf) -> Self {
        // The port is free again when the probe is dropped.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut process = lanewalk()
            .arg("serve")
            .arg("--data")
            .arg(&data)
            .args(["--demo-data", "--listen", &format!("127.0.0.1:{port}")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(lines.by_ref().map(Result::unwrap).any(|l| l.contains("Ctrl-C")), "the server did not start");
        Self { process, data, lines: Some(lines) }
    }

    /// Stops it as the system would and returns what it said after that.
    fn stop(&mut self) -> String {
        Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(self.process.wait().unwrap().success());
        self.lines.take().unwrap().map(Result::unwrap).collect()
    }

    fn admin(&self, words: &[&str]) -> String {
        let (code, text) = run(lanewalk().arg("admin").arg("--data").arg(&self.data).args(words));
        assert_eq!(code, 0, "{text}");
        text
    }

    fn invite(&self, worker: &str) -> String {
        let text = self.admin(&["invite", worker]);
        assert!(text.contains('█'), "no QR code:\n{text}");
        text.split_whitespace().find(|w| w.starts_with("lanewalk1:")).unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lanewalk() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanewalk"));
    command.env("NO_COLOR", "1");
    command
}

/// Returns exit code and everything printed.
fn run(command: &mut Command) -> (i32, String) {
    let out = command.output().unwrap();
    let text = [out.stdout, out.stderr].concat();
    (out.status.code().unwrap(), String::from_utf8(text).unwrap())
}

fn try_phone(data: &Path, words: &[&str]) -> (i32, String) {
    run(lanewalk().arg("phone").arg("--data").arg(data).args(words))
}

fn phone(data: &Path, words: &[&str]) -> String {
    let (code, text) = try_phone(data, words);
    assert_eq!(code, 0, "{words:?}: {text}");
    text
}

/// Short ids of a list.
fn ids(list: &str) -> Vec<&str> {
    list.lines().filter_map(|line| line.split_whitespace().nth(1)).filter(|w| w.len() == 6).collect()
}

#[test]
fn what_one_phone_writes_the_other_sees_and_a_disagreement_is_settled() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("phone-a"), dir.path().join("phone-b"));
    let mut server = Server::start(dir.path().join("hq"));
    assert!(phone(&a, &["enrol", &server.invite("gw-03")]).contains("张海燕"));
    assert!(phone(&b, &["enrol", &server.invite("ps-01")]).contains("物业"));

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

//! What a person does at terminals: a server, its administration, phones.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

pub struct Server {
    process: Child,
    pub data: PathBuf,
    pub port: u16,
    lines: Option<std::io::Lines<BufReader<std::process::ChildStdout>>>,
}

impl Server {
    pub fn start(data: PathBuf) -> Self {
        // The port is free again when the probe is dropped.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::start_at(data, port)
    }

    pub fn start_at(data: PathBuf, port: u16) -> Self {
        Self::serve(data, port, &["--demo-data"])
    }

    /// Starts it on what is there, at a port that phones know.
    pub fn restart(data: PathBuf, port: u16) -> Self {
        Self::serve(data, port, &[])
    }

    fn serve(data: PathBuf, port: u16, words: &[&str]) -> Self {
        let mut process = lanewalk()
            .arg("serve")
            .arg("--data")
            .arg(&data)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(words)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(lines.by_ref().map(Result::unwrap).any(|l| l.contains("Ctrl-C")), "the server did not start");
        Self { process, data, port, lines: Some(lines) }
    }

    /// Ends it at once, in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again after a kill.
    pub fn revive(&mut self) {
        let again = Self::restart(self.data.clone(), self.port);
        *self = again;
    }

    /// Stops it as the system would and returns what it said after that.
    pub fn stop(&mut self) -> String {
        Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(self.process.wait().unwrap().success());
        self.lines.take().unwrap().map(Result::unwrap).collect()
    }

    pub fn admin(&self, words: &[&str]) -> String {
        let (code, text) = run(lanewalk().arg("admin").arg("--data").arg(&self.data).args(words));
        assert_eq!(code, 0, "{text}");
        text
    }

    pub fn invite(&self, worker: &str) -> String {
        let text = self.admin(&["invite", worker]);
        assert!(text.contains('█'), "no QR code:\n{text}");
        text.split_whitespace().find(|w| w.starts_with("lanewalk1:")).unwrap().to_owned()
    }

    /// Enrols a phone, confirms it by the fingerprint it shows, and syncs it; returns what it said.
    pub fn enrol(&self, data: &Path, worker: &str) -> String {
        let said = phone(data, &["enrol", &self.invite(worker)]);
        let shown = said.split("fingerprint: ").nth(1).unwrap().trim().to_owned();
        assert!(self.admin(&["devices"]).contains(&shown), "both sides show {shown}");
        self.admin(&["confirm", &shown]);
        said + &phone(data, &["sync"])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn lanewalk() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanewalk"));
    command.env("NO_COLOR", "1");
    command
}

/// Returns exit code and everything printed.
pub fn run(command: &mut Command) -> (i32, String) {
    let out = command.output().unwrap();
    let text = [out.stdout, out.stderr].concat();
    (out.status.code().unwrap(), String::from_utf8(text).unwrap())
}

pub fn try_phone(data: &Path, words: &[&str]) -> (i32, String) {
    run(lanewalk().arg("phone").arg("--data").arg(data).args(words))
}

pub fn phone(data: &Path, words: &[&str]) -> String {
    let (code, text) = try_phone(data, words);
    assert_eq!(code, 0, "{words:?}: {text}");
    text
}

/// Short ids of a list.
pub fn ids(list: &str) -> Vec<&str> {
    list.lines().filter_map(|line| line.split_whitespace().nth(1)).filter(|w| w.len() == 6).collect()
}

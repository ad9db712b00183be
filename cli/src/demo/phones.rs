//! The parent's side of the phones: starting, asking, killing.
//!
//! Invariant: `saved` holds every hash a child has printed, whatever became of the child after.

use super::{
    child::{Ask, Say, Stand, Synced, Uploaded},
    walk::Act,
};
use crate::words::Failure;
use lanewalk_model::{id::Hash, staff::Role};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::Duration,
};

/// Longest wait for a line: a sync may wait for a slow network.
const PATIENCE: Duration = Duration::from_secs(150);

/// What a phone has used so far.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs, reason = "as in the core's report")]
pub(super) struct Used {
    pub(super) requests: u64,
    pub(super) up: u64,
    pub(super) down: u64,
    pub(super) photos_up: u64,
}

/// What a phone's process is started from.
pub(super) struct Program {
    /// This program.
    pub(super) path: PathBuf,
    /// Photos lent to the demonstration.
    pub(super) photos: Option<PathBuf>,
}

struct Running {
    process: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

/// One phone of the demonstration.
pub(super) struct DemoPhone {
    /// Staff id of its owner.
    pub(super) worker: String,
    /// The owner's name.
    pub(super) name: String,
    /// The owner's role.
    pub(super) role: Role,
    /// Where its store lies.
    pub(super) data: PathBuf,
    /// What it said was saved, each entry once: hash and kind of act. An act that was already true
    /// names an entry that was saved before.
    pub(super) saved: Vec<(Hash, String)>,
    /// How many acts it has answered.
    answers: usize,
    /// Acts the core itself refused.
    pub(super) denied: Vec<(String, String)>,
    /// Wire use.
    pub(super) used: Used,
    /// How often it was killed.
    pub(super) kills: u32,
    running: Option<Running>,
}

impl DemoPhone {
    /// Makes a phone that is still switched off.
    pub(super) fn new(worker: &str, name: &str, role: Role, data: PathBuf) -> Self {
        Self {
            worker: worker.to_owned(),
            name: name.to_owned(),
            role,
            data,
            saved: Vec::new(),
            answers: 0,
            denied: Vec::new(),
            used: Used::default(),
            kills: 0,
            running: None,
        }
    }

    /// Starts its process and waits until the store is open.
    pub(super) fn start(&mut self, program: &Program) -> Result<(), Failure> {
        let mut command = Command::new(&program.path);
        command.arg("demo-phone").arg("--data").arg(&self.data);
        if let Some(photos) = &program.photos {
            command.arg("--photos").arg(photos);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(Failure::new("no pipes to the phone"));
        };
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        self.running = Some(Running { process, input, lines });
        match self.hear()? {
            Some(Say::Ready) => Ok(()),
            other => Err(self.strange(&other)),
        }
    }

    fn strange(&self, said: &Option<Say>) -> Failure {
        Failure::new(format!("{} 的手机 / phone: {said:?}", self.worker))
    }

    /// Writes one line to it.
    pub(super) fn ask(&mut self, what: &Ask) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(what).map_err(|e| Failure::new(e.to_string()))?;
        line.push(b'\n');
        let running = self.running.as_mut().ok_or_else(|| Failure::new("phone is off"))?;
        Ok(running.input.write_all(&line)?)
    }

    /// Reads its next word that is not `saved` or a refusal, and collects those; `None` when it is gone.
    fn hear(&mut self) -> Result<Option<Say>, Failure> {
        loop {
            let Some(line) = self.line()? else { return Ok(None) };
            if let Some(say) = self.take(&line)? {
                return Ok(Some(say));
            }
        }
    }

    fn line(&self) -> Result<Option<String>, Failure> {
        let Some(running) = &self.running else { return Ok(None) };
        match running.lines.recv_timeout(PATIENCE) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                Err(Failure::new(format!("{} 的手机没有回答 / gave no answer", self.worker)))
            }
        }
    }

    fn take(&mut self, line: &str) -> Result<Option<Say>, Failure> {
        if let Some((hash, what)) = line.strip_prefix("saved ").and_then(|rest| rest.split_once(' ')) {
            let hash = hash.parse().map_err(|_| Failure::new(format!("not a hash: {hash}")))?;
            self.answers += 1;
            if self.saved.iter().all(|s| s.0 != hash) {
                self.saved.push((hash, what.to_owned()));
            }
            return Ok(None);
        }
        match serde_json::from_str(line) {
            Ok(Say::Denied { code, what }) => {
                self.answers += 1;
                self.denied.push((code, what));
            }
            Ok(say) => return Ok(Some(say)),
            Err(_) => return Err(Failure::new(format!("{}: {line}", self.worker))),
        }
        Ok(None)
    }

    /// Makes it a device.
    pub(super) fn enrol(&mut self, invitation: String) -> Result<(), Failure> {
        self.ask(&Ask::Enrol(invitation))?;
        match self.hear()? {
            Some(Say::Enrolled) => Ok(()),
            other => Err(self.strange(&other)),
        }
    }

    /// Hands it a walk without waiting.
    pub(super) fn send(&mut self, acts: &[Act]) -> Result<(), Failure> {
        acts.iter().try_for_each(|act| self.ask(&Ask::Act(act.clone())))
    }

    /// Waits until everything handed over is done.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.ask(&Ask::Mark)?;
        match self.hear()? {
            Some(Say::Done) => Ok(()),
            other => Err(self.strange(&other)),
        }
    }

    /// Waits until it has answered this many acts more, then kills it with SIGKILL. Returns how many
    /// answers it gave in all.
    pub(super) fn kill_after(&mut self, answers: usize) -> Result<usize, Failure> {
        let before = self.answers;
        while self.answers < before + answers {
            let Some(line) = self.line()? else { break };
            self.take(&line)?;
        }
        self.kill()?;
        Ok(self.answers - before)
    }

    /// Kills it with SIGKILL and reads what it had still said.
    pub(super) fn kill(&mut self) -> Result<(), Failure> {
        if let Some(running) = self.running.as_mut() {
            running.process.kill()?;
            running.process.wait()?;
            self.kills += 1;
        }
        while self.hear()?.is_some() {}
        self.running = None;
        Ok(())
    }

    /// Hears the end of a sync that was asked for.
    pub(super) fn synced(&mut self) -> Result<Synced, Failure> {
        match self.hear()? {
            Some(Say::Synced(synced)) => {
                self.used.requests += synced.requests;
                self.used.up += synced.up;
                self.used.down += synced.down;
                Ok(synced)
            }
            other => Err(self.strange(&other)),
        }
    }

    /// Hears the end of sending photos that was asked for.
    pub(super) fn uploaded(&mut self) -> Result<Uploaded, Failure> {
        match self.hear()? {
            Some(Say::Uploaded(uploaded)) => {
                self.used.photos_up += uploaded.up;
                Ok(uploaded)
            }
            other => Err(self.strange(&other)),
        }
    }

    /// Asks how it stands.
    pub(super) fn stand(&mut self) -> Result<Stand, Failure> {
        self.ask(&Ask::Report)?;
        match self.hear()? {
            Some(Say::Stand(stand)) => Ok(*stand),
            other => Err(self.strange(&other)),
        }
    }

    /// Switches it off properly.
    pub(super) fn quit(&mut self) -> Result<(), Failure> {
        self.ask(&Ask::Quit)?;
        while self.hear()?.is_some() {}
        if let Some(mut running) = self.running.take() {
            running.process.wait()?;
        }
        Ok(())
    }
}

impl Drop for DemoPhone {
    fn drop(&mut self) {
        // Only when something else failed first: no process stays behind.
        if let Some(running) = self.running.as_mut() {
            let _ = running.process.kill();
            let _ = running.process.wait();
        }
    }
}

/// Lets every phone sync at the same time; returns how it went for each.
pub(super) fn sync_all(phones: &mut [DemoPhone]) -> Result<Vec<Synced>, Failure> {
    phones.iter_mut().try_for_each(|p| p.ask(&Ask::Sync))?;
    phones.iter_mut().map(DemoPhone::synced).collect()
}

/// Lets every phone send photos at the same time; returns how it went for each.
pub(super) fn upload_all(phones: &mut [DemoPhone], free: bool) -> Result<Vec<Uploaded>, Failure> {
    phones.iter_mut().try_for_each(|p| p.ask(&Ask::Upload(free)))?;
    phones.iter_mut().map(DemoPhone::uploaded).collect()
}

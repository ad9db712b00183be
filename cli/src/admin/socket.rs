//! The administrative socket: one line of JSON asks, one line answers.
//!
//! Invariant: the socket lies in the data directory (0700) with mode 0600: who can reach it could
//! read the database too. Rejected: a thread per caller; acts take turns anyway.

use super::{Act, Answer, acts};
use crate::words::Failure;
use lanewalk_headquarters::server::Desk;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

const NAME: &str = "admin.sock";
/// Longest line: commands are short, answers may list every order.
const MAX_LINE: u64 = 16 << 20;
/// How long a caller may take to say its line.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Serialize, Deserialize)]
enum Reply {
    Done(Answer),
    Failed(String),
}

/// The listening thread.
pub(crate) struct Control {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Control {
    /// Stops listening and removes the socket.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread up; if it is gone already, there is nothing to wake.
        let _ = UnixStream::connect(&self.path);
        let _ = self.thread.join();
        let _ = fs::remove_file(&self.path);
    }
}

/// Listens in a data directory whose lock the caller holds.
pub(crate) fn listen(data: &Path, desk: Desk) -> Result<Control, Failure> {
    let path = data.join(NAME);
    // The lock is ours, so a socket that lies here is a dead server's.
    match fs::remove_file(&path) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e.into()),
        _ => {}
    }
    // Fails where the path is longer than a socket's address may be, about 100 bytes.
    let listener = UnixListener::bind(&path).map_err(|e| Failure::from(e).about(path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let thread = std::thread::Builder::new().name("admin".into()).spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if stopping.load(Ordering::SeqCst) {
                break;
            }
            // A caller that hangs up early is its own affair.
            let _ = serve_one(&stream, &desk);
        }
    })?;
    Ok(Control { path, stop, thread })
}

fn serve_one(stream: &UnixStream, desk: &Desk) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_LINE)).read_line(&mut line)?;
    let reply = match serde_json::from_str::<Act>(&line) {
        Err(e) => Reply::Failed(e.to_string()),
        Ok(act) => match desk.run(move |hq| acts::perform(hq, &act)) {
            Ok(Ok(answer)) => Reply::Done(answer),
            Ok(Err(failure)) => Reply::Failed(failure.to_string()),
            Err(gone) => Reply::Failed(gone.to_string()),
        },
    };
    let mut out = serde_json::to_vec(&reply)?;
    out.push(b'\n');
    let mut stream = stream;
    stream.write_all(&out)
}

/// Asks the running server; `None` when none runs.
pub(super) fn ask(data: &Path, act: &Act) -> Result<Option<Answer>, Failure> {
    let mut stream = match UnixStream::connect(data.join(NAME)) {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let mut out = serde_json::to_vec(act).map_err(|e| Failure::new(e.to_string()))?;
    out.push(b'\n');
    stream.write_all(&out)?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_LINE)).read_line(&mut line)?;
    match serde_json::from_str(&line) {
        Ok(Reply::Done(answer)) => Ok(Some(answer)),
        Ok(Reply::Failed(text)) => Err(Failure::new(text)),
        Err(_) => Err(Failure::new("服务没有回答 / the server gave no answer")),
    }
}

//! The network between phones and headquarters, as bad as it is told to be.
//!
//! Invariant: it moves whole HTTP messages and understands nothing in them; each request meets at most
//! one fault, drawn from a seed in the order of arrival. Rejected: faults inside the phone's
//! transport, which would not test real sockets.

use super::dice::Dice;
use crate::words::Failure;
use std::{
    io::{Error, ErrorKind, Read, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

/// Longest head of a message.
const MAX_HEAD: usize = 64 << 10;
/// Longest body.
const MAX_BODY: usize = 8 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weather {
    /// Everything arrives.
    Clear,
    /// Nothing does.
    Cut,
    /// Some of everything.
    Storm,
}

/// What was done to requests.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Harm {
    /// Connections refused while the network was cut.
    pub(super) cut: u32,
    /// Requests lost before headquarters saw them.
    pub(super) lost: u32,
    /// Answers cut off after some bytes; headquarters had done its part.
    pub(super) torn: u32,
    /// Requests that arrived twice.
    pub(super) doubled: u32,
    /// Answers that came late.
    pub(super) late: u32,
    /// Requests left alone during the storm.
    pub(super) spared: u32,
}

struct State {
    weather: Weather,
    upstream: Option<SocketAddr>,
    dice: Dice,
    harm: Harm,
    hold: Option<SyncSender<()>>,
}

/// A running proxy; its threads end with the process.
pub(super) struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

enum Fault {
    None,
    Lose,
    /// Cut the answer after this share of it, in percent.
    Tear(usize),
    /// Send twice; true when the phone gets the second answer.
    Double(bool),
    Late(Duration),
    /// Tell somebody that headquarters has answered, and go no further.
    Hold(SyncSender<()>),
}

impl Proxy {
    /// Starts on a free port of this machine.
    pub(super) fn start(seed: u64) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State {
            weather: Weather::Clear,
            upstream: None,
            dice: Dice::new(seed),
            harm: Harm::default(),
            hold: None,
        }));
        let shared = Arc::clone(&state);
        std::thread::Builder::new().name("proxy".into()).spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A connection that breaks is what this is for.
                std::thread::spawn(move || drop(carry(&client, &state)));
            }
        })?;
        Ok(Self { address, state })
    }

    /// Returns where phones connect.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says where headquarters is.
    pub(super) fn lead_to(&self, upstream: SocketAddr) {
        lock(&self.state).upstream = Some(upstream);
    }

    /// Changes the weather; open connections meet it with their next request.
    pub(super) fn weather(&self, weather: Weather) {
        lock(&self.state).weather = weather;
    }

    /// Holds back the answer to the next request. The receiver hears when headquarters has answered.
    pub(super) fn hold_next(&self) -> Receiver<()> {
        let (send, receive) = sync_channel(1);
        lock(&self.state).hold = Some(send);
        receive
    }

    /// Tells what was done so far.
    pub(super) fn harm(&self) -> Harm {
        lock(&self.state).harm
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn draw(state: &mut State) -> Fault {
    if let Some(hold) = state.hold.take() {
        state.harm.torn += 1;
        return Fault::Hold(hold);
    }
    match (state.weather, state.dice.below(100)) {
        (Weather::Clear, _) => Fault::None,
        (Weather::Cut, _) => {
            state.harm.cut += 1;
            Fault::Lose
        }
        (Weather::Storm, 0..20) => {
            state.harm.lost += 1;
            Fault::Lose
        }
        (Weather::Storm, 20..45) => {
            state.harm.torn += 1;
            Fault::Tear(state.dice.below(100))
        }
        (Weather::Storm, 45..65) => {
            state.harm.doubled += 1;
            Fault::Double(state.dice.below(2) == 0)
        }
        (Weather::Storm, 65..85) => {
            state.harm.late += 1;
            Fault::Late(Duration::from_millis(100 + 5 * u64::try_from(state.dice.below(100)).unwrap_or(0)))
        }
        (Weather::Storm, _) => {
            state.harm.spared += 1;
            Fault::None
        }
    }
}

/// Carries one connection's requests until either side ends it.
fn carry(mut client: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    while let Some(request) = message(client)? {
        let (fault, upstream) = {
            let mut state = lock(state);
            (draw(&mut state), state.upstream)
        };
        let upstream = upstream.ok_or(ErrorKind::NotConnected)?;
        match fault {
            Fault::Lose => return client.shutdown(Shutdown::Both),
            Fault::None => client.write_all(&exchange(upstream, &request)?)?,
            Fault::Late(wait) => {
                let answer = exchange(upstream, &request)?;
                std::thread::sleep(wait);
                client.write_all(&answer)?;
            }
            Fault::Double(second) => {
                let (first, again) = (exchange(upstream, &request)?, exchange(upstream, &request)?);
                client.write_all(if second { &again } else { &first })?;
            }
            Fault::Tear(percent) => {
                let answer = exchange(upstream, &request)?;
                let keep = answer.len() * percent / 100;
                client.write_all(answer.get(..keep).unwrap_or(&answer))?;
                return client.shutdown(Shutdown::Both);
            }
            Fault::Hold(tell) => {
                let answer = exchange(upstream, &request)?;
                client.write_all(answer.get(..answer.len() / 2).unwrap_or(&answer))?;
                let _ = tell.send(());
                client.set_read_timeout(Some(PATIENCE))?;
                // Ends when the phone's process does.
                let _ = client.read(&mut [0; 1]);
                return client.shutdown(Shutdown::Both);
            }
        }
    }
    Ok(())
}

fn exchange(upstream: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(upstream)?;
    server.set_read_timeout(Some(PATIENCE))?;
    server.write_all(request)?;
    message(&server)?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
}

/// Reads one HTTP/1.1 message with a content length, head and body together; `None` at the end.
fn message(mut stream: &TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut part = [0; 16 << 10];
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if bytes.len() > MAX_HEAD {
            return Err(Error::new(ErrorKind::InvalidData, "head too long"));
        }
        match stream.read(&mut part)? {
            0 if bytes.is_empty() => return Ok(None),
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => bytes.extend(part.iter().take(n)),
        }
    };
    let length = content_length(bytes.get(..head).unwrap_or_default());
    if length > MAX_BODY {
        return Err(Error::new(ErrorKind::InvalidData, "body too long"));
    }
    let missing = (head + length).saturating_sub(bytes.len());
    let mut rest = stream.take(u64::try_from(missing).unwrap_or(u64::MAX));
    if rest.read_to_end(&mut bytes)? < missing {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(bytes))
}

fn content_length(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let line = text.lines().find_map(|l| l.strip_prefix("content-length:"));
    line.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A server that answers every request with its number.
    fn server() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for (n, stream) in listener.incoming().flatten().enumerate() {
                let body = format!("answer {n}");
                let _ = message(&stream);
                let _ = (&stream).write_all(
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes(),
                );
            }
        });
        address
    }

    fn ask(proxy: &Proxy) -> Option<String> {
        let mut stream = TcpStream::connect(proxy.address()).ok()?;
        stream.write_all(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc").ok()?;
        let answer = String::from_utf8(message(&stream).ok()??).ok()?;
        Some(answer.split_once("\r\n\r\n")?.1.to_owned())
    }

    #[test]
    fn clear_passes_cut_stops_and_a_held_answer_never_comes_whole() {
        let proxy = Proxy::start(1).unwrap();
        proxy.lead_to(server());
        assert_eq!(ask(&proxy).as_deref(), Some("answer 0"));
        proxy.weather(Weather::Cut);
        assert_eq!(ask(&proxy), None);
        proxy.weather(Weather::Clear);
        assert_eq!(ask(&proxy).as_deref(), Some("answer 1"));
        let held = proxy.hold_next();
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        held.recv().unwrap();
        drop(stream);
        assert_eq!(ask(&proxy).as_deref(), Some("answer 3"));
    }

    #[test]
    fn a_storm_does_every_harm() {
        let proxy = Proxy::start(5).unwrap();
        proxy.lead_to(server());
        proxy.weather(Weather::Storm);
        let answered = (0..40).filter(|_| ask(&proxy).is_some()).count();
        let harm = proxy.harm();
        assert!(answered > 8 && answered < 38, "{answered}");
        for n in [harm.lost, harm.torn, harm.doubled, harm.late, harm.spared] {
            assert!(n > 0, "{harm:?}");
        }
    }
}

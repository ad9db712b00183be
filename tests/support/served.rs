//! Headquarters behind real sockets, and a wire that breaks.
//!
//! Invariant: everything listens on loopback on a free port; the threads end with the process.
//! Rejected: a proxy that understands HTTP, which could not break in the middle of a body.

use lanewalk_headquarters::{
    Headquarters, Settings, SystemSource,
    gate::InProcess,
    server::{self, Desk},
    store::Place,
};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// A running server and the wire before it.
#[derive(Debug)]
pub struct Served {
    /// The way to headquarters itself.
    pub desk: Desk,
    /// The wire phones use.
    pub wire: BreakingWire,
}

impl Served {
    /// Opens headquarters in a directory and serves it behind a wire.
    pub fn start(directory: &Path) -> Self {
        let wire = BreakingWire::start();
        let settings = Settings { public_url: wire.url(), ..Settings::default() };
        let database = directory.join("hq.db");
        let place = Place::File(database.clone());
        let hq = Headquarters::open(&place, settings, Arc::new(SystemSource), Box::new(InProcess)).unwrap();
        let (desk, _) = Desk::start(hq).unwrap();
        let router = server::router(desk.clone(), database);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        wire.lead_to(listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(server::serve(router, listener, std::future::pending())).unwrap();
        });
        Self { desk, wire }
    }
}

/// Carries bytes and breaks a connection after so many of the phone's.
#[derive(Debug, Clone)]
pub struct BreakingWire {
    address: SocketAddr,
    state: Arc<WireState>,
}

#[derive(Debug)]
struct WireState {
    upstream: AtomicU64,
    /// Bytes of one connection that get through to headquarters.
    most: AtomicU64,
    carried: AtomicU64,
    broken: AtomicU64,
}

impl BreakingWire {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(WireState {
            upstream: AtomicU64::new(0),
            most: AtomicU64::new(u64::MAX),
            carried: AtomicU64::new(0),
            broken: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || carry(client, &state));
            }
        });
        Self { address, state }
    }

    fn lead_to(&self, upstream: SocketAddr) {
        self.state.upstream.store(u64::from(upstream.port()), Ordering::SeqCst);
    }

    /// Returns the address phones use.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks every connection after so many bytes from the phone.
    pub fn break_after(&self, bytes: u64) {
        self.state.most.store(bytes, Ordering::SeqCst);
    }

    /// Counts the bytes that reached headquarters, and the connections that broke, since the last call.
    pub fn take_counts(&self) -> (u64, u64) {
        (self.state.carried.swap(0, Ordering::SeqCst), self.state.broken.swap(0, Ordering::SeqCst))
    }
}

/// Carries one connection until either side ends it or its bytes are used up. The phone notices a
/// break after headquarters has, as on the street, where it waits for seconds; so what is counted is
/// the protocol and not the order in which two threads ran.
fn carry(mut client: TcpStream, state: &WireState) {
    let port = u16::try_from(state.upstream.load(Ordering::SeqCst)).unwrap();
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let (mut back_from, mut back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let broken = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&broken);
    let answers = std::thread::spawn(move || {
        let mut buffer = [0; 16 << 10];
        // Ends when headquarters closes or the phone is gone.
        while let Ok(n @ 1..) = back_from.read(&mut buffer) {
            if !heard.load(Ordering::SeqCst) && back_to.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        let _ = back_to.shutdown(Shutdown::Both);
    });
    let mut left = state.most.load(Ordering::SeqCst);
    let mut buffer = [0; 16 << 10];
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let Ok(n) = client.read(&mut buffer[..want]) else { break };
        if n == 0 {
            break;
        }
        left -= n as u64;
        // Before the last bytes: an answer to them must not get through.
        broken.store(left == 0, Ordering::SeqCst);
        if server.write_all(&buffer[..n]).is_err() {
            break;
        }
        state.carried.fetch_add(n as u64, Ordering::SeqCst);
    }
    state.broken.fetch_add(u64::from(left == 0), Ordering::SeqCst);
    let _ = server.shutdown(if left == 0 { Shutdown::Write } else { Shutdown::Both });
    answers.join().unwrap();
    let _ = client.shutdown(Shutdown::Both);
}

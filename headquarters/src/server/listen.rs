//! Connections: accepted, encrypted, timed, counted.
//!
//! Invariant: nobody holds a place for nothing: a handshake and a request's head have their time, a
//! body its pace, an address has its share of the places, and all places together are bounded
//! (F18, F24). Rejected: `axum::serve`, which waits for a head as long as a caller likes.

use super::{PATIENCE, paced::Paced};
use axum::{Router, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use lanewalk_protocol::pace::Pace;
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

/// Bytes of a head at most.
const MAX_HEAD: usize = 32 << 10;
/// Connections at once.
const MAX_CONNECTIONS: usize = 1_024;
/// Of one address: a proxy or a whole station may stand behind one.
const MAX_OF_ADDRESS: usize = 256;
/// After an error of `accept`, such as too many open files.
const REST: Duration = Duration::from_millis(100);

/// What to listen on.
#[derive(Debug)]
pub struct Listening {
    /// The bound socket.
    pub listener: TcpListener,
    /// TLS that ends here; without it plain HTTP is spoken.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// How long callers may take.
    pub patience: Patience,
}

impl Listening {
    /// Plain HTTP with the usual patience.
    pub fn plain(listener: TcpListener) -> Self {
        Self { listener, tls: None, patience: Patience::default() }
    }
}

/// How long callers may take (F18).
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, counted from the answer before.
    pub head: Duration,
    /// For taking the next bytes of an answer.
    pub standstill: Duration,
    /// For the body of a request.
    pub body: Pace,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            standstill: Duration::from_secs(60),
            body: Pace::default(),
        }
    }
}

/// Connections of each address; an entry goes with the last of them.
type Crowd = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A connection's place among those of its address.
struct Place(Crowd, IpAddr);

impl Place {
    fn take(crowd: &Crowd, address: IpAddr) -> Option<Self> {
        let mut counts = crowd.lock().unwrap_or_else(PoisonError::into_inner);
        let held = counts.entry(address).or_default();
        if *held >= MAX_OF_ADDRESS {
            return None;
        }
        *held += 1;
        Some(Self(Arc::clone(crowd), address))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = counts.get_mut(&self.1) {
            *held -= 1;
            if *held == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

/// Serves plain HTTP from a bound listener until `stop` resolves.
pub async fn serve(
    router: Router,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    serve_on(router, Listening::plain(listener), stop).await
}

/// Serves until `stop` resolves; what is being answered then may go on for five seconds.
pub async fn serve_on(
    router: Router,
    on: Listening,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    on.listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(on.listener)?;
    let (tls, patience) = (on.tls.map(TlsAcceptor::from), on.patience);
    let (crowd, places) = (Crowd::default(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        // Callers beyond that wait in the kernel's queue.
        let free = places.clone().acquire_owned();
        let accepted = async { (free.await, listener.accept().await) };
        let (free, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(REST).await;
            continue;
        };
        let Some(place) = Place::take(&crowd, peer.ip().to_canonical()) else { continue };
        let (router, watcher, tls) = (router.clone(), graceful.watcher(), tls.clone());
        let mut stream = Box::pin(TimeoutStream::new(stream));
        stream.as_mut().set_write_timeout_pinned(Some(patience.standstill));
        tokio::spawn(async move {
            let _held = (free, place);
            match tls {
                None => connection(stream, router, peer, patience, watcher).await,
                Some(tls) => {
                    let handshake = tokio::time::timeout(patience.handshake, tls.accept(stream)).await;
                    if let Ok(Ok(stream)) = handshake {
                        connection(stream, router, peer, patience, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    // Pages that listen for changes never end by themselves.
    let _ = tokio::time::timeout(PATIENCE, graceful.shutdown()).await;
    Ok(())
}

/// Answers the requests of one connection.
async fn connection<S>(stream: S, router: Router, peer: SocketAddr, patience: Patience, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request.map(|body| Paced::new(body, patience.body)))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience.head).max_header_size(MAX_HEAD);
    // What a caller breaks is its own affair.
    let _ = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await;
}

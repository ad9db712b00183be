//! The real transport: HTTPS with a client that is made once.
//!
//! Invariant: the request goes out exactly as signed, to the authority it names, over TLS with
//! somebody whom [`Trust`] takes for headquarters; plain HTTP reaches this machine only. Redirects
//! are not followed; a body is read up to the protocol's cap and has to keep up the protocol's pace,
//! so no call lasts for ever (F18). Rejected: following redirects to the same host, which a captive
//! portal plays as well; one time limit for everything, which a page over 2G does not meet.

use super::{
    SyncError, Transport, TransportError,
    driver::Driver,
    tls::{self, Trust},
};
use crate::{
    error::FieldError,
    facade::Field,
    store::{lock, meta},
};
use lanewalk_protocol::{
    enrolment::Invitation,
    http::{Request, Response, authority},
    limits,
    pace::Pace,
    pins::Pins,
};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for headquarters to work a request; what sending may take comes on top.
const WORK: Duration = Duration::from_secs(60);
/// An idle connection is given up before headquarters does, which waits 30 s for a request.
const IDLE: Duration = Duration::from_secs(20);

/// Sends requests over the network. Blocks; do not call from an async runtime's thread.
pub struct HttpTransport {
    client: reqwest::Client,
    driver: Driver,
    scheme: &'static str,
    work: Duration,
    pace: Pace,
}

impl std::fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpTransport").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

impl HttpTransport {
    /// Makes the client for a base URL, as in the invitation.
    ///
    /// # Errors
    /// `BadAddress` for plain HTTP to another machine and for what is no base URL.
    pub fn new(base_url: &str, trust: &Trust) -> Result<Self, TransportError> {
        let authority = authority(base_url).ok_or(TransportError::BadAddress)?;
        let scheme = if base_url.starts_with("https://") { "https" } else { "http" };
        if scheme == "http" && !is_loopback(&authority) {
            return Err(TransportError::BadAddress);
        }
        let unreachable = |detail: String| TransportError::Unreachable { detail };
        let tls = tls::client(trust)?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .no_proxy()
            .build()
            .map_err(|e| unreachable(e.to_string()))?;
        let driver = Driver::start().map_err(|e| unreachable(e.kind().to_string()))?;
        Ok(Self { client, driver, scheme, work: WORK, pace: Pace::default() })
    }

    /// Makes the client to enrol with: the text of the QR code says where headquarters is and which
    /// key it has. `root` is the town's own root certificate (DER), for a proxy in front.
    ///
    /// # Errors
    /// `BadInvitation`; `NoNetwork` for an address that may not be used.
    pub fn for_invitation(text: &str, root: Option<&[u8]>) -> Result<Self, SyncError> {
        let invitation = Invitation::from_text(text).map_err(|_| SyncError::BadInvitation)?;
        Ok(Self::new(&invitation.url, &Trust::of(invitation.pins.as_ref(), root))?)
    }

    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        if self.scheme == "http" && !is_loopback(&request.authority) {
            return Err(TransportError::BadAddress);
        }
        let mut url = [self.scheme, "://", &request.authority, &request.path].concat();
        if !request.query.is_empty() {
            url.push('?');
            url.push_str(&request.query);
        }
        let method =
            reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|_| TransportError::BadAddress)?;
        let patience = self.work.saturating_add(self.pace.longest(request.body.len()));
        let mut builder = self.client.request(method, url).body(request.body);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let answered = timeout(patience, builder.send()).await.map_err(|_| TransportError::Timeout)?;
        let mut response = answered.map_err(|e| failure(&e))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(n, v)| Some((n.as_str().to_owned(), v.to_str().ok()?.to_owned())))
            .collect();
        let body = collect(self.pace, async || response.chunk().await).await?;
        Ok(Response { status, headers, body })
    }
}

/// Reads an answer's body piece by piece.
async fn collect<B: AsRef<[u8]>>(
    pace: Pace,
    mut next: impl AsyncFnMut() -> reqwest::Result<Option<B>>,
) -> Result<Vec<u8>, TransportError> {
    let (begun, mut pacer, mut body) = (Instant::now(), pace.begin(), Vec::new());
    loop {
        let left = pacer.until().saturating_sub(begun.elapsed());
        let piece = timeout(left, next()).await.map_err(|_| TransportError::Timeout)?;
        let Some(piece) = piece.map_err(|e| failure(&e))? else { return Ok(body) };
        let piece = piece.as_ref();
        if body.len() + piece.len() > limits::MAX_RESPONSE_BYTES {
            return Err(TransportError::TooLarge);
        }
        pacer.heard(begun.elapsed(), piece.len());
        body.extend_from_slice(piece);
    }
}

/// The way to headquarters of an enrolled phone, made once for an address and its keys.
pub(crate) struct Way {
    url: String,
    trust: Trust,
    transport: Arc<HttpTransport>,
}

impl Field {
    /// Returns the way to headquarters, as the invitation named it and as headquarters' leases have
    /// changed its keys since. `root` as in [`HttpTransport::for_invitation`]. Connections are kept
    /// between calls.
    ///
    /// # Errors
    /// `NotEnrolled`; `NoNetwork` for an address that may not be used.
    pub fn transport(&self, root: Option<&[u8]>) -> Result<Arc<HttpTransport>, SyncError> {
        let (url, pins) = self.inner.store.read(|conn| {
            let pins: Option<Pins> = meta::get_cbor(conn, meta::key::PINS)?;
            Ok((meta::get_text(conn, meta::key::URL)?, pins))
        })?;
        if url.is_empty() {
            return Err(FieldError::NotEnrolled.into());
        }
        let trust = Trust::of(pins.as_ref(), root);
        let mut way = lock(&self.inner.way);
        if let Some(way) = way.as_ref().filter(|way| way.url == url && way.trust == trust) {
            return Ok(Arc::clone(&way.transport));
        }
        let transport = Arc::new(HttpTransport::new(&url, &trust)?);
        *way = Some(Way { url, trust, transport: Arc::clone(&transport) });
        Ok(transport)
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.driver.wait(self.exchange(request))
    }
}

/// Says what failed without the URL, which is not for logs.
fn failure(error: &reqwest::Error) -> TransportError {
    if tls::is_stranger(error) {
        TransportError::Stranger
    } else if error.is_timeout() {
        TransportError::Timeout
    } else if error.is_builder() {
        TransportError::BadAddress
    } else {
        let detail = if error.is_connect() { "connect" } else { "broken" };
        TransportError::Unreachable { detail: detail.into() }
    }
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::{
        io::{BufRead as _, BufReader, Read as _, Write as _},
        net::{TcpListener, TcpStream},
    };

    #[test]
    fn plain_http_reaches_this_machine_only() {
        for (url, allowed) in [
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("http://hq.example", false),
            ("http://127.0.0.1.example:8080", false),
            ("http://10.0.0.1", false),
            ("https://hq.example", true),
            ("ftp://127.0.0.1", false),
        ] {
            assert_eq!(HttpTransport::new(url, &Trust::Public).is_ok(), allowed, "{url}");
        }
    }

    /// Reads a request with a body of four bytes.
    fn hear(stream: &TcpStream) -> String {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
        let mut body = [0; 4];
        reader.read_exact(&mut body).unwrap();
        head + &String::from_utf8_lossy(&body)
    }

    /// Answers one connection with what is given and returns what it was sent.
    fn serve(answer: impl FnOnce(TcpStream) + Send + 'static) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let heard = hear(&stream);
            answer(stream);
            heard
        });
        (authority, thread)
    }

    fn to(authority: &str) -> HttpTransport {
        HttpTransport::new(&["http://", authority].concat(), &Trust::Public).unwrap()
    }

    fn request(authority: &str) -> Request {
        Request {
            method: "POST".into(),
            authority: authority.into(),
            path: "/v1/sync".into(),
            headers: vec![("x-test".into(), "1".into())],
            body: b"body".to_vec(),
            ..Request::default()
        }
    }

    fn post(answer: Vec<u8>) -> (String, String, Result<Response, TransportError>) {
        // The client may hang up early; that is its right.
        let (authority, thread) = serve(move |mut stream| drop(stream.write_all(&answer)));
        let response = to(&authority).send(request(&authority));
        (authority, thread.join().unwrap(), response)
    }

    /// Says something and then a byte as often as the other side lets a moment pass, until it hangs up.
    fn drip(mut stream: TcpStream, first: &str) {
        stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        stream.write_all(first.as_bytes()).unwrap();
        while stream.write_all(b"x").is_ok() {
            if let Ok(0) = stream.read(&mut [0; 16]) {
                break;
            }
        }
    }

    /// Half a head for ever, a head and then drops, and nothing at all: each is given up (F18).
    #[test]
    fn an_answer_that_drips_is_no_answer() {
        let hasty = |authority: &str| HttpTransport {
            work: Duration::from_millis(50),
            pace: Pace { grace: Duration::from_millis(150), bytes_per_s: 100_000 },
            ..to(authority)
        };
        for first in ["HTTP/1.1 200 OK\r\nx-head: ", "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"] {
            let (authority, thread) = serve(|stream| drip(stream, first));
            assert_eq!(hasty(&authority).send(request(&authority)), Err(TransportError::Timeout), "{first}");
            // It hung up, or this would never end.
            thread.join().unwrap();
        }
        let (authority, thread) = serve(|mut stream| assert_eq!(stream.read(&mut [0]).unwrap(), 0));
        assert_eq!(hasty(&authority).send(request(&authority)), Err(TransportError::Timeout));
        thread.join().unwrap();
    }

    /// A page over 2G takes its twenty minutes; drops are given up after one (paused time).
    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_gets_through() {
        for (piece, whole) in [(1_000, true), (1, false)] {
            let (start, mut left) = (Instant::now(), 1_200_usize);
            let body = collect(Pace::default(), async || {
                tokio::time::sleep(Duration::from_secs(1)).await;
                left = left.saturating_sub(1);
                Ok((left > 0).then(|| vec![7; piece]))
            });
            let body = body.await;
            if whole {
                assert_eq!(body.unwrap().len(), 1_199 * piece);
            } else {
                assert_eq!((body, start.elapsed().as_secs()), (Err(TransportError::Timeout), 60));
            }
        }
    }

    #[test]
    fn requests_go_out_as_given_and_redirects_come_back() {
        let answer = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nLanewalk-Nonce: n\r\ncontent-length: 2\r\n\r\nok";
        let (authority, sent, response) = post(answer.to_vec());
        let sent = sent.to_lowercase();
        assert!(sent.starts_with("post /v1/sync http/1.1\r\n"), "{sent}");
        assert!(sent.contains(&format!("host: {authority}\r\n")) && sent.contains("x-test: 1\r\n"), "{sent}");
        assert!(sent.ends_with("\r\n\r\nbody"), "{sent}");
        let response = response.unwrap();
        assert_eq!((response.status, response.body.as_slice()), (302, b"ok".as_slice()));
        let nonce = response.headers.iter().find(|(n, _)| n == "lanewalk-nonce");
        assert_eq!(nonce.map(|(_, v)| v.as_str()), Some("n"));
    }

    #[test]
    fn a_body_is_read_up_to_the_cap_and_a_broken_one_is_no_answer() {
        let mut long = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
        long.resize(long.len() + limits::MAX_RESPONSE_BYTES + 1, 0);
        assert_eq!(post(long).2, Err(TransportError::TooLarge));
        let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab".to_vec();
        assert!(matches!(post(cut).2, Err(TransportError::Unreachable { .. })));
    }
}

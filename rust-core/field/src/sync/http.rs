//! The real transport: HTTPS with a client that is made once.
//!
//! Invariant: the request goes out exactly as signed, to the authority it names, over TLS with
//! somebody whom [`Trust`] takes for headquarters; plain HTTP reaches this machine only. Redirects
//! are not followed and a body is read up to the protocol's cap. Rejected: following redirects to
//! the same host, which a captive portal plays as well.

use super::{
    SyncError, Transport, TransportError,
    enrol::authority,
    tls::{self, Trust},
};
use crate::{
    error::FieldError,
    facade::Field,
    store::{lock, meta},
};
use lanewalk_protocol::{
    enrolment::Invitation,
    http::{Request, Response},
    limits,
    pins::Pins,
};
use std::{io::Read as _, net::IpAddr, sync::Arc, time::Duration};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for a whole exchange: 4 MiB at 0.3 Mbit/s.
const TOTAL: Duration = Duration::from_secs(120);
/// An idle connection is given up before headquarters does, which waits 30 s for a request.
const IDLE: Duration = Duration::from_secs(20);

/// Sends requests over the network. Blocks; do not call from an async runtime's thread.
pub struct HttpTransport {
    client: reqwest::blocking::Client,
    scheme: &'static str,
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
        let client = reqwest::blocking::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .pool_idle_timeout(IDLE)
            .no_proxy()
            .build()
            .map_err(|e| unreachable(e.to_string()))?;
        Ok(Self { client, scheme })
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

    fn exchange(&self, request: Request) -> Result<Response, TransportError> {
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
        let mut builder = self.client.request(method, url).body(request.body);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let response = builder.send().map_err(|e| failure(&e))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(n, v)| Some((n.as_str().to_owned(), v.to_str().ok()?.to_owned())))
            .collect();
        let cap = limits::MAX_RESPONSE_BYTES;
        let mut body = Vec::new();
        let read = response.take(cap as u64 + 1).read_to_end(&mut body);
        read.map_err(|e| TransportError::Unreachable { detail: e.kind().to_string() })?;
        if body.len() > cap {
            return Err(TransportError::TooLarge);
        }
        Ok(Response { status, headers, body })
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
        self.exchange(request)
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

    /// Answers one connection with these bytes and returns what it was sent.
    fn serve(answer: Vec<u8>) -> (String, std::thread::JoinHandle<String>) {
        use std::io::{BufRead as _, BufReader, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            let mut body = [0; 4];
            reader.read_exact(&mut body).unwrap();
            // The client may hang up early; that is its right.
            let _ = stream.write_all(&answer);
            head + &String::from_utf8_lossy(&body)
        });
        (authority, thread)
    }

    fn post(answer: Vec<u8>) -> (String, String, Result<Response, TransportError>) {
        let (authority, thread) = serve(answer);
        let transport = HttpTransport::new(&["http://", &authority].concat(), &Trust::Public).unwrap();
        let response = transport.send(Request {
            method: "POST".into(),
            authority: authority.clone(),
            path: "/v1/sync".into(),
            headers: vec![("x-test".into(), "1".into())],
            body: b"body".to_vec(),
            ..Request::default()
        });
        (authority, thread.join().unwrap(), response)
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

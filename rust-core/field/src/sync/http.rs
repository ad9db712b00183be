//! The real transport: HTTPS with a client that is made once.
//!
//! Invariant: the request goes out exactly as signed, to the authority it names, over TLS with
//! roots given explicitly; plain HTTP reaches this machine only. Redirects are not followed and
//! a body is read up to the protocol's cap. Rejected: the platform's certificate verifier, which
//! needs an initialisation on Android that a core cannot do.

use super::{Transport, TransportError, enrol::authority};
use lanewalk_protocol::{
    http::{Request, Response},
    limits,
};
use std::{io::Read as _, net::IpAddr, sync::Arc, time::Duration};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for a whole exchange: 4 MiB at 0.3 Mbit/s.
const TOTAL: Duration = Duration::from_secs(120);

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
    /// Makes the client for a base URL (as in the invitation). `root` is headquarters' own root
    /// certificate (DER); without it the public roots count.
    pub fn new(base_url: &str, root: Option<&[u8]>) -> Result<Self, TransportError> {
        let authority = authority(base_url).ok_or(TransportError::BadAddress)?;
        let scheme = if base_url.starts_with("https://") { "https" } else { "http" };
        if scheme == "http" && !is_loopback(&authority) {
            return Err(TransportError::BadAddress);
        }
        let unreachable = |detail: String| TransportError::Unreachable { detail };
        let mut roots = rustls::RootCertStore::empty();
        match root {
            Some(der) => roots
                .add(rustls::pki_types::CertificateDer::from(der.to_vec()))
                .map_err(|e| unreachable(e.to_string()))?,
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| unreachable(e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::blocking::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .no_proxy()
            .build()
            .map_err(|e| unreachable(e.to_string()))?;
        Ok(Self { client, scheme })
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
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| TransportError::BadAddress)?;
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

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.exchange(request)
    }
}

/// Says what failed without the URL, which is not for logs.
fn failure(error: &reqwest::Error) -> TransportError {
    if error.is_timeout() {
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
            assert_eq!(HttpTransport::new(url, None).is_ok(), allowed, "{url}");
        }
    }
}

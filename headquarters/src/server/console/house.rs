//! Which addresses are this server's own, and which requests come from its own pages.
//!
//! Invariant: over plain HTTP only the machine itself is served, under a name that only it can
//! have (a page that rebinds its own name to 127.0.0.1 still sends its own name). Behind TLS the
//! one public name counts, and only what comes by the proxy that ends it. Rejected: anti-forgery tokens in forms; the browser says where a
//! request comes from, and the cookie is never sent with another site's.

use super::header;
use crate::Settings;
use axum::http::HeaderMap;
use std::{net::SocketAddr, sync::Arc};

/// This server as browsers name it.
#[derive(Debug)]
pub(super) struct House {
    https: bool,
    authority: String,
    settings: Arc<Settings>,
}

impl House {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self { https: settings.is_https(), authority: settings.authority(), settings }
    }

    /// Says whether browsers reach it over TLS.
    pub(super) fn is_https(&self) -> bool {
        self.https
    }

    /// Returns the name of the session's cookie: one that a browser only takes over TLS, where there
    /// is TLS.
    pub(super) fn cookie(&self) -> &'static str {
        if self.https { "__Host-lanewalk" } else { "lanewalk" }
    }

    /// Makes the header that sets the session's cookie, or takes it away.
    pub(super) fn set_cookie(&self, token: Option<&str>) -> String {
        let secure = if self.https { "; Secure" } else { "" };
        let age = if token.is_none() { "; Max-Age=0" } else { "" };
        format!(
            "{}={}; Path=/; HttpOnly; SameSite=Strict{secure}{age}",
            self.cookie(),
            token.unwrap_or_default()
        )
    }

    /// Says whether a request that names this host is meant for this server.
    pub(super) fn is_own(&self, host: &str, peer: SocketAddr) -> bool {
        if self.https {
            let host = host.to_ascii_lowercase();
            // Whoever reaches this port past the proxy speaks without TLS.
            return self.settings.is_proxy(peer.ip())
                && host.strip_suffix(":443").unwrap_or(&host) == self.authority;
        }
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        peer.ip().is_loopback() && matches!(name, "localhost" | "127.0.0.1" | "[::1]")
    }

    /// Says whether a request was made by a page of this server.
    pub(super) fn is_same_origin(headers: &HeaderMap, house: &Self) -> bool {
        let (Some(origin), Some(host)) = (header(headers, "origin"), header(headers, "host")) else {
            return false;
        };
        let scheme = if house.https { "https://" } else { "http://" };
        let same = origin.strip_prefix(scheme).is_some_and(|o| o.eq_ignore_ascii_case(host));
        let said = !headers.contains_key("sec-fetch-site");
        same && (said || header(headers, "sec-fetch-site") == Some("same-origin"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn at(url: &str) -> House {
        House::new(Arc::new(Settings { public_url: url.into(), ..Settings::default() }))
    }

    #[test]
    fn only_own_names_are_own() {
        let (here, there): (SocketAddr, SocketAddr) =
            ("127.0.0.1:9".parse().unwrap(), "10.0.0.9:9".parse().unwrap());
        for (url, host, peer, want) in [
            ("http://127.0.0.1:8645", "127.0.0.1:8645", here, true),
            ("http://127.0.0.1:8645", "localhost:1", here, true),
            ("http://127.0.0.1:8645", "[::1]:1", here, true),
            ("http://127.0.0.1:8645", "127.0.0.1:8645", there, false),
            ("http://127.0.0.1:8645", "evil.example", here, false),
            ("http://127.0.0.1:8645", "127.0.0.1.evil.example:80", here, false),
            ("http://hq.example", "hq.example", there, false),
            ("https://HQ.example", "hq.example", here, true),
            ("https://hq.example", "hq.example:443", here, true),
            ("https://hq.example", "hq.example", there, false),
            ("https://hq.example", "127.0.0.1", here, false),
            ("https://hq.example", "", here, false),
        ] {
            assert_eq!(at(url).is_own(host, peer), want, "{url} {host} {peer}");
        }
    }

    #[test]
    fn only_own_pages_may_act() {
        let house = at("https://hq.example");
        for (origin, site, want) in [
            (Some("https://hq.example"), Some("same-origin"), true),
            (Some("https://hq.example"), None, true),
            (Some("https://hq.example"), Some("same-site"), false),
            (Some("https://hq.example"), Some("cross-site"), false),
            (Some("http://hq.example"), Some("same-origin"), false),
            (Some("https://evil.example"), Some("same-origin"), false),
            (Some("null"), Some("same-origin"), false),
            (None, Some("same-origin"), false),
            (None, None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", "hq.example".parse().unwrap());
            if let Some(origin) = origin {
                headers.insert("origin", origin.parse().unwrap());
            }
            if let Some(site) = site {
                headers.insert("sec-fetch-site", site.parse().unwrap());
            }
            assert_eq!(House::is_same_origin(&headers, &house), want, "{origin:?} {site:?}");
        }
    }
}

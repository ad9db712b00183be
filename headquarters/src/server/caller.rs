//! Where a request comes from.
//!
//! Invariant: what a header says about a caller counts only as far as a proxy of ours said it, told
//! by its address; without one the socket alone tells. Rejected: the first address of the list, or
//! the last whoever sent it: callers write those themselves and would then choose whose failed
//! sign-ins and whose share of requests they use up.

use crate::Settings;
use axum::http::HeaderMap;
use std::net::{IpAddr, SocketAddr};

/// Returns the address of who asks: the last one that our proxies name and that is none of them.
pub(super) fn address(headers: &HeaderMap, peer: SocketAddr, settings: &Settings) -> IpAddr {
    let mut caller = peer.ip().to_canonical();
    let all: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().map(|h| h.to_str().unwrap_or("?")).collect();
    for told in all.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !settings.is_proxy(caller) {
            break;
        }
        // A proxy that says nothing readable stands for whoever is behind it.
        let Some(next) = read(told.trim()) else { break };
        caller = next.to_canonical();
    }
    caller
}

/// Reads an address, with or without a port.
fn read(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use lanewalk_protocol::pins::Pins;

    fn told(lines: &[&str], peer: &str, url: &str, proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let settings = Settings {
            public_url: url.into(),
            proxies: proxies.iter().map(|p| p.parse().unwrap()).collect(),
            ..Settings::default()
        };
        address(&headers, SocketAddr::new(peer.parse().unwrap(), 4_000), &settings).to_string()
    }

    #[test]
    fn only_our_own_proxies_say_who_asks() {
        let (plain, tls) = ("http://127.0.0.1:8645", "https://hq.example");
        for (lines, peer, url, proxies, want) in [
            // Without a proxy the header is the caller's own tale.
            (&["9.9.9.9"][..], "127.0.0.1", plain, &[][..], "127.0.0.1"),
            (&["9.9.9.9"], "10.0.0.5", plain, &[], "10.0.0.5"),
            (&["9.9.9.9"], "10.0.0.5", tls, &[], "10.0.0.5"),
            // Over TLS without a name the proxy is on this machine.
            (&["10.0.0.5"], "127.0.0.1", tls, &[], "10.0.0.5"),
            (&["10.0.0.5"], "::1", tls, &[], "10.0.0.5"),
            (&["10.0.0.5"], "::ffff:127.0.0.1", tls, &[], "10.0.0.5"),
            (&[], "127.0.0.1", tls, &[], "127.0.0.1"),
            // What the caller wrote stands before what the proxy added.
            (&["1.1.1.1, 2.2.2.2, 10.0.0.5"], "127.0.0.1", tls, &[], "10.0.0.5"),
            (&["1.1.1.1", "10.0.0.5"], "127.0.0.1", tls, &[], "10.0.0.5"),
            (&["127.0.0.1, 10.0.0.5"], "127.0.0.1", tls, &[], "10.0.0.5"),
            // Two proxies, and one that is not ours.
            (&["1.1.1.1, 10.0.0.5, 10.9.0.1"], "10.9.0.2", tls, &["10.9.0.1", "10.9.0.2"], "10.0.0.5"),
            (&["1.1.1.1, 10.0.0.5, 10.9.0.1"], "10.9.0.2", tls, &["10.9.0.2"], "10.9.0.1"),
            (&["10.0.0.5"], "127.0.0.1", tls, &["10.9.0.2"], "127.0.0.1"),
            (&["10.0.0.5"], "10.9.0.2", plain, &["10.9.0.2"], "10.0.0.5"),
            // Nothing readable: the proxy itself, which is one caller for all such.
            (&["unknown"], "127.0.0.1", tls, &[], "127.0.0.1"),
            (&["10.0.0.5, "], "127.0.0.1", tls, &[], "127.0.0.1"),
            (&["127.0.0.1"], "127.0.0.1", tls, &[], "127.0.0.1"),
            // As proxies write them.
            (&["10.0.0.5:6112"], "127.0.0.1", tls, &[], "10.0.0.5"),
            (&["[fd00::7]:443"], "127.0.0.1", tls, &[], "fd00::7"),
            (&["[fd00::7]"], "127.0.0.1", tls, &[], "fd00::7"),
            (&["fd00::7"], "127.0.0.1", tls, &[], "fd00::7"),
        ] {
            assert_eq!(told(lines, peer, url, proxies), want, "{lines:?} {peer} {url} {proxies:?}");
        }
        // Where TLS ends here, nobody stands in front, not even on this machine.
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "9.9.9.9".parse().unwrap());
        let own = Settings {
            public_url: tls.into(),
            pins: Pins::of_keys([b"key".as_slice()]),
            ..Settings::default()
        };
        let loopback = SocketAddr::new("127.0.0.1".parse().unwrap(), 4_000);
        assert_eq!(address(&headers, loopback, &own).to_string(), "127.0.0.1");
        let long = "1.1.1.1,".repeat(5_000) + "10.0.0.5";
        assert_eq!(told(&[&long], "127.0.0.1", tls, &[]), "10.0.0.5");
    }
}

//! The house's own tile source under the map.
//!
//! Invariant: what is stored has been read here, so its origin is one plain word of a page's
//! policy: a scheme, a name and a port, nothing that could end the directive. Rejected: a list of
//! public tile servers; whoever answers for them would learn which street is looked at and when.

use crate::{error::HqError, hq::Headquarters, people::audit, store};
use lanewalk_model::time::TimeMs;
use rusqlite::Connection;

/// Key of the setting.
const KEY: &str = "map_tiles";
/// Bytes of an address.
const LONGEST: usize = 300;

/// Where tiles come from: `https://tiles.inner/{z}/{x}/{y}.png`, or `/tiles/{z}/{x}/{y}.png` from
/// this same server's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileSource {
    template: String,
    /// Bytes of the scheme and the authority; none for this same server.
    origin: usize,
}

impl TileSource {
    /// Reads an address; `None` where it is none or cannot stand in a page's policy.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_graphic() && !br#""'`;,<>\^|#"#.contains(&b);
        if text.len() > LONGEST || !text.bytes().all(plain) {
            return None;
        }
        let origin = match text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) {
            Some(rest) => {
                let authority = rest.split(['/', '?']).next().filter(|a| is_authority(a))?;
                text.len() - rest.len() + authority.len()
            }
            // Two strokes would name another host.
            None if text.starts_with('/') && !text.starts_with("//") => 0,
            None => return None,
        };
        let path = text.get(origin..)?;
        let once = |part: &str| path.matches(part).count() == 1;
        let whole = path.starts_with('/') && ["{z}", "{x}", "{y}"].into_iter().all(once);
        let braces = path.bytes().filter(|b| b"{}".contains(b)).count() == 6;
        (whole && braces).then(|| Self { template: text.to_owned(), origin })
    }

    /// Returns the origin as a page's policy names it; `None` for this same server.
    pub fn origin(&self) -> Option<&str> {
        self.template.get(..self.origin).filter(|o| !o.is_empty())
    }

    /// Returns the address as it was set.
    pub fn template(&self) -> &str {
        &self.template
    }

    /// Makes the address of one tile.
    pub fn tile(&self, z: u32, x: u32, y: u32) -> String {
        let number = |text: String, part: &str, n: u32| text.replace(part, &n.to_string());
        number(number(number(self.template.clone(), "{z}", z), "{x}", x), "{y}", y)
    }
}

/// Reads `name` or `name:port`. Policies cannot name IPv6 addresses.
fn is_authority(text: &str) -> bool {
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    let named = name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    let whole = !name.is_empty() && !name.starts_with(['.', '-']) && !name.ends_with('-');
    named && whole && port.is_none_or(|p| p.parse::<u16>().is_ok_and(|n| n > 0 && n.to_string() == p))
}

/// Reads the tile source; `None` when there is none, which is how it begins.
pub fn tile_source(db: &Connection) -> Result<Option<TileSource>, HqError> {
    let bytes = store::meta(db, KEY)?.unwrap_or_default();
    Ok(String::from_utf8(bytes).ok().and_then(|text| TileSource::parse(&text)))
}

impl Headquarters {
    /// Sets the house's own tile source for the map; empty for none.
    ///
    /// # Errors
    /// Words for the person where the address cannot be one.
    pub fn set_map_tiles(&mut self, source: &str, by: &str) -> Result<(), HqError> {
        let source = source.trim();
        let parsed = TileSource::parse(source);
        if !source.is_empty() && parsed.is_none() {
            return Err(HqError::NotAllowed(
                "瓦片地址须以 http://、https:// 或 / 开头，主机名只用英文字母、数字、点和连字符，路径里 {z} {x} {y} 各一次 / the address begins with http://, https:// or /, its host has letters, digits, dots and hyphens, its path has {z}, {x} and {y} once each".into(),
            ));
        }
        let origin = parsed.as_ref().and_then(TileSource::origin).unwrap_or_default();
        if self.core.settings.is_https() && origin.starts_with("http://") {
            return Err(HqError::NotAllowed(
                "控制台使用 https，浏览器不会从 http 地址加载图片，请改用 https 瓦片地址 / the console is reached over https, where browsers load no pictures over http: use an https address".into(),
            ));
        }
        // A cookie belongs to a name whatever the port.
        let name = |authority: &str| authority.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let tiles_at = origin.split_once("://").map_or("", |(_, authority)| authority);
        if !tiles_at.is_empty() && name(tiles_at) == name(&self.core.settings.authority()) {
            return Err(HqError::NotAllowed(
                "瓦片服务不能与控制台同一主机名不同端口：浏览器会把登录凭据一并发去。请换一个主机名，或由反向代理放在本系统路径下（以 / 开头） / not the console's own name with another port: browsers would send the session there too. Use another name, or a path of this server (beginning with /)".into(),
            ));
        }
        self.act(|tx, core| {
            store::set_meta(tx, KEY, source.as_bytes())?;
            let at: TimeMs = core.now();
            audit(tx, at, by, "map_tiles", source)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn only_what_can_stand_in_a_policy_is_a_source() {
        for (text, want) in [
            ("https://tiles.inner/{z}/{x}/{y}.png", Some(Some("https://tiles.inner"))),
            ("http://127.0.0.1:8080/{z}/{x}/{y}", Some(Some("http://127.0.0.1:8080"))),
            ("https://t.example/wmts?z={z}&x={x}&y={y}", Some(Some("https://t.example"))),
            ("https://t.example?z={z}&x={x}&y={y}", None),
            ("https://t.example/wmts/?z={z}&x={x}&y={y}&key=a%20b", Some(Some("https://t.example"))),
            ("/tiles/{z}/{x}/{y}.png", Some(None)),
            ("//evil.example/{z}/{x}/{y}.png", None),
            ("javascript:alert(1)//{z}{x}{y}", None),
            ("data:image/png,{z}{x}{y}", None),
            ("ftp://t/{z}/{x}/{y}", None),
            ("https:///{z}/{x}/{y}", None),
            ("https://{z}.t/{x}/{y}", None),
            ("https://t/{z}/{x}", None),
            ("https://t/{z}/{x}/{y}/{s}", None),
            ("https://t/{z}/{x}/{y}/{y}", None),
            ("https://user@t/{z}/{x}/{y}", None),
            ("https://t;script-src*/{z}/{x}/{y}", None),
            ("https://t 'unsafe-inline'/{z}/{x}/{y}", None),
            ("https://t/{z}/{x}/{y}\"onload=alert(1)", None),
            ("https://t/{z}/{x}/{y}\n", None),
            ("https://*/{z}/{x}/{y}", None),
            ("https://t:0/{z}/{x}/{y}", None),
            ("https://t:99999/{z}/{x}/{y}", None),
            ("https://t:/{z}/{x}/{y}", None),
            ("https://[::1]/{z}/{x}/{y}", None),
            ("https://瓦片/{z}/{x}/{y}", None),
            ("", None),
        ] {
            let found = TileSource::parse(text);
            assert_eq!(found.as_ref().map(TileSource::origin), want, "{text}");
        }
        let source = TileSource::parse("https://t/{z}/{x}/{y}.png").unwrap();
        assert_eq!(source.tile(15, 3, 4), "https://t/15/3/4.png");
        assert!(TileSource::parse(&format!("https://t/{{z}}/{{x}}/{{y}}{}", "a".repeat(300))).is_none());
    }
}

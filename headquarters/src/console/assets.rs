//! The files every page loads: one style sheet, one script, one icon.
//!
//! Invariant: pages name them with the hash of their content, so a browser keeps them for ever and
//! still never uses an old one. Rejected: style inside the page; the policy then has to name its
//! hash, and every page carries it again.

use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// A file that belongs to the program.
#[derive(Debug)]
pub struct Asset {
    /// Path on the server.
    pub path: &'static str,
    /// Media type.
    pub media_type: &'static str,
    /// Content.
    pub text: &'static str,
    tag: LazyLock<String>,
}

fn tag(text: &str) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(text)).chars().take(16).collect()
}

const STYLE_TEXT: &str = include_str!("style.css");
const SCRIPT_TEXT: &str = include_str!("script.js");

/// The style sheet.
pub static STYLE: Asset = Asset {
    path: "/assets/console.css",
    media_type: "text/css; charset=utf-8",
    text: STYLE_TEXT,
    tag: LazyLock::new(|| tag(STYLE_TEXT)),
};

/// The script. Every page works without it.
pub static SCRIPT: Asset = Asset {
    path: "/assets/console.js",
    media_type: "text/javascript; charset=utf-8",
    text: SCRIPT_TEXT,
    tag: LazyLock::new(|| tag(SCRIPT_TEXT)),
};

const ICON_TEXT: &str = include_str!("icon.svg");

/// The icon of the pages: a path through lanes.
pub static ICON: Asset = Asset {
    path: "/assets/icon.svg",
    media_type: "image/svg+xml",
    text: ICON_TEXT,
    tag: LazyLock::new(|| tag(ICON_TEXT)),
};

impl Asset {
    /// Finds one by its path.
    pub fn find(path: &str) -> Option<&'static Self> {
        [&STYLE, &SCRIPT, &ICON].into_iter().find(|a| a.path == path)
    }

    /// Returns the address that pages use.
    pub(super) fn address(&self) -> String {
        format!("{}?v={}", self.path, *self.tag)
    }

    /// Says whether a query names this very content, which a browser may then keep.
    pub fn is_current(&self, query: &str) -> bool {
        query.strip_prefix("v=") == Some(self.tag.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_load_nothing_from_elsewhere() {
        for asset in [&STYLE, &SCRIPT] {
            let text = asset.text;
            assert!(
                !text.contains("http:") && !text.contains("https:") && !text.contains("@import"),
                "{}",
                asset.path
            );
            assert!(!text.contains("url("), "{}", asset.path);
            assert!(asset.is_current(asset.address().split('?').nth(1).unwrap_or_default()));
        }
        assert!(Asset::find("/assets/other.js").is_none());
    }
}

//! The words that are burnt into an evidence copy.
//!
//! Invariant: what the stamp says can be rebuilt from the log, so a forged picture contradicts
//! it; the short code is the latest signed time of headquarters the phone held, which nobody
//! knew before headquarters gave it out. Rejected: drawing the phone's clock alone.

use crate::{clock_trust::ClockTrust, time::TimeMs};

/// What a stamp tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StampFacts {
    /// When, by the best clock known.
    pub at: TimeMs,
    /// How far that time can be trusted.
    pub trust: Option<ClockTrust>,
    /// Place in words, or empty.
    pub place: String,
    /// Grid cell, or empty.
    pub grid: String,
    /// Name of who took it.
    pub worker: String,
    /// The order's number, or empty.
    pub order: String,
    /// First bytes of the tag of headquarters' latest time; all zero before the first contact.
    pub beacon: [u8; 4],
    /// True when the file came from the gallery.
    pub imported: bool,
}

/// Returns the stamp's lines, Chinese, none empty.
pub fn stamp_lines(facts: &StampFacts) -> Vec<String> {
    let trust = match facts.trust {
        Some(ClockTrust::Anchored) => "时间已校准",
        _ => "时间未校准",
    };
    let verb = if facts.imported { "导入" } else { "拍摄" };
    let mut lines = vec![format!("{} {verb} {trust}", facts.at.china_with("%Y-%m-%d %H:%M:%S"))];
    let place: Vec<&str> =
        [facts.place.as_str(), facts.grid.as_str()].into_iter().filter(|s| !s.is_empty()).collect();
    if !place.is_empty() {
        lines.push(place.join(" 网格"));
    }
    let order = if facts.order.is_empty() { String::new() } else { ["工单 ", &facts.order].concat() };
    let who: Vec<&str> =
        [facts.worker.as_str(), order.as_str()].into_iter().filter(|s| !s.is_empty()).collect();
    if !who.is_empty() {
        lines.push(who.join(" · "));
    }
    let code = match facts.beacon {
        [0, 0, 0, 0] => "无".to_owned(),
        [a, b, c, d] => format!("{a:02X}{b:02X}-{c:02X}{d:02X}"),
    };
    lines.push(["走街串巷 总部校时码 ", &code].concat());
    lines
}

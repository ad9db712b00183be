//! What of an order strangers may read.
//!
//! Invariant: made of the documents' redacted fields alone, and less than these: no door, no room,
//! and nothing but its state of an order that was to be kept in confidence (DOMAIN.md §9: address
//! to the building).

use super::{
    node::{Node, text},
    services::{OTHER, called},
};
use lanewalk_model::{
    catalog::Catalog,
    id::{DocId, to_hex},
    order::{self, State},
    position::Position,
    time::TimeMs,
    view::DocView,
};

/// Characters of a description.
const DESCRIPTION_CHARS: usize = 4_000;

/// An order with what its document does not hold.
pub(super) struct Shown<'a> {
    pub(super) id: DocId,
    pub(super) view: &'a DocView,
    pub(super) secrecy: bool,
    pub(super) media_url: &'a str,
}

/// Writes a moment as the standard wants it: with China's offset.
pub(super) fn iso(at: TimeMs) -> String {
    at.china_with("%Y-%m-%dT%H:%M:%S+08:00")
}

/// Describes an order.
pub(super) fn request(shown: &Shown<'_>, catalog: &Catalog) -> Node {
    let view = shown.view;
    let state = order::state(view);
    let code = view.text("matter_code").filter(|c| !c.is_empty()).unwrap_or(OTHER);
    let (name, _) = called(catalog, code).unwrap_or_default();
    let open = |text: &str| if shown.secrecy { String::new() } else { outside(text) };
    let time = |at: Option<i64>| at.map_or(Node::Null, |at| Node::Text(iso(TimeMs(at))));
    let due = view.int("internal_due").or(view.int("upstream_due"));
    let position = view
        .text("reported_position")
        .filter(|_| !shown.secrecy)
        .and_then(|json| serde_json::from_str::<Position>(json).ok());
    let degrees =
        |read: fn(&Position) -> f64| position.as_ref().map_or(Node::Null, |p| Node::Number(read(p)));
    let description: String =
        open(view.text("summary").unwrap_or_default()).chars().take(DESCRIPTION_CHARS).collect();
    let unit = catalog.units.iter().find(|u| Some(u.id.as_str()) == view.text("lead_unit"));
    let notice = view.flag("due_provisional").then_some("时限为暂定 / the due time is provisional");
    Node::Map(vec![
        ("service_request_id", text(&to_hex(&shown.id.uuid))),
        ("status", text(if state.is_open() { "open" } else { "closed" })),
        ("status_notes", text(&notes(view, state))),
        ("service_name", text(&name)),
        ("service_code", text(code)),
        ("description", text(&description)),
        ("agency_responsible", unit.map_or(Node::Null, |u| text(&u.name_zh))),
        ("service_notice", notice.map_or(Node::Null, text)),
        ("requested_datetime", time(view.int("reported_at"))),
        ("updated_datetime", time(updated(view, state))),
        ("expected_datetime", time(due)),
        ("address", text(&specific_first(&open(view.text("place_text").unwrap_or_default())))),
        ("address_id", Node::Null),
        ("zipcode", Node::Null),
        ("lat", degrees(Position::lat)),
        ("long", degrees(Position::lon)),
        ("media_url", text(if shown.secrecy { "" } else { shown.media_url })),
    ])
}

/// Tells the state, and how it ended; never the reply, which may speak of the requester.
fn notes(view: &DocView, state: State) -> String {
    let ended = view.text("outcome").filter(|_| !state.is_open());
    match ended {
        Some(outcome) => format!("{} ({}: {outcome})", state.zh(), state.id()),
        None => format!("{} ({})", state.zh(), state.id()),
    }
}

fn updated(view: &DocView, state: State) -> Option<i64> {
    let closed = view.int("closed_at").filter(|_| !state.is_open());
    let step = order::steps(view).iter().map(|(_, step)| step.at.0).max();
    closed.or(step).or(view.int("reported_at"))
}

/// Takes numbers of flats, floors and entrances out of a text.
fn outside(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() || "零〇一二三四五六七八九十".contains(c) {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            // `2-501` and `3-2-501` name a flat as `501室` does.
            let flat = "室户层单门".contains(c) || "-－—".contains(c) || out.ends_with(['-', '－', '—']);
            out.push_str(if flat { "…" } else { &digits });
            digits.clear();
        }
        out.push(c);
    }
    let flat =
        out.ends_with(['-', '－', '—']) || (!digits.is_empty() && out.ends_with(['栋', '幢', '楼', '元']));
    out.push_str(if flat { "…" } else { &digits });
    out
}

/// Turns an address that begins with the largest unit around: the standard wants the most specific
/// part first, Chinese says it last. What is not written so stays as it is.
fn specific_first(address: &str) -> String {
    let mut rest = address.trim();
    let mut parts: Vec<&str> = Vec::new();
    'units: loop {
        for unit in ["省", "自治区", "市", "区", "县", "街道", "镇", "乡", "社区"] {
            let Some((name, after)) = rest.split_once(unit) else { continue };
            let short = (1..=6).contains(&name.chars().count()) && name.chars().all(char::is_alphabetic);
            // 小区 is a housing estate, no district; 社 before 区 belongs to 社区.
            let estate =
                unit == "区" && (name.ends_with('小') || name.ends_with('社') || name.ends_with('园'));
            let inner = ["省", "市", "县", "街道", "镇"].iter().any(|u| *u != unit && name.contains(u));
            if short && !estate && !inner && !after.is_empty() {
                let (part, after) = rest.split_at(rest.len().saturating_sub(after.len()));
                parts.push(part);
                rest = after.trim_start();
                continue 'units;
            }
        }
        break;
    }
    parts.push(rest);
    parts.reverse();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_begin_with_the_most_specific_part() {
        for (address, want) in [
            (
                "山东省潍坊市奎文区潍州路街道潍棉小区3号楼",
                "潍棉小区3号楼, 潍州路街道, 奎文区, 潍坊市, 山东省",
            ),
            ("奎文区健康东街10号", "健康东街10号, 奎文区"),
            ("潍棉小区3号楼", "潍棉小区3号楼"),
            ("北王社区2号", "2号, 北王社区"),
            ("100 City Hall Plz, Boston", "100 City Hall Plz, Boston"),
            ("", ""),
        ] {
            assert_eq!(specific_first(address), want);
        }
    }

    #[test]
    fn strangers_read_up_to_the_building() {
        for (text, want) in [
            ("3号楼2单元201室有20只猫", "3号楼…单元…室有20只猫"),
            ("三层东户漏水", "…层东户漏水"),
            ("5号楼", "5号楼"),
            ("12345", "12345"),
        ] {
            assert_eq!(outside(text), want);
        }
    }
}

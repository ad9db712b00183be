//! Values of documents in words: times, people, records.
//!
//! Invariant: every value of every field can be shown, also of a newer version's record; what is
//! not known is shown as it stands. Rejected: a screen per record type.

use super::{
    names::Names,
    parts::{Veil, bi, clip, none, shown, visible, when},
    sections::asks,
    words::{self, Words},
};
use lanewalk_model::{
    order::{Refusal, State},
    photo::PhotoRecord,
    position::{Position, Source},
    records::{Confirmation, DecisionRecord, MeasurementRecord, NoteRecord, ProposalRecord},
    schema::{DocKind, Type},
    view::Value,
};
use maud::{Markup, html};
use serde::de::DeserializeOwned;

/// Fields of an unknown record shown.
const MAX_PARTS: usize = 12;

/// What showing values needs to know.
#[derive(Clone, Copy)]
pub(super) struct Showing<'a> {
    pub(super) names: &'a Names,
    pub(super) veil: &'a Veil,
    /// Characters of a text at most.
    pub(super) most: usize,
}

/// Names a key: the field's name, or the key itself.
pub(super) fn label(key: &str) -> Markup {
    let field = key.split_once('/').map_or(key, |(field, _)| field);
    match words::field(field) {
        Some(words) => bi(words),
        None => html! { span.id { (shown(&clip(key, 80))) } },
    }
}

fn record<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_str(value.text()?).ok()
}

fn either(words: Option<Words>, id: &str) -> Markup {
    words.map_or_else(|| shown(&clip(id, 80)), bi)
}

impl Showing<'_> {
    /// Shows the value of a key.
    pub(super) fn value(&self, kind: DocKind, key: &str, value: &Value) -> Markup {
        let (field, member) = key.split_once('/').map_or((key, None), |(f, m)| (f, Some(m)));
        match (field, value) {
            ("assignee", Value::Bool(on)) => self.member(self.names.person(member.unwrap_or_default()), *on),
            ("support_unit", Value::Bool(on)) => {
                self.member(self.names.thing(field, member.unwrap_or_default()), *on)
            }
            ("flag", Value::Bool(on)) if member.and_then(words::flag).is_some() => {
                self.member(member.and_then(words::flag).map_or_else(none, bi), *on)
            }
            (_, Value::Bool(on)) if member.is_some() => self.member(shown(member.unwrap_or_default()), *on),
            (_, Value::Bool(on)) => bi(if *on { ("是", "yes") } else { ("否", "no") }),
            (_, Value::Int(at)) if kind.spec().field(key).is_some_and(|f| f.ty == Type::Time) => when(*at),
            (_, Value::Int(n)) => html! { (n) },
            ("state", Value::Text(id)) => either(State::from_id(id).map(words::state), id),
            ("urgency" | "outcome" | "kind" | "purpose" | "result", Value::Text(id)) => {
                either(words::value(field, id), id)
            }
            ("current_owner" | "first_owner" | "by", Value::Text(id)) => self.names.person(id),
            ("lead_unit" | "matter_code" | "grid", Value::Text(id)) => self.names.thing(field, id),
            (_, Value::Text(text)) => self.text(kind, key, field, value, text),
        }
    }

    fn member(&self, name: Markup, on: bool) -> Markup {
        html! { (name) @if !on { " " (bi(("(移除)", "removed"))) } }
    }

    fn text(&self, kind: DocKind, key: &str, field: &str, value: &Value, text: &str) -> Markup {
        let known = match field {
            "proposal" => record(value).map(|r: ProposalRecord| asks(&r, self.veil)),
            "decision" => record(value).map(|r: DecisionRecord| self.decision(&r)),
            "note" => record(value).map(|r: NoteRecord| self.veil.short(&r.text, self.most)),
            "measurement" => record(value).map(|r: MeasurementRecord| self.measurement(&r)),
            "photo" => record(value).map(|r: PhotoRecord| photo(&r)),
            "reported_position" | "position" => record(value).map(|p: Position| position(&p)),
            _ => None,
        };
        known.unwrap_or_else(|| match kind.spec().field(key).map(|f| f.ty) {
            Some(Type::Json(_)) => self.json(text),
            // Ids and hashes: nothing to take out, and long digits in them are no phone numbers.
            Some(Type::Text(..=64)) => html! { span.id { (shown(&clip(text, 80))) } },
            _ => self.veil.short(text, self.most),
        })
    }

    /// Shows how a proposal was answered, with the reason in words.
    pub(super) fn decision(&self, record: &DecisionRecord) -> Markup {
        html! {
            strong { (bi(words::verdict(record.verdict))) }
            @if let Some(reason) = record.reason { " · " (refusal(reason)) }
            @if let Some(words) = &record.words { span.quote { (self.veil.short(words, self.most)) } }
        }
    }

    /// Shows a measurement with how it is known (R46).
    pub(super) fn measurement(&self, record: &MeasurementRecord) -> Markup {
        html! {
            (self.veil.short(&record.what, 120)) " "
            strong { (number(record.milli)) " " (shown(&clip(&record.unit, 20))) } " "
            span.tag { (bi(words::method(record.method))) }
        }
    }

    /// Shows a record of any shape, part by part.
    fn json(&self, text: &str) -> Markup {
        let Ok(parts) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) else {
            return self.veil.short(text, self.most);
        };
        html! {
            @for (key, value) in parts.iter().take(MAX_PARTS) {
                span.part {
                    span.sub.inline { (visible(&clip(key, 40))) } " "
                    @match value {
                        serde_json::Value::String(t) => {
                            @match confirmation(t) { Some(w) => (bi(w)), None => (self.veil.short(t, self.most)) }
                        }
                        serde_json::Value::Number(n) => {
                            @match n.as_i64().filter(|_| is_time(key)) { Some(at) => (when(at)), None => (n) }
                        }
                        other => (self.veil.short(&other.to_string(), 200)),
                    }
                }
            }
            @if parts.is_empty() { (none()) }
            @if parts.len() > MAX_PARTS { span.part { "…" } }
        }
    }
}

fn is_time(key: &str) -> bool {
    key == "at" || key.ends_with("_at")
}

fn confirmation(text: &str) -> Option<Words> {
    let read = serde_json::from_value::<Confirmation>(serde_json::Value::String(text.to_owned()));
    read.ok().map(words::confirmation)
}

/// Shows why a proposal was refused, as the worker reads it.
pub(super) fn refusal(reason: Refusal) -> Markup {
    bi((reason.zh(), reason.en()))
}

/// Shows thousandths without needless zeros.
pub(super) fn number(milli: i64) -> String {
    let sign = if milli < 0 { "-" } else { "" };
    let (whole, rest) = (milli.unsigned_abs() / 1_000, milli.unsigned_abs() % 1_000);
    let text = format!("{sign}{whole}.{rest:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Shows a position with its accuracy and source.
pub(super) fn position(p: &Position) -> Markup {
    let source = match p.source() {
        Source::Gps => ("卫星定位", "GPS"),
        Source::Network => ("网络定位", "network"),
        Source::Manual => ("手工标注", "manual"),
        Source::Unknown => ("来源不明", "unknown source"),
    };
    html! {
        span.id { (format!("{:.5}, {:.5}", p.lat(), p.lon())) }
        @if let Some(m) = p.accuracy_m() { " ±" (m) " m" }
        " " (bi(source))
        @if p.mock() { " " span.tag.conflict { (bi(("疑似模拟定位", "mock location"))) } }
    }
}

/// Shows a photo record in a line.
pub(super) fn photo(record: &PhotoRecord) -> Markup {
    html! {
        (bi(words::photo(record.role))) " · " (size(record.original.bytes)) " · "
        @if record.in_app { (bi(("应用内拍摄", "taken in app"))) }
        @else { span.tag { (bi(("相册导入", "imported"))) } }
    }
}

/// Says a number of bytes.
pub(super) fn size(bytes: u64) -> String {
    if bytes < 1 << 20 {
        format!("{} KB", bytes.div_ceil(1 << 10))
    } else {
        format!("{}.{} MB", bytes >> 20, (bytes >> 10) % 1024 * 10 / 1024)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn numbers_and_sizes_read_well() {
        for (milli, want) in
            [(20_000, "20"), (36_500, "36.5"), (-1, "-0.001"), (0, "0"), (i64::MIN, "-9223372036854775.808")]
        {
            assert_eq!(number(milli), want);
        }
        for (bytes, want) in [(0, "0 KB"), (1, "1 KB"), (1_048_576, "1.0 MB"), (1_887_437, "1.7 MB")] {
            assert_eq!(size(bytes), want);
        }
    }

    #[test]
    fn any_value_of_any_field_can_be_shown() {
        let (names, veil) = (Names::default(), Veil::default());
        let show = Showing { names: &names, veil: &veil, most: 300 };
        for kind in [DocKind::Order, DocKind::Visit] {
            for field in kind.spec().fields {
                let key = if field.family { format!("{}/x", field.name) } else { field.name.to_owned() };
                assert!(words::field(field.name).is_some(), "{key} has no name");
                for value in [
                    Value::Bool(true),
                    Value::Int(i64::MAX),
                    "<b>13800008000".into(),
                    "{}".into(),
                    r#"{"a":[1,"<i>"],"at":5}"#.into(),
                ] {
                    let html = show.value(kind, &key, &value).into_string();
                    assert!(!html.contains("<b>") && !html.contains("<i>"), "{key}: {html}");
                }
            }
        }
    }

    #[test]
    fn records_hide_phone_numbers_and_say_what_they_mean() {
        let (names, veil) = (Names::default(), Veil { name: "张三丰".into(), phone: String::new() });
        let show = Showing { names: &names, veil: &veil, most: 300 };
        let of = |key: &str, json: &str| show.value(DocKind::Order, key, &json.into()).into_string();
        let reply = of("liaison_reply/x", r#"{"text":"张三丰 13800008000","at":1783240000000}"#);
        assert!(reply.contains("[姓名]") && reply.contains("[号码]") && reply.contains("2026-07-05"));
        let measured =
            of("measurement/x", r#"{"what":"猫","milli":20000,"unit":"只","method":"counted","at":1}"#);
        assert!(measured.contains("20") && measured.contains("清点"));
        let decision =
            of("decision/x", r#"{"verdict":"refused","reason":"stale_version","decided_at":1,"by":"hq"}"#);
        assert!(decision.contains("未同意") && decision.contains(Refusal::StaleVersion.zh()));
    }
}

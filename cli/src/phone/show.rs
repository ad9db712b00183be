//! How lists and documents look in a terminal.
//!
//! Invariant: every concurrent value is printed with who wrote it and when; none is left out
//! because another is newer.

use super::{Phone, ids};
use crate::{
    seed::Named,
    words::{Failure, bold, cut, dim, good, pad, say, short, warm, when},
};
use lanewalk_field::{ListItem, OrderPage};
use lanewalk_model::{
    id::DocId,
    order::State,
    records::{DecisionRecord, MeasurementRecord, Method, NoteRecord, Verdict},
    schema::DocKind,
    view::{Attributed, Conflict, DocView},
};
use std::collections::HashMap;

/// Names of staff by id, from the reference data.
pub(super) fn names(phone: &Phone) -> HashMap<String, String> {
    let find = || -> Option<Vec<Named>> {
        let all = ids::all(phone, Some(DocKind::Reference)).ok()?;
        let id = all.iter().find(|i| i.row.title == "staff")?.id;
        serde_json::from_str(phone.field.document(id).ok()?.text("body")?).ok()
    };
    find().unwrap_or_default().into_iter().map(|n| (n.id, n.name)).collect()
}

fn name(names: &HashMap<String, String>, id: &str) -> String {
    match (id, names.get(id)) {
        ("hq", _) => "指挥中心".into(),
        (_, Some(name)) => format!("{name}（{id}）"),
        (_, None) => id.to_owned(),
    }
}

/// Prints a list with running numbers.
pub(super) fn list(phone: &Phone, items: &[ListItem]) {
    let orders = items.iter().all(|i| i.id.kind == DocKind::Order);
    for (n, item) in (1..).zip(items) {
        let row = &item.row;
        let state = State::from_id(&row.state).map_or(row.state.as_str(), |s| s.zh());
        let far = item.distance_m.map_or_else(String::new, |m| format!("  {m:.0} m"));
        let mut marks = String::new();
        if row.urgent {
            marks.push_str(" 急");
        }
        if row.conflicts > 0 {
            marks.push_str(" 有分歧");
        }
        if row.pending > 0 {
            marks.push_str(" 待批");
        }
        let due = row.due_at.map_or_else(String::new, |_| {
            format!("  限 / due {}{}", when(row.due_at), if row.due_provisional { "（暂定）" } else { "" })
        });
        let kind = if orders { String::new() } else { pad(item.id.kind.name(), 10) };
        say!(
            "{n:>3}  {}  {kind}{} {}  {}{}{due}{far}",
            dim(short(&item.id)),
            pad(state, 12),
            pad(&cut(&row.title, 36), 38),
            dim(cut(&row.detail, 36)),
            warm(marks),
        );
    }
    let pending = phone.field.status().map(|s| s.pending).unwrap_or(0);
    say!("{}", dim(format!("{} 条 / rows；本机待发 / waiting here: {pending}", items.len())));
}

/// Prints a document: an order as its page, unless every field is wanted.
pub(super) fn document(phone: &Phone, id: DocId, raw: bool) -> Result<(), Failure> {
    let names = names(phone);
    if id.kind == DocKind::Order && !raw {
        order(&names, &phone.field.order(id)?);
    } else {
        say!("{}", bold(id));
        fields(&names, &phone.field.document(id)?);
    }
    Ok(())
}

fn order(names: &HashMap<String, String>, page: &OrderPage) {
    let (row, view) = (&page.row, &page.view);
    let state = State::from_id(&row.state).map_or(row.state.as_str(), |s| s.zh());
    let urgent = if row.urgent { warm(" 紧急件 / urgent") } else { String::new() };
    say!("{}  {}{urgent}", bold(&row.title), good(state));
    say!(
        "  {}  {}",
        page.id,
        dim(format!("上级编号 / upstream {}", view.text("upstream_id").unwrap_or("—")))
    );
    say!("  地址 / place    {}", row.detail);
    say!("  网格 / grid     {}", if row.grid.is_empty() { "—" } else { &row.grid });
    say!("  受理 / reported {}", when(view.int("reported_at")));
    let provisional = if row.due_provisional { "（暂定 / provisional）" } else { "" };
    say!("  时限 / due      {}{provisional}", when(row.due_at));
    say!("  内容 / summary  {}", view.text("summary").unwrap_or("—"));
    if let Some(brief) = &page.brief {
        let masked = [brief.text("requester_masked"), brief.text("phone_masked")];
        let masked: Vec<&str> = masked.into_iter().flatten().collect();
        say!("  原话 / words    {}", brief.text("reported_text").unwrap_or("—"));
        if !masked.is_empty() {
            say!("  来电人 / caller {}", masked.join(" "));
        }
    }
    let plain = ["severity", "verified_address", "verified_facts", "reply_text", "lead_unit", "outcome"];
    for key in plain {
        for value in view.all(key) {
            say!("  {key:<16} {}  {}", value.value, dim(signed(names, value)));
        }
    }
    for visit in &page.visits {
        let by = name(names, &visit.row.author);
        say!(
            "  走访 / visit    {} {} {}  {}",
            visit.row.title,
            visit.row.state,
            visit.row.detail,
            dim(format!("{by} {}", when(visit.row.at)))
        );
    }
    for (key, values) in view.entries() {
        for value in values {
            let text = value.value.text().unwrap_or_default();
            let signed = dim(signed(names, value));
            if key.starts_with("note/")
                && let Ok(note) = serde_json::from_str::<NoteRecord>(text)
            {
                say!("  备注 / note     {}  {signed}", note.text);
            } else if key.starts_with("measurement/")
                && let Ok(m) = serde_json::from_str::<MeasurementRecord>(text)
            {
                say!("  测量 / measured {}  {signed}", measured(&m));
            }
        }
    }
    for proposal in &page.proposals {
        let by = view
            .all(&format!("proposal/{}", proposal.id))
            .last()
            .map_or_else(String::new, |a| name(names, &a.by));
        let answer = proposal.decision.as_ref().map_or_else(|| "等待 / waiting".into(), decided);
        let asked = [proposal.record.kind.zh(), &by, &proposal.record.reason];
        let asked: Vec<&str> = asked.into_iter().filter(|part| !part.is_empty()).collect();
        say!("  申请 / proposal {}：{answer}", asked.join(" "));
    }
    for conflict in &page.conflicts {
        say!("  {}", warm(format!("分歧 / conflict: {}", conflict.key)));
    }
    if !page.actions.is_empty() {
        say!("  可做 / actions  {}", page.actions.join(" "));
    }
}

/// Says how a proposal was answered.
pub(crate) fn decided(decision: &DecisionRecord) -> String {
    let words = decision.words.as_deref().map_or_else(String::new, |w| format!("（{w}）"));
    match (decision.verdict, decision.reason) {
        (Verdict::Accepted, _) => format!("同意 / accepted{words}"),
        (Verdict::Refused, Some(reason)) => {
            format!("未同意：{} / refused: {}{words}", reason.zh(), reason.en())
        }
        (Verdict::Refused, None) => format!("未同意 / refused{words}"),
    }
}

fn measured(m: &MeasurementRecord) -> String {
    let method = match m.method {
        Method::Counted => "清点 counted",
        Method::Measured => "实测 measured",
        Method::Estimated => "估计 estimated",
        Method::Told => "听说 told",
    };
    let number = format!("{}.{:03}", m.milli / 1_000, (m.milli % 1_000).abs());
    let number = number.trim_end_matches('0').trim_end_matches('.');
    format!("{} {number} {}（{method}）", m.what, m.unit)
}

fn signed(names: &HashMap<String, String>, value: &Attributed) -> String {
    format!("{} {}", name(names, &value.by), when(Some(value.at.ms().0)))
}

fn fields(names: &HashMap<String, String>, view: &DocView) {
    for (key, values) in view.entries() {
        for value in values {
            say!("  {key:<16} {}  {}", cut(&value.value.to_string(), 120), dim(signed(names, value)));
        }
    }
}

/// Prints the values people disagree on.
pub(super) fn conflict(phone: &Phone, id: DocId, conflict: &Conflict) {
    let names = names(phone);
    say!("{} {}", bold(id), warm(&conflict.key));
    for value in &conflict.values {
        say!("  {}  {}", value.value, dim(signed(&names, value)));
    }
    say!("{}", dim(format!("  选定 / settle: set {} {} …", short(&id), conflict.key)));
}

//! What a person wants to see in the end.
//!
//! Invariant: every figure is counted from headquarters' documents and the phones' answers, here and
//! now; every conflict shows all its values with who and when.

use super::{
    checks::{Check, Receipts},
    child::Stand,
    phones::DemoPhone,
    proxy::Harm,
    town::{Imports, Town},
};
use crate::words::{Failure, bad, bold, cut, denial_zh, dim, good, kb, pad, say, short, warm, when};
use lanewalk_model::{
    id::DocId,
    order::{Refusal, State},
    photo::PhotoPart,
    records::{DecisionRecord, ProposalKind, ProposalRecord, Verdict},
    rows::ListRow,
    schema::DocKind,
    view::{Attributed, Conflict, DocView},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Conflicts printed one by one; the rest is counted.
const MOST_SHOWN: usize = 6;

/// Prints a heading.
fn heading(zh: &str, en: &str) {
    say!("\n{}  {}", bold(zh), dim(en));
}

/// Prints everything but the checks.
pub(super) fn print(
    town: &Town,
    imports: &Imports,
    phones: &[DemoPhone],
    stands: &[Stand],
    receipts: &Receipts,
    names: &HashMap<String, String>,
) -> Result<(), Failure> {
    let docs: Vec<(DocId, DocView)> = town.documents()?.into_iter().map(|(id, view, _)| (id, view)).collect();
    orders(imports, &docs);
    facts(&docs);
    photos(phones, stands);
    conflicts(&docs, names);
    proposals(&docs);
    quarantine(phones, stands);
    denied(phones);
    per_phone(phones, stands, receipts);
    Ok(())
}

fn orders(imports: &Imports, docs: &[(DocId, DocView)]) {
    heading("工单", "orders");
    let (real, made_up) = (&imports.orders.done, &imports.calls.done);
    let visited: BTreeSet<&str> = docs
        .iter()
        .filter(|(id, _)| id.kind == DocKind::Visit)
        .filter_map(|(_, v)| v.text("order"))
        .collect();
    say!(
        "  导入 {} 件，其中待研判 {} 件；走访过 {} 件 / {} imported, {} to triage, {} visited",
        real.new + made_up.new,
        real.triage + made_up.triage,
        visited.len(),
        real.new + made_up.new,
        real.triage + made_up.triage,
        visited.len(),
    );
    let mut states: BTreeMap<State, u32> = BTreeMap::new();
    let mut provisional = 0;
    for (id, view) in docs.iter().filter(|(id, _)| id.kind == DocKind::Order) {
        *states.entry(lanewalk_model::order::state(view)).or_default() += 1;
        provisional += u32::from(ListRow::of(*id, view).due_provisional);
    }
    let line: Vec<String> = states.iter().map(|(state, n)| format!("{} {n}", state.zh())).collect();
    say!("  现在 / now: {}", line.join("，"));
    if provisional > 0 {
        say!(
            "  {}",
            warm(format!(
                "{provisional} 件时限为暂定：日历尚未公布到那一天 / {provisional} due times are provisional: the calendar ends before"
            ))
        );
    }
}

fn facts(docs: &[(DocId, DocView)]) {
    heading("留下的事实", "facts kept, by kind");
    let by_phone = |a: &Attributed| {
        !a.by.is_empty() && a.by != "hq" && !a.by.starts_with("hc-") && !a.by.starts_with("dl-")
    };
    let count = |kind: DocKind| docs.iter().filter(|(id, _)| id.kind == kind).count();
    let keys = |wanted: &str| -> usize {
        let hit =
            |key: &str| key == wanted || key.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'));
        docs.iter()
            .flat_map(|(_, view)| view.entries().collect::<Vec<_>>())
            .filter(|(key, values)| hit(key) && values.iter().any(by_phone))
            .count()
    };
    let rows = [
        ("走访、现场查实", "visits", count(DocKind::Visit)),
        ("照片", "photos", keys("photo")),
        ("备注", "notes", keys("note")),
        ("测量、清点", "measurements", keys("measurement")),
        ("严重程度", "severity", keys("severity")),
        ("查实情况", "verified facts", keys("verified_facts")),
        ("答复", "replies", keys("reply_text")),
        ("诉求", "appeals", count(DocKind::Appeal)),
        ("居民", "residents", count(DocKind::Person)),
        ("地点、户", "places", count(DocKind::Place)),
        ("入户提示", "access notes", keys("access_note")),
    ];
    for line in rows.chunks(2) {
        let cells: Vec<String> =
            line.iter().map(|(zh, en, n)| pad(&format!("{n:>4}  {zh} / {en}"), 40)).collect();
        say!("  {}", cells.join("").trim_end());
    }
}

fn photos(phones: &[DemoPhone], stands: &[Stand]) {
    heading("照片", "photos");
    let all: Vec<_> = stands.iter().flat_map(|s| &s.photos).collect();
    let mut files: BTreeMap<String, u64> = BTreeMap::new();
    let mut originals: BTreeMap<String, u32> = BTreeMap::new();
    for (part, file, _) in all.iter().flat_map(|p| &p.parts) {
        files.insert(file.sha256.to_string(), file.bytes);
        if part == PhotoPart::Original.id() {
            *originals.entry(file.sha256.to_string()).or_default() += 1;
        }
    }
    let bytes: u64 = files.values().sum();
    let sent: u64 = phones.iter().map(|p| p.used.photos_up).sum();
    let refused = all.iter().filter(|p| p.refused).count();
    let again: u32 = originals.values().map(|n| n - 1).sum();
    say!(
        "  {} 张，{} 个不同文件共 {}，坏网络里实发 {} / {} photos, {} different files, {} of them sent as {}",
        all.len(),
        files.len(),
        kb(bytes),
        kb(sent),
        all.len(),
        files.len(),
        kb(bytes),
        kb(sent)
    );
    say!(
        "  同一原图再次使用 {again}，记录被拒（文件留在手机上）{refused} / used again {again}, record refused {refused}"
    );
    let mut doubts: BTreeMap<&str, (&str, u32)> = BTreeMap::new();
    for (zh, en) in all.iter().flat_map(|p| &p.doubts) {
        doubts.entry(zh).or_insert((en, 0)).1 += 1;
    }
    for (zh, (en, n)) in doubts {
        say!("  {}", warm(format!("存疑 {n} × {zh} / {en}")));
    }
}

fn conflicts(docs: &[(DocId, DocView)], names: &HashMap<String, String>) {
    let found: Vec<(DocId, &DocView, Conflict)> = docs
        .iter()
        .flat_map(|(id, view)| view.conflicts().into_iter().map(move |c| (*id, view, c)))
        .collect();
    let (open, settled): (Vec<_>, Vec<_>) =
        found.iter().partition(|(_, view, c)| view.is_open_conflict(&c.key));
    heading(
        "分歧：两个人写了不同的值，都保留",
        "conflicts: people wrote different values; all are kept until a person chooses",
    );
    say!(
        "  等人选定 {} 处，按规则合并而留有历史 {} 处 / {} wait for a person, {} merged by rule with history",
        open.len(),
        settled.len(),
        open.len(),
        settled.len()
    );
    for (id, view, conflict) in open.iter().take(MOST_SHOWN).chain(settled.iter().take(2)) {
        let row = ListRow::of(*id, view);
        say!("  {} {}  {}", dim(short(id)), cut(&row.title, 40), warm(&conflict.key));
        for value in &conflict.values {
            let name = names.get(&value.by).map_or(value.by.as_str(), String::as_str);
            say!(
                "      “{}”  {}",
                value.value,
                dim(format!("{name} {} {}", value.by, when(Some(value.at.ms().0))))
            );
        }
    }
    let rest = open.len().saturating_sub(MOST_SHOWN);
    if rest > 0 {
        say!("  {}", dim(format!("……还有 {rest} 处 / and {rest} more")));
    }
}

fn proposals(docs: &[(DocId, DocView)]) {
    heading("申请", "proposals");
    let mut accepted: BTreeMap<&str, u32> = BTreeMap::new();
    let mut refused: BTreeMap<&str, (Refusal, u32, String)> = BTreeMap::new();
    let mut waiting = 0;
    for (_, view) in docs.iter().filter(|(id, _)| id.kind == DocKind::Order) {
        for (event, value) in view.members("proposal") {
            let record = value.text().and_then(|t| serde_json::from_str::<ProposalRecord>(t).ok());
            let decision = view.text(&format!("decision/{event}"));
            let decision = decision.and_then(|t| serde_json::from_str::<DecisionRecord>(t).ok());
            let kind = record.as_ref().map_or("?", |r| ProposalKind::zh(r.kind));
            match decision {
                None => waiting += 1,
                Some(d) if d.verdict == Verdict::Accepted => *accepted.entry(kind).or_default() += 1,
                Some(d) => {
                    let reason = d.reason.unwrap_or(Refusal::Unreadable);
                    let example = format!("{kind}{}", d.words.map_or_else(String::new, |w| format!("：{w}")));
                    refused.entry(reason.code()).or_insert((reason, 0, example)).1 += 1;
                }
            }
        }
    }
    let line: Vec<String> = accepted.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
    say!("  {} {}", good("同意 / accepted:"), line.join("，"));
    for (reason, n, example) in refused.values() {
        say!(
            "  {} {n} × {} / {}  {}",
            warm("未同意 / refused:"),
            reason.zh(),
            reason.en(),
            dim(format!("[{example}]"))
        );
    }
    if waiting > 0 {
        say!("  等待 / waiting: {waiting}");
    }
}

fn quarantine(phones: &[DemoPhone], stands: &[Stand]) {
    if stands.iter().all(|s| s.quarantine.is_empty()) {
        return;
    }
    heading(
        "未进入工单的内容（手机和日志都留着，附原因）",
        "kept outside the documents, on the phone and in the log, with the reason",
    );
    for (phone, stand) in phones.iter().zip(stands) {
        for kept in &stand.quarantine {
            say!(
                "  {} {}  {}  {}",
                pad(&phone.worker, 6),
                warm(denial_zh(&kept.code)),
                kept.code,
                dim(cut(&kept.written, 70))
            );
        }
    }
}

/// What the phones' own rules did not let happen: nothing was written and nothing was promised.
fn denied(phones: &[DemoPhone]) {
    if phones.iter().all(|p| p.denied.is_empty()) {
        return;
    }
    heading("手机当场拒绝，没有写下", "refused on the phone itself, nothing was written");
    for phone in phones {
        for (code, what) in &phone.denied {
            say!("  {} {}  {}", pad(&phone.worker, 6), warm(code), dim(what));
        }
    }
}

fn per_phone(phones: &[DemoPhone], stands: &[Stand], receipts: &Receipts) {
    heading("每部手机", "per phone");
    let cells =
        ["手机", "角色", "说已保存", "有回执", "拒收", "回执", "文档", "往返", "上行", "下行", "被杀"];
    let widths = [16, 8, 10, 8, 6, 6, 6, 6, 11, 11, 4];
    let head: Vec<String> = cells.iter().zip(widths).map(|(c, w)| pad(c, w)).collect();
    say!("  {}", dim(head.join("")));
    for ((phone, stand), held) in phones.iter().zip(stands).zip(&receipts.held) {
        let row = [
            format!("{} {}", phone.worker, phone.name),
            phone.role.zh().to_owned(),
            phone.saved.len().to_string(),
            stand.acked.to_string(),
            stand.quarantine.len().to_string(),
            held.to_string(),
            stand.heads.len().to_string(),
            phone.used.requests.to_string(),
            kb(phone.used.up),
            kb(phone.used.down),
            if phone.kills > 0 { format!("{}×", phone.kills) } else { String::new() },
        ];
        let line: Vec<String> = row.iter().zip(widths).map(|(c, w)| pad(c, w)).collect();
        say!("  {}", line.join("").trim_end());
    }
    say!(
        "  {}",
        dim(
            "saved · with receipt · quarantined · receipts held · documents · round trips · up · down · kill -9"
        )
    );
}

/// Says what the network did.
pub(super) fn harm(harm: Harm) -> String {
    let Harm { cut, lost, torn, doubled, late, spared } = harm;
    format!(
        "断网时拒绝 {cut}；之后丢请求 {lost}，截断回答 {torn}，重复 {doubled}，延迟 {late}，放过 {spared} / {cut} refused while cut; then {lost} lost, {torn} torn, {doubled} doubled, {late} late, {spared} spared"
    )
}

/// Prints the checks; true when all are well.
pub(super) fn verdict(checks: &[Check]) -> bool {
    heading("核对", "the check");
    for check in checks {
        let mark = if check.wrong.is_empty() { good("✓") } else { bad("✗") };
        say!("  {mark} {}", check.what);
        for wrong in check.wrong.iter().take(20) {
            say!("      {}", bad(wrong));
        }
        if check.wrong.len() > 20 {
            say!("      … {} more", check.wrong.len() - 20);
        }
    }
    let well = checks.iter().all(|c| c.wrong.is_empty());
    say!("");
    if well {
        say!("{}", good(bold("没有丢失 / nothing was lost")));
    } else {
        say!("{}", bad(bold("有问题，见上 / something is wrong, see above")));
    }
    well
}

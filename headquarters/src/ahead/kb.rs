//! The knowledge base 资料库 and response plans 解决预案 (R12, R13) at headquarters.
//!
//! Invariant: a version is written once, with the number after the current one, and marks that
//! one superseded in the same transaction; what a phone suggested is answered where it was
//! suggested. Rejected: versions counted by whoever writes them, which two sections at once
//! would give the same number.

use super::{actor, refused, some_words, words};
use crate::desk::within_reach;
use crate::{core::Core, error::HqError, groups, hq::Headquarters, store::StoredDoc};
use lanewalk_model::{
    document::Edit,
    group::{Refusal, cluster, taskforce},
    id::{DocId, to_hex},
    knowledge::{self, SuggestionRecord},
    order,
    records::{DecisionRecord, Verdict, to_json},
    schema::DocKind,
    staff::{Role, Roles},
    time::TimeMs,
    view::DocView,
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};

/// Bytes of a title, a body and steps: the schema's.
const LINE: usize = 600;
const FREE: usize = 12_000;
/// Who may note in an order which plan it is handled by.
pub const USERS: Roles =
    Role::HotlineClerk.bit().or(Role::Section.bit()).or(Role::DeputyLeader.bit()).or(Role::Principal.bit());

/// What a version says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// A response plan; plain knowledge otherwise.
    pub is_plan: bool,
    /// Title.
    pub title: String,
    /// Matter it is about; may be empty.
    pub matter: String,
    /// Section that answers for it.
    pub owner_unit: String,
    /// When a plan applies.
    pub trigger: String,
    /// What is known.
    pub body: String,
    /// What to do, a line each.
    pub steps: String,
}

impl Entry {
    /// Reads a version.
    pub fn of(view: &DocView) -> Self {
        let text = |key: &str| view.text(key).unwrap_or_default().to_owned();
        Self {
            is_plan: view.text("kind") == Some("playbook"),
            title: text("title"),
            matter: text("matter_code"),
            owner_unit: text("owner_unit"),
            trigger: text("trigger"),
            body: text("body"),
            steps: text("steps"),
        }
    }

    /// Checks lengths and takes out what may not go to phones.
    fn checked(&self) -> Result<Self, HqError> {
        Ok(Self {
            is_plan: self.is_plan,
            title: words(&self.title, LINE)?,
            matter: self.matter.trim().to_owned(),
            owner_unit: words(&self.owner_unit, 64)?,
            trigger: some_words(&self.trigger, LINE)?,
            body: words(&self.body, FREE)?,
            steps: if self.is_plan { words(&self.steps, FREE) } else { some_words(&self.steps, FREE) }?,
        })
    }

    fn edits(&self) -> Vec<Edit> {
        let mut edits = vec![
            Edit::set("kind", if self.is_plan { "playbook" } else { "kb_entry" }),
            Edit::set("title", self.title.as_str()),
            Edit::set("owner_unit", self.owner_unit.as_str()),
            Edit::set("body", self.body.as_str()),
        ];
        for (key, text) in [("matter_code", &self.matter), ("trigger", &self.trigger), ("steps", &self.steps)]
        {
            if !text.is_empty() {
                edits.push(Edit::set(key, text.as_str()));
            }
        }
        edits
    }
}

/// One version in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The document.
    pub id: DocId,
    /// What all its versions have in common.
    pub topic: String,
    /// 1 and up.
    pub version: i64,
    /// A response plan.
    pub is_plan: bool,
    /// Matter; may be empty.
    pub matter: String,
    /// Section that answers for it.
    pub owner_unit: String,
    /// Title.
    pub title: String,
    /// The version in force.
    pub current: bool,
    /// Suggestions that wait.
    pub waiting: u32,
}

const COLUMNS: &str =
    "d.id, k.topic, k.version, k.kind, k.matter, k.owner_unit, k.title, k.current, k.waiting";

fn read(r: &Row<'_>) -> rusqlite::Result<Option<Version>> {
    let Ok(id) = DocId::from_slice(r.get_ref(0)?.as_blob().unwrap_or_default()) else { return Ok(None) };
    let kind: String = r.get(3)?;
    Ok(Some(Version {
        id,
        topic: r.get(1)?,
        version: r.get(2)?,
        is_plan: kind == "playbook",
        matter: r.get(4)?,
        owner_unit: r.get(5)?,
        title: r.get(6)?,
        current: r.get(7)?,
        waiting: r.get(8)?,
    }))
}

/// Lists the versions in force, those with suggestions first, then by title. The suggestions of
/// earlier versions count with the one in force.
pub fn current(db: &Connection) -> Result<Vec<Version>, HqError> {
    let sql = "SELECT d.id, k.topic, k.version, k.kind, k.matter, k.owner_unit, k.title, k.current,
                 (SELECT sum(a.waiting) FROM kb a WHERE a.topic = k.topic) AS waiting
         FROM kb k JOIN docs d ON d.n = k.doc WHERE k.current = 1 ORDER BY waiting = 0, k.title, d.n";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Lists the versions of a topic, newest first.
pub fn versions(db: &Connection, topic: &str) -> Result<Vec<Version>, HqError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM kb k JOIN docs d ON d.n = k.doc WHERE k.topic = ?1 ORDER BY k.version DESC, d.n"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([topic], read)?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Lists the response plans in force for a matter.
pub fn plans_for(db: &Connection, matter: &str) -> Result<Vec<Version>, HqError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM kb k JOIN docs d ON d.n = k.doc
         WHERE k.current = 1 AND k.kind = 'playbook' AND k.matter = ?1 ORDER BY k.title, d.n"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([matter], read)?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// A draft that waits for a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its number.
    pub n: i64,
    /// What it says.
    pub entry: Entry,
    /// The task force or cluster it was made of.
    pub origin: Option<DocId>,
    /// Who made it.
    pub by: String,
    /// When.
    pub at: TimeMs,
}

/// Lists the drafts that wait, oldest first.
pub fn drafts(db: &Connection) -> Result<Vec<Draft>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT n, entry, origin, by, at FROM kb_drafts WHERE standing = 'open' ORDER BY n",
    )?;
    let rows = statement.query_map([], |r| {
        let (entry, origin): (String, String) = (r.get(1)?, r.get(2)?);
        let entry = serde_json::from_str(&entry).unwrap_or_default();
        Ok(Draft { n: r.get(0)?, entry, origin: origin.parse().ok(), by: r.get(3)?, at: TimeMs(r.get(4)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn view(tx: &Connection, id: DocId, kind: DocKind) -> Result<DocView, HqError> {
    let found = if id.kind == kind { StoredDoc::find(tx, id)? } else { None };
    found.ok_or_else(|| HqError::NotFound(id.to_string()))?.view()
}

/// Writes a version, checked before.
fn write(
    tx: &Transaction<'_>,
    core: &mut Core,
    (topic, number): (&str, i64),
    entry: &Entry,
    more: Vec<Edit>,
    by: &str,
) -> Result<DocId, HqError> {
    let id = DocId { kind: DocKind::Knowledge, uuid: core.uuid() };
    let mut edits = entry.edits();
    edits.extend([Edit::set("topic", topic), Edit::set("version", number)]);
    edits.extend(more);
    core.write(tx, id, by, &edits)?;
    Ok(id)
}

fn answer(
    tx: &Transaction<'_>,
    core: &mut Core,
    (seen, event): (DocId, &str),
    verdict: Verdict,
    words: String,
    by: &str,
) -> Result<(), HqError> {
    let record = DecisionRecord {
        verdict,
        reason: None,
        decided_at: core.now(),
        by: by.to_owned(),
        words: (!words.is_empty()).then_some(words),
    };
    core.write(tx, seen, by, &[Edit::set(format!("decision/{event}"), to_json(&record))]).map(|_| ())
}

impl Headquarters {
    /// Publishes the first version of a topic.
    pub fn publish(&mut self, entry: &Entry, by: &str) -> Result<DocId, HqError> {
        self.act(|tx, core| {
            let entry = entry.checked()?;
            knowledge::may_publish(&actor(tx, by)?, &entry.owner_unit, core.now()).map_err(refused)?;
            let topic = to_hex(&core.uuid());
            write(tx, core, (&topic, 1), &entry, Vec::new(), by)
        })
    }

    /// Publishes the next version after the one in force. `taken_up` is the suggestion it takes
    /// up: the version its author saw and the event.
    pub fn revise(
        &mut self,
        current: DocId,
        entry: &Entry,
        taken_up: Option<(DocId, &str)>,
        by: &str,
    ) -> Result<DocId, HqError> {
        self.act(|tx, core| {
            let (entry, who, now) = (entry.checked()?, actor(tx, by)?, core.now());
            let old = view(tx, current, DocKind::Knowledge)?;
            let owner = old.text("owner_unit").unwrap_or_default().to_owned();
            knowledge::may_publish(&who, &owner, now).map_err(refused)?;
            let topic = old.text("topic").unwrap_or_default().to_owned();
            // Two versions at once would have the same number.
            if old.flag("superseded") {
                return Err(refused(Refusal::NotCurrent));
            }
            let mut more = Vec::new();
            if let Some((seen, event)) = taken_up {
                let seen_view = view(tx, seen, DocKind::Knowledge)?;
                if seen_view.text("topic") != Some(&topic) {
                    return Err(refused(Refusal::NotInIt));
                }
                knowledge::may_decide(&seen_view, event, &who, now).map_err(refused)?;
                let key = format!("suggestion/{event}");
                let author = seen_view.all(&key).last().map(|a| a.by.clone());
                let author = author.ok_or_else(|| HqError::NotFound(key))?;
                more.push(Edit::set("suggested_by", author));
            }
            let number = old.int("version").unwrap_or(0).saturating_add(1);
            let id = write(tx, core, (&topic, number), &entry, more, by)?;
            core.write(tx, current, by, &[Edit::set("superseded", true)])?;
            if let Some(taken_up) = taken_up {
                let words = format!("已采纳,见第 {number} 版 (taken up in version {number})");
                answer(tx, core, taken_up, Verdict::Accepted, words, by)?;
            }
            Ok(id)
        })
    }

    /// Declines a suggestion; the words reach the phone it came from.
    pub fn decline_suggestion(
        &mut self,
        seen: DocId,
        event: &str,
        text: &str,
        by: &str,
    ) -> Result<(), HqError> {
        self.act(|tx, core| {
            let entry = view(tx, seen, DocKind::Knowledge)?;
            if entry.get(&format!("suggestion/{event}")).is_none() {
                return Err(HqError::NotFound(event.to_owned()));
            }
            knowledge::may_decide(&entry, event, &actor(tx, by)?, core.now()).map_err(refused)?;
            let text = words(text, 2_000)?;
            answer(tx, core, (seen, event), Verdict::Refused, text, by)
        })
    }

    /// Suggests a change of a version, as a phone does.
    pub fn suggest(&mut self, seen: DocId, text: &str, by: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            view(tx, seen, DocKind::Knowledge)?;
            let field = DocKind::Knowledge.spec().field("suggestion/x");
            let role = actor(tx, by)?.role;
            if !field.is_some_and(|f| f.may_write(role)) {
                return Err(refused(Refusal::RoleMayNot));
            }
            let record = SuggestionRecord { at: core.now(), text: words(text, 3_000)? };
            let key = format!("suggestion/{}", core.event());
            core.write(tx, seen, by, &[Edit::set(key, to_json(&record))]).map(|_| ())
        })
    }

    /// Notes in an order by which version of a plan it is handled (R12).
    pub fn use_plan(&mut self, order: DocId, plan: DocId, by: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            if !USERS.has(actor(tx, by)?.role) {
                return Err(refused(Refusal::RoleMayNot));
            }
            let (_, of) = within_reach(tx, by, order, core.now())?;
            let entry = view(tx, plan, DocKind::Knowledge)?;
            if entry.text("kind") != Some("playbook") {
                return Err(refused(Refusal::NoSuchPlan));
            }
            if !order::state(&of).is_open() {
                return Err(refused(Refusal::OrderEnded));
            }
            core.write(tx, order, by, &[Edit::set("playbook", plan.to_string())]).map(|_| ())
        })
    }

    /// Drafts a response plan from what a task force or a cluster came to. Returns its number; a
    /// section makes a version of it.
    pub fn draft_plan(&mut self, origin: DocId, by: &str) -> Result<i64, HqError> {
        self.act(|tx, core| {
            if !USERS.has(actor(tx, by)?.role) {
                return Err(refused(Refusal::RoleMayNot));
            }
            let entry = match origin.kind {
                DocKind::TaskForce => from_task_force(tx, origin)?,
                DocKind::Order => {
                    within_reach(tx, by, origin, core.now())?;
                    from_cluster(tx, origin)?
                }
                _ => return Err(HqError::NotFound(origin.to_string())),
            };
            let json = serde_json::to_string(&entry).unwrap_or_default();
            tx.execute(
                "INSERT INTO kb_drafts (entry, origin, by, at, standing) VALUES (?1, ?2, ?3, ?4, 'open')",
                params![json, origin.to_string(), by, core.now().0],
            )?;
            Ok(tx.last_insert_rowid())
        })
    }

    /// Publishes a draft as the first version of a topic, with the changes of who publishes it.
    pub fn publish_draft(&mut self, n: i64, entry: &Entry, by: &str) -> Result<DocId, HqError> {
        self.act(|tx, core| {
            let entry = entry.checked()?;
            knowledge::may_publish(&actor(tx, by)?, &entry.owner_unit, core.now()).map_err(refused)?;
            let origin = open_draft(tx, n)?;
            let topic = to_hex(&core.uuid());
            let id = write(tx, core, (&topic, 1), &entry, vec![Edit::set("drafted_from", origin)], by)?;
            tx.execute(
                "UPDATE kb_drafts SET standing = 'published', decided_by = ?2, doc = ?3 WHERE n = ?1",
                params![n, by, id.to_string()],
            )?;
            Ok(id)
        })
    }

    /// Drops a draft, with words.
    pub fn drop_draft(&mut self, n: i64, text: &str, by: &str) -> Result<(), HqError> {
        self.act(|tx, _| {
            if !USERS.has(actor(tx, by)?.role) {
                return Err(refused(Refusal::RoleMayNot));
            }
            open_draft(tx, n)?;
            tx.execute(
                "UPDATE kb_drafts SET standing = 'dropped', decided_by = ?2, words = ?3 WHERE n = ?1",
                params![n, by, words(text, 2_000)?],
            )?;
            Ok(())
        })
    }
}

fn open_draft(tx: &Transaction<'_>, n: i64) -> Result<String, HqError> {
    let found: Option<(String, String)> = tx
        .query_row("SELECT standing, origin FROM kb_drafts WHERE n = ?1", [n], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    match found {
        None => Err(HqError::NotFound(format!("draft {n}"))),
        Some((standing, _)) if standing != "open" => Err(refused(Refusal::Decided)),
        Some((_, origin)) => Ok(origin),
    }
}

/// The adopted plan, the meetings' results and what the orders were about.
fn from_task_force(tx: &Transaction<'_>, id: DocId) -> Result<Entry, HqError> {
    let force = view(tx, id, DocKind::TaskForce)?;
    if !taskforce::is_over(&force) {
        return Err(refused(Refusal::StillOpen));
    }
    let mut entry = Entry { is_plan: true, ..Entry::default() };
    let mut count = 0;
    for (hex, _) in force.members("order") {
        let order = format!("order:{hex}").parse().ok().map(|id| StoredDoc::find(tx, id)).transpose()?;
        let Some(order) = order.flatten() else { continue };
        let order = order.view()?;
        count += u32::from(cluster::is_counted(&order));
        learn(&mut entry, &order);
    }
    let title = force.text("title").unwrap_or_default();
    entry.title = format!("{title}:解决预案");
    entry.trigger = format!("再次集中反映「{title}」一类问题");
    let meetings = taskforce::meetings(&force);
    let minutes: Vec<String> =
        meetings.iter().map(|(_, m)| format!("{} {}", m.at.china_with("%Y-%m-%d"), m.words)).collect();
    entry.body = clip(&format!("由专班办理 {count} 件工单总结。\n{}", minutes.join("\n")), FREE);
    entry.steps = clip(&taskforce::adopted(&force).map(|p| p.text).unwrap_or_default(), FREE);
    Ok(entry)
}

/// The replies and outcomes of a cluster's children.
fn from_cluster(tx: &Transaction<'_>, id: DocId) -> Result<Entry, HqError> {
    let master = view(tx, id, DocKind::Order)?;
    if !groups::is_master(&master) || order::state(&master).is_open() {
        return Err(refused(Refusal::StillOpen));
    }
    let mut entry = Entry { is_plan: true, ..Entry::default() };
    let mut replies: Vec<String> = Vec::new();
    for (hex, _) in master.members("cluster_child") {
        let child = format!("order:{hex}").parse().ok().map(|id| StoredDoc::find(tx, id)).transpose()?;
        let Some(child) = child.flatten() else { continue };
        let child = child.view()?;
        learn(&mut entry, &child);
        let reply = child.text("reply_text").unwrap_or_default().trim().to_owned();
        if !reply.is_empty() && !replies.contains(&reply) {
            replies.push(reply);
        }
    }
    let title = master.text("title").unwrap_or_default();
    entry.title = format!("{title}:解决预案");
    entry.trigger = format!("再次集中反映「{title}」一类问题");
    entry.body = clip(&format!("由并案总结,各件答复:\n{}", replies.join("\n")), FREE);
    Ok(entry)
}

/// Takes matter and section from the first order that has them.
fn learn(entry: &mut Entry, order: &DocView) {
    for (field, key) in [(&mut entry.matter, "matter_code"), (&mut entry.owner_unit, "lead_unit")] {
        if field.is_empty() {
            order.text(key).unwrap_or_default().clone_into(field);
        }
    }
}

/// Cuts a draft's text to what a version holds; whoever publishes it reads it first.
fn clip(text: &str, max: usize) -> String {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= max).last();
    text.get(..end.unwrap_or(0)).unwrap_or_default().trim().to_owned()
}

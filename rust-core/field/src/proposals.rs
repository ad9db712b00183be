//! An order's page, and what a worker may ask headquarters for.
//!
//! Invariant: the phone asks the same [`order::decide`] as headquarters before it writes, and
//! refuses only for reasons it can know; it never decides. Rejected: buttons that always work
//! and a refusal hours later.

use crate::{
    countdown::Countdown,
    error::FieldError,
    facade::{Field, Inner},
    identity::Me,
    reads::{self, ListItem, ListQuery},
    store::list,
    write::Mode,
};
use lanewalk_model::{
    document::Edit,
    id::{DocId, EventId},
    order::{self, Circumstances, Outcome, State},
    records::{DecisionRecord, ProposalKind, ProposalRecord, Verdict, to_json},
    rows::ListRow,
    schema::DocKind,
    time::TimeMs,
    view::{Conflict, DocView, Value},
};
use rusqlite::Connection;

/// Longest extension, working days (Shandong 2020; DOMAIN.md §4).
const MAX_EXTENSION_DAYS: u32 = 10;

/// Everything a screen shows of one order.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderPage {
    /// The order.
    pub id: DocId,
    /// Its line in lists.
    pub row: ListRow,
    /// The time left.
    pub countdown: Option<Countdown>,
    /// The order itself.
    pub view: DocView,
    /// The citizen's own words and masked contact, if this role may hold them.
    pub brief: Option<DocView>,
    /// Visits of this order, latest first.
    pub visits: Vec<ListItem>,
    /// Fields with several concurrent values.
    pub conflicts: Vec<Conflict>,
    /// Ids of what the worker may do now.
    pub actions: Vec<&'static str>,
    /// Proposals with their answers.
    pub proposals: Vec<ProposalStatus>,
}

/// A proposal and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalStatus {
    /// Event id.
    pub id: String,
    /// What was asked.
    pub record: ProposalRecord,
    /// Headquarters' answer; `None` while it waits.
    pub decision: Option<DecisionRecord>,
}

impl Field {
    /// Reads an order with its brief, visits, conflicts, possible actions and proposals.
    pub fn order(&self, id: DocId) -> Result<OrderPage, FieldError> {
        self.inner.order(id)
    }
    /// Writes a proposal and returns its event id. The order version is the one shown now.
    ///
    /// # Errors
    /// `WouldBeRefused` with the reason, unless `force` is set: then the proposal goes to
    /// headquarters all the same, as a fact.
    pub fn propose(
        &self,
        order: DocId,
        kind: ProposalKind,
        reason: &str,
        outcome: Option<&str>,
        extend_days: Option<u32>,
        force: bool,
    ) -> Result<EventId, FieldError> {
        let record = ProposalRecord {
            outcome: outcome.map(str::to_owned),
            extend_days,
            ..ProposalRecord::new(kind, 0, reason)
        };
        self.propose_record(order, record, force)
    }

    /// Writes a proposal with all its particulars (a transfer's `to`, an exclusion's ground and
    /// evidence); the order version is set to the one shown now. Otherwise as [`Self::propose`].
    pub fn propose_record(
        &self,
        order: DocId,
        mut record: ProposalRecord,
        force: bool,
    ) -> Result<EventId, FieldError> {
        let now = self.inner.now();
        let event = self.inner.new_event();
        let (record, verdict) = self.inner.store.read(|conn| {
            let me = Me::load(conn, now)?;
            let view = reads::view(conn, order)?.ok_or(FieldError::NotFound)?;
            let at = circumstances(conn, order, &me)?;
            record.order_version = order::version(&view);
            let ahead = project(&view, &me, &at);
            let verdict = order::decide(&ahead, &event.to_string(), &record, &me.subject, &at, false);
            Ok((record, verdict))
        })?;
        if let (Outcome::Refuse(refusal), false) = (verdict, force) {
            return Err(FieldError::WouldBeRefused { refusal });
        }
        let key = ["proposal/", &event.to_string()].concat();
        self.inner.act(order, &[Edit::set(key, to_json(&record))], record.order_version, Mode::Existing)?;
        Ok(event)
    }
}

impl Inner {
    pub(crate) fn order(&self, id: DocId) -> Result<OrderPage, FieldError> {
        let now = self.now();
        let calendar = self.calendar().ok().flatten();
        self.store.read(|conn| {
            let me = Me::load(conn, now)?;
            let item =
                list::get(conn, id)?.filter(|_| id.kind == DocKind::Order).ok_or(FieldError::NotFound)?;
            let view = reads::view(conn, id)?.ok_or(FieldError::NotFound)?;
            let brief = children(conn, id, DocKind::Brief)?.into_iter().next();
            let brief = match brief.filter(|_| me.may_open(DocKind::Brief).is_ok()) {
                Some(item) => reads::view(conn, item.id)?,
                None => None,
            };
            let mut visits = children(conn, id, DocKind::Visit)?;
            let ahead = project(&view, &me, &circumstances(conn, id, &me)?);
            visits.sort_by_key(|v| (std::cmp::Reverse(v.row.at), v.id));
            Ok(OrderPage {
                id,
                countdown: Countdown::of(id.kind, &item.row, &me.clock, calendar.as_deref()),
                row: item.row,
                brief,
                visits,
                conflicts: view.conflicts(),
                actions: actions(&view, &ahead, &me),
                proposals: proposals(&view),
                view,
            })
        })
    }
}

/// Looks ahead: the order as it will be when headquarters has received what waits here. Offline
/// a worker acknowledges, visits and submits in one morning, and the second step must not be
/// refused because headquarters has not heard of the first.
fn project(view: &DocView, me: &Me, at: &Circumstances) -> DocView {
    let mut ahead = view.clone();
    for (id, proposal) in order::pending(view) {
        let mine = view.all(&["proposal/", &id].concat()).last().is_some_and(|p| p.by == me.subject.worker);
        let outcome = order::decide(&ahead, &id, &proposal, &me.subject, at, false);
        let (true, Outcome::Accept(mut edits)) = (mine, outcome) else { continue };
        let answer = DecisionRecord {
            verdict: Verdict::Accepted,
            reason: None,
            decided_at: at.effective_at,
            by: "hq".into(),
            words: None,
        };
        edits.push(Edit::set(["decision/", &id].concat(), to_json(&answer)));
        ahead = ahead.with(&edits);
        ahead = investigated(ahead, at);
    }
    investigated(ahead, at)
}

/// The first inquiry moves an order on by itself (DOMAIN.md §4).
fn investigated(order: DocView, at: &Circumstances) -> DocView {
    if at.inquiries > 0 && order::state(&order) == State::Acked {
        return order.with(&[Edit::set("state", State::Investigating.id())]);
    }
    order
}

pub(crate) fn children(conn: &Connection, order: DocId, kind: DocKind) -> Result<Vec<ListItem>, FieldError> {
    let query = ListQuery {
        kind: Some(kind),
        parent: Some(order.to_string()),
        limit: list::MAX_ROWS,
        ..ListQuery::default()
    };
    list::query(conn, &query, &[])
}

/// What is possible now, and what becomes possible with what waits here; nothing that waits
/// already is offered again.
fn actions(view: &DocView, ahead: &DocView, me: &Me) -> Vec<&'static str> {
    let mut actions = order::allowed_actions(ahead, &me.subject);
    let asked: Vec<&str> = order::pending(view).iter().map(|(_, p)| p.kind.id()).collect();
    actions.retain(|a| !asked.contains(a));
    actions
}

/// What the phone can know. Without a trusted time nothing is refused for being late.
fn circumstances(conn: &Connection, order: DocId, me: &Me) -> Result<Circumstances, FieldError> {
    let visits = children(conn, order, DocKind::Visit)?;
    // A call is an inquiry too (R48), and stands in the brief.
    let mut contacts = 0;
    for brief in children(conn, order, DocKind::Brief)? {
        contacts += reads::view(conn, brief.id)?.map_or(0, |view| view.members("contact").count());
    }
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(Circumstances {
        effective_at: me.clock.known().unwrap_or(TimeMs(0)),
        right_stands: true,
        return_limit: None,
        inquiries: count(visits.len().saturating_add(contacts)),
        // A visit's list title is its kind; a call is no check on site.
        site_checks: count(visits.iter().filter(|v| v.row.title != "prelim_call").count()),
        max_extension_days: MAX_EXTENSION_DAYS,
        now: me.clock.known().unwrap_or(TimeMs(0)),
        // Which photos have arrived only headquarters knows.
        evidence_missing: false,
    })
}

fn proposals(view: &DocView) -> Vec<ProposalStatus> {
    view.members("proposal")
        .filter_map(|(id, value)| {
            let record = serde_json::from_str(value.text()?).ok()?;
            let decision = view.get(&["decision/", id].concat()).and_then(Value::text);
            let decision = decision.and_then(|json| serde_json::from_str(json).ok());
            Some(ProposalStatus { id: id.to_owned(), record, decision })
        })
        .collect()
}

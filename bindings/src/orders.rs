//! Work orders: list, page, facts, proposals.

use crate::{
    call::Core,
    enums::{MeasuredHow, OrderOutcome, ProposalKind, TalkKind},
    error::LanewalkError,
    live::{self, ConflictsListener, OrderListener, OrderPageListener, Told, Watch},
    parse,
    rows::{ConflictView, Countdown, ListQuery, OrderRow, SearchHit, TaskForceRow, VisitRow},
    texts::Phrase,
};
use lanewalk_field as core;
use lanewalk_model::{
    document::Edit,
    records::{NoteRecord, ProposalRecord, Verdict},
    schema::DocKind,
    time::TimeMs,
    view::DocView,
};
use std::sync::Arc;

/// Work orders.
#[derive(uniffi::Object)]
pub struct Orders(pub(crate) Arc<Core>);

/// Everything a screen shows of one order; nothing here has to be worked out by a shell.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct OrderView {
    /// Id.
    pub id: String,
    /// Number upstream; empty for none.
    pub upstream_id: String,
    /// What it is about.
    pub title: String,
    /// The matter without personal data.
    pub summary: String,
    /// Where, in words.
    pub place_text: String,
    /// State.
    pub state: Phrase,
    /// Needs work.
    pub open: bool,
    /// Urgent: two hours.
    pub urgent: bool,
    /// Grid cell.
    pub grid: String,
    /// Matter of the catalogue; may be empty.
    pub matter_code: String,
    /// The time left; nothing when nothing is due.
    pub countdown: Option<Countdown>,
    /// The citizen's own words; nothing where this role may not hold them.
    pub brief: Option<BriefView>,
    /// Address found on site; empty before.
    pub verified_address: String,
    /// Facts found on site; empty before.
    pub verified_facts: String,
    /// The answer to the citizen; empty before.
    pub reply_text: String,
    /// Staff id of who acknowledged first; never changes (R29).
    pub first_owner: String,
    /// Staff id of who has it.
    pub current_owner: String,
    /// Marks, such as a card shown or an extension given.
    pub flags: Vec<Phrase>,
    /// What may be done now: ids with words; a shell shows these buttons and no other.
    pub actions: Vec<OrderAction>,
    /// Notes, latest first.
    pub notes: Vec<NoteView>,
    /// Visits, latest first.
    pub visits: Vec<VisitRow>,
    /// Fields with several concurrent values.
    pub conflicts: Vec<ConflictView>,
    /// Proposals with their answers.
    pub proposals: Vec<ProposalView>,
}

/// The citizen's own words.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct BriefView {
    /// What was said.
    pub reported_text: String,
    /// Where, as said.
    pub reported_address: String,
    /// Name, masked.
    pub requester_masked: String,
    /// Phone, masked.
    pub phone_masked: String,
    /// The citizen asked for secrecy.
    pub secrecy: bool,
}

/// Something a worker may do with an order now.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct OrderAction {
    /// Id: `visit`, `note`, `measure`, or that of a proposal.
    pub id: String,
    /// The button.
    pub label: Phrase,
    /// The proposal it makes; nothing for a fact.
    pub proposal: Option<ProposalKind>,
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NoteView {
    /// Words.
    pub text: String,
    /// Staff id of who wrote it.
    pub by: String,
    /// When, by the writer's clock, UTC ms.
    pub at_ms: i64,
}

/// A proposal and its answer.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ProposalView {
    /// Id.
    pub id: String,
    /// What was asked.
    pub kind: ProposalKind,
    /// Why.
    pub reason: String,
    /// `waiting`, `accepted` or `refused`.
    pub answer: Phrase,
    /// Why it was refused; nothing otherwise.
    pub refusal: Option<Phrase>,
    /// The decider's own words; may be empty.
    pub words: String,
}

/// What a worker asks headquarters for; fields that the kind does not need stay empty.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NewProposal {
    /// What.
    pub kind: ProposalKind,
    /// Why.
    pub reason: String,
    /// For a submission.
    #[uniffi(default = None)]
    pub outcome: Option<OrderOutcome>,
    /// For an extension: working days.
    #[uniffi(default = None)]
    pub extend_days: Option<u32>,
    /// For a transfer: the unit or worker.
    #[uniffi(default = None)]
    pub to: Option<String>,
    /// For an exclusion: its ground; for it and a return, what shows it.
    #[uniffi(default = None)]
    pub ground: Option<String>,
    /// What shows the ground.
    #[uniffi(default = None)]
    pub evidence: Option<String>,
    /// For parking: when it is looked at again, UTC ms.
    #[uniffi(default = None)]
    pub review_at_ms: Option<i64>,
}

#[uniffi::export]
impl Orders {
    /// Lists orders: open before finished, urgent first, then by due time; or nearest first.
    pub fn list(&self, query: ListQuery) -> Result<Vec<OrderRow>, LanewalkError> {
        let rows = self.0.call(|field| field.list(&query.of(DocKind::Order)))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Follows such a list.
    pub fn watch(
        &self,
        query: ListQuery,
        listener: Arc<dyn OrderListener>,
    ) -> Result<Arc<Watch>, LanewalkError> {
        live::watch_orders(&self.0, query, listener)
    }

    /// Finds documents of every kind by words or parts of Chinese names, best first.
    #[uniffi::method(default(limit = 50))]
    pub fn search(&self, text: String, limit: u32) -> Result<Vec<SearchHit>, LanewalkError> {
        let rows = self.0.call(|field| field.search(&text, limit))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Reads an order for its page.
    ///
    /// Errors: `NotFound`, `Connect` after the lease's end.
    pub fn get(&self, order: String) -> Result<OrderView, LanewalkError> {
        let id = parse::order(&order)?;
        self.0.call(|field| field.order(id)).map(OrderView::of)
    }

    /// Follows such a page: as it is now, then each time it reads differently.
    ///
    /// Errors: as [`Self::get`].
    pub fn watch_order(
        &self,
        order: String,
        listener: Arc<dyn OrderPageListener>,
    ) -> Result<Arc<Watch>, LanewalkError> {
        let id = parse::order(&order)?;
        let told = move |page: Option<core::OrderPage>| listener.changed(page.map(OrderView::of));
        self.0.call(|field| field.watch_order(id, Told::new(&self.0, told))).map(Watch::new)
    }

    /// Lists every field of every document that waits for a person to choose.
    pub fn conflicts(&self) -> Result<Vec<ConflictView>, LanewalkError> {
        self.0.call(core::Field::conflicts).map(|all| ConflictView::waiting(&all))
    }

    /// Follows these fields: all as they are now, then each time they differ.
    pub fn watch_conflicts(&self, listener: Arc<dyn ConflictsListener>) -> Result<Arc<Watch>, LanewalkError> {
        let told = Told::new(&self.0, move |all: Vec<_>| listener.changed(ConflictView::waiting(&all)));
        self.0.call(|field| Ok::<_, LanewalkError>(Watch::new(field.watch_conflicts(told))))
    }

    /// Lists task forces 专班, those at work first.
    pub fn task_forces(&self, query: ListQuery) -> Result<Vec<TaskForceRow>, LanewalkError> {
        let rows = self.0.call(|field| field.list(&query.of(DocKind::TaskForce)))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Settles a conflict: one of the values shown, or another one, stands from now on.
    pub fn settle(&self, doc: String, key: String, value: String) -> Result<(), LanewalkError> {
        let id = parse::doc("doc", &doc, &DocKind::ALL)?;
        self.0.call(|field| field.set_field(id, &key, value.into())).map(drop)
    }

    /// Adds a note. On the disk when it returns.
    pub fn note(&self, order: String, text: String) -> Result<(), LanewalkError> {
        let id = parse::order(&order)?;
        self.0.call(|field| field.add_note(id, &text)).map(drop)
    }

    /// Writes what was found on site; empty words leave a field as it is.
    #[uniffi::method(default(address = "", facts = ""))]
    pub fn verify(&self, order: String, address: String, facts: String) -> Result<(), LanewalkError> {
        let id = parse::order(&order)?;
        let edits = [("verified_address", address), ("verified_facts", facts)];
        let edits = edits.into_iter().filter(|(_, words)| !words.is_empty());
        let edits: Vec<Edit> = edits.map(|(key, words)| Edit::set(key, words)).collect();
        self.0.call(|field| field.write(id, edits, 0)).map(drop)
    }

    /// Writes the answer to the citizen.
    pub fn reply(&self, order: String, text: String) -> Result<(), LanewalkError> {
        let id = parse::order(&order)?;
        self.0.call(|field| field.set_field(id, "reply_text", text.into())).map(drop)
    }

    /// Says that the facts or the responsibility are unclear, which asks for a site check (R49).
    #[uniffi::method(default(facts = false, responsibility = false))]
    pub fn unclear(&self, order: String, facts: bool, responsibility: bool) -> Result<(), LanewalkError> {
        let id = parse::order(&order)?;
        let edits = [("unclear_statement", facts), ("unclear_responsibility", responsibility)];
        let edits = edits.into_iter().filter(|(_, said)| *said).map(|(key, _)| Edit::set(key, true));
        let edits: Vec<Edit> = edits.collect();
        self.0.call(|field| field.write(id, edits, 0)).map(drop)
    }

    /// Adds a measurement to an order or a visit; `milli` in thousandths of `unit` (R46).
    pub fn measure(
        &self,
        doc: String,
        what: String,
        milli: i64,
        unit: String,
        how: MeasuredHow,
    ) -> Result<(), LanewalkError> {
        let id = parse::doc("doc", &doc, &[DocKind::Order, DocKind::Visit])?;
        self.0.call(|field| field.measure(id, &what, milli, &unit, how.into())).map(drop)
    }

    /// Keeps a contact with the requester, or an attempt (R3, R48).
    #[uniffi::method(default(note = ""))]
    pub fn contact(&self, order: String, reached: bool, note: String) -> Result<(), LanewalkError> {
        let id = parse::order(&order)?;
        self.0.call(|field| field.contact(id, reached, &note)).map(drop)
    }

    /// Keeps a mediation or a persuasion; `cites` is the version of the knowledge explained.
    #[uniffi::method(default(cites = None, note = ""))]
    pub fn talk(
        &self,
        order: String,
        kind: TalkKind,
        agreed: bool,
        cites: Option<String>,
        note: String,
    ) -> Result<(), LanewalkError> {
        let id = parse::order(&order)?;
        let cites = parse::maybe("cites", cites.as_ref(), &[DocKind::Knowledge])?;
        self.0.call(|field| field.talk(id, kind.into(), agreed, cites, &note)).map(drop)
    }

    /// Keeps a report to the police, or later what came of it (R47).
    #[uniffi::method(default(result = ""))]
    pub fn police(
        &self,
        order: String,
        number: String,
        when_ms: i64,
        result: String,
    ) -> Result<(), LanewalkError> {
        let id = parse::order(&order)?;
        self.0.call(|field| field.police(id, &number, TimeMs(when_ms), &result)).map(drop)
    }

    /// Asks headquarters for something and returns the proposal's id; the answer comes back beside
    /// it. `force` sends also what would be refused, as a fact.
    ///
    /// Errors: `NotAllowed` with the words when headquarters would refuse it.
    #[uniffi::method(default(force = false))]
    pub fn propose(
        &self,
        order: String,
        proposal: NewProposal,
        force: bool,
    ) -> Result<String, LanewalkError> {
        let id = parse::order(&order)?;
        let record = ProposalRecord {
            outcome: proposal.outcome.map(|o| o.id().to_owned()),
            extend_days: proposal.extend_days,
            to: proposal.to,
            ground: proposal.ground,
            evidence: proposal.evidence,
            review_at: parse::time(proposal.review_at_ms),
            ..ProposalRecord::new(proposal.kind.into(), 0, proposal.reason)
        };
        self.0.call(|field| field.propose_record(id, record, force)).map(|event| event.to_string())
    }
}

impl OrderView {
    fn of(page: core::OrderPage) -> Self {
        let core::OrderPage { id, row, countdown, view, brief, visits, conflicts, actions, proposals } = page;
        let id = id.to_string();
        let text = |key: &str| view.text(key).unwrap_or_default().to_owned();
        Self {
            upstream_id: text("upstream_id"),
            title: text("title"),
            summary: text("summary"),
            place_text: text("place_text"),
            state: Phrase::of("state", &row.state),
            open: row.open,
            urgent: row.urgent,
            grid: text("grid"),
            matter_code: text("matter_code"),
            countdown: countdown.map(Into::into),
            brief: brief.as_ref().map(BriefView::of),
            verified_address: text("verified_address"),
            verified_facts: text("verified_facts"),
            reply_text: text("reply_text"),
            first_owner: text("first_owner"),
            current_owner: text("current_owner"),
            flags: view.members("flag").map(|(flag, _)| Phrase::of("flag", flag)).collect(),
            actions: actions.into_iter().map(OrderAction::of).collect(),
            notes: notes(&view),
            visits: visits.into_iter().map(Into::into).collect(),
            conflicts: ConflictView::all(&id, &view, &conflicts),
            proposals: proposals.into_iter().map(ProposalView::of).collect(),
            id,
        }
    }
}

impl BriefView {
    fn of(view: &DocView) -> Self {
        let text = |key: &str| view.text(key).unwrap_or_default().to_owned();
        Self {
            reported_text: text("reported_text"),
            reported_address: text("reported_address"),
            requester_masked: text("requester_masked"),
            phone_masked: text("phone_masked"),
            secrecy: view.flag("secrecy"),
        }
    }
}

impl OrderAction {
    fn of(id: &'static str) -> Self {
        use lanewalk_model::records::ProposalKind as Kind;
        let proposal = Kind::ALL.into_iter().find(|kind| kind.id() == id);
        Self { id: id.to_owned(), label: Phrase::of("action", id), proposal: proposal.map(Into::into) }
    }
}

impl ProposalView {
    fn of(status: core::ProposalStatus) -> Self {
        let answer = match &status.decision {
            None => "waiting",
            Some(d) if d.verdict == Verdict::Accepted => "accepted",
            Some(_) => "refused",
        };
        let refusal = status.decision.as_ref().and_then(|d| d.reason);
        Self {
            id: status.id,
            kind: status.record.kind.into(),
            reason: status.record.reason,
            answer: Phrase::of("answer", answer),
            refusal: refusal.map(|r| Phrase::of("refusal", r.code())),
            words: status.decision.and_then(|d| d.words).unwrap_or_default(),
        }
    }
}

fn notes(view: &DocView) -> Vec<NoteView> {
    let mut notes: Vec<NoteView> = view
        .entries()
        .filter(|(key, _)| key.starts_with("note/"))
        .filter_map(|(_, values)| values.last())
        .filter_map(|note| {
            let record: NoteRecord = serde_json::from_str(note.value.text()?).ok()?;
            Some(NoteView { text: record.text, by: note.by.clone(), at_ms: record.at.0 })
        })
        .collect();
    notes.sort_by_key(|n| std::cmp::Reverse(n.at_ms));
    notes
}

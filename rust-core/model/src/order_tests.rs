#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::{
    document::{Document, Stamp},
    id::ActorId,
    records::to_json,
    schema::DocKind,
    staff::Grant,
    time::Hlc,
    view::Attributed,
};
use Role::{
    Auditor, CallbackAgent, DeputyLeader, Enforcement, GridWorker, HotlineClerk, Liaison, Principal,
    PropertyStaff, Section, System,
};
use State::{
    Accepted, Acked, Archived, Callback, Closed, Dispatched, Excluded, Handling, Investigating, Parked,
    Received, Returned, Submitted, Triage,
};

const NOBODY: &[Role] = &[];
const LEADS: &[Role] = &[GridWorker, Section];
/// §4 lets the deputy decide; somebody else has to ask, since nobody approves an own proposal.
const ASKERS: &[Role] = &[GridWorker, Section, HotlineClerk];

/// §3, "return / extend": D.
const DECIDERS: &[Role] = &[HotlineClerk, DeputyLeader, Principal];

/// Who asks from a phone, who decides, guard.
type Terms = (&'static [Role], &'static [Role], Guard);

/// The rows of DOMAIN.md §4, in its order: from, to, terms.
const DOCUMENT: &[(&[State], State, Terms)] = &[
    (&[Received], Accepted, (NOBODY, &[HotlineClerk], Guard::None)),
    // The principal too: §3, "dispatch".
    (&[Accepted], Dispatched, (NOBODY, &[HotlineClerk, Principal], Guard::CatalogMatch)),
    // §4 names the deputy for the way through TRIAGE; R27 says that no match leads there and that
    // only the deputy leads out.
    (&[Accepted], Triage, (NOBODY, &[HotlineClerk, System], Guard::None)),
    (&[Triage], Dispatched, (NOBODY, &[DeputyLeader], Guard::None)),
    (&[Dispatched], Acked, (LEADS, &[System], Guard::OfferHolder)),
    // The worker asks and the leaders decide too: §3, "return / extend".
    (&[Dispatched, Acked], Returned, (LEADS, DECIDERS, Guard::ReturnLimit)),
    (&[Acked], Investigating, (NOBODY, &[System], Guard::Inquiry)),
    (&[Investigating], Handling, (LEADS, &[System], Guard::Inquiry)),
    (&[Handling], Submitted, (LEADS, &[System], Guard::Reply)),
    // The deputy too: §3, "submit result".
    (&[Submitted], Handling, (NOBODY, &[HotlineClerk, DeputyLeader], Guard::None)),
    (&[Submitted], Callback, (NOBODY, &[HotlineClerk, DeputyLeader], Guard::None)),
    (&[Callback], Closed, (NOBODY, &[HotlineClerk], Guard::CallbackDone)),
    (&[Callback], Handling, (NOBODY, &[HotlineClerk], Guard::None)),
    (OPEN, Excluded, (ASKERS, &[DeputyLeader], Guard::Reason)),
    (OPEN_NOT_PARKED, Parked, (ASKERS, &[DeputyLeader], Guard::Reason)),
];

/// Rows the table has beyond the document, each with its reason.
const BEYOND: &[(State, State, Terms, &str)] = &[
    (Investigating, Submitted, (LEADS, &[System], Guard::Reply), "solved at the first visit; same guard"),
    (Closed, Archived, (NOBODY, &[System], Guard::None), "in §4's list of states, by age"),
    (Parked, Handling, (NOBODY, &[DeputyLeader], Guard::None), "the review date has come"),
    (Parked, Triage, (NOBODY, &[DeputyLeader], Guard::None), "parked before anybody had it"),
];

const OPEN: &[State] =
    &[Received, Accepted, Triage, Dispatched, Acked, Investigating, Handling, Submitted, Callback, Parked];
const OPEN_NOT_PARKED: &[State] =
    &[Received, Accepted, Triage, Dispatched, Acked, Investigating, Handling, Submitted, Callback];

fn roles(list: &[Role]) -> Roles {
    list.iter().fold(Roles::NONE, |all, r| all.or(r.bit()))
}

#[test]
fn the_table_is_the_document_and_nothing_else() {
    let mut expected: Vec<_> = BEYOND
        .iter()
        .inspect(|row| assert!(!row.3.is_empty()))
        .map(|(from, to, (ask, decide, guard), _)| (*from, *to, roles(ask), roles(decide), *guard))
        .collect();
    for (from, to, (ask, decide, guard)) in DOCUMENT {
        expected.extend(from.iter().map(|f| (*f, *to, roles(ask), roles(decide), *guard)));
    }
    for from in State::ALL {
        for to in State::ALL {
            let found: Vec<_> = TRANSITIONS.iter().filter(|t| (t.from, t.to) == (*from, *to)).collect();
            let wanted: Vec<_> = expected.iter().filter(|e| (e.0, e.1) == (*from, *to)).collect();
            assert!(wanted.len() <= 1 && found.len() == wanted.len(), "{from:?} → {to:?}: {found:?}");
            if let (Some(t), Some(e)) = (found.first(), wanted.first()) {
                assert_eq!((t.proposers, t.deciders, t.guard), (e.2, e.3, e.4), "{from:?} → {to:?}");
            }
        }
    }
}

#[test]
fn states_round_trip_and_only_finished_ones_are_not_open() {
    for state in State::ALL {
        assert_eq!(State::from_id(state.id()), Some(*state));
        assert_eq!(state.is_open(), OPEN.contains(state), "{state:?}");
        assert_eq!(serde_json::to_value(state).unwrap(), state.id());
        assert!(DocKind::Order.spec().field("state").unwrap().accepts(&state.id().into()), "{state:?}");
        assert_eq!(state.to_string(), state.zh());
    }
    assert_eq!(State::from_id("received"), None);
}

#[test]
fn every_refusal_has_a_code_of_its_own_and_words() {
    use Refusal::*;
    let all = [
        RoleMayNot,
        StaleVersion,
        WrongState,
        NotOfferHolder,
        ReasonMissing,
        ReturnLimitPassed,
        NoInquiry,
        NoSiteCheck,
        ReplyMissing,
        AfterDue,
        AlreadyExtended,
        TooLong,
        RightRevoked,
        RefusedByPerson,
        Unreadable,
    ];
    let mut codes: Vec<_> = all.iter().map(|r| r.code()).collect();
    for r in all {
        assert_eq!(serde_json::to_value(r).unwrap(), r.code(), "the wire and the code agree");
        assert!(!r.zh().is_empty() && !r.en().is_empty());
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all.len());
}

/// An order made of key, value and author.
struct Made(Vec<(String, Value, &'static str)>);

impl Made {
    fn at(state: State, version: i64) -> Self {
        Self(Vec::new()).with("state", state.id()).with("order_version", version)
    }

    fn with(self, key: &str, value: impl Into<Value>) -> Self {
        self.by(key, value, "hq")
    }

    fn by(mut self, key: &str, value: impl Into<Value>, by: &'static str) -> Self {
        self.0.push((key.into(), value.into(), by));
        self
    }

    fn replied(self) -> Self {
        self.by("reply_text", "已修好", "gw")
    }

    fn asked(self, event: &str, record: &ProposalRecord, by: &'static str) -> Self {
        self.by(&format!("proposal/{event}"), to_json(record), by)
    }

    fn answered(self, event: &str, verdict: Verdict) -> Self {
        let reason = (verdict == Verdict::Refused).then_some(Refusal::WrongState);
        let record = DecisionRecord { verdict, reason, decided_at: TimeMs(1), by: "hq".into(), words: None };
        self.with(&format!("decision/{event}"), to_json(&record))
    }

    fn view(self) -> DocView {
        let mut fields = std::collections::BTreeMap::new();
        for (i, (key, value, by)) in self.0.into_iter().enumerate() {
            let at = Hlc(i64::try_from(i).unwrap());
            fields.insert(key, vec![Attributed { value, by: by.into(), at, actor: ActorId([1; 16]) }]);
        }
        DocView::new(DocKind::Order, fields)
    }
}

fn subject(role: Role) -> Subject {
    let grant = Grant { grid: "g".into(), role, from: TimeMs(0), to: None };
    Subject { worker: "gw".into(), role, grants: vec![grant] }
}

fn asks(kind: ProposalKind) -> ProposalRecord {
    ProposalRecord {
        outcome: Some("mediated".into()),
        extend_days: Some(3),
        ..ProposalRecord::new(kind, 5, "不属于本辖区")
    }
}

/// 2026-05-08 09:40 in China.
const NOW: TimeMs = TimeMs(1_778_204_400_000);

fn calm() -> Circumstances {
    Circumstances {
        effective_at: TimeMs(1_000),
        right_stands: true,
        return_limit: Some(TimeMs(1_000)),
        inquiries: 1,
        site_checks: 1,
        max_extension_days: 10,
        now: NOW,
        evidence_missing: false,
    }
}

fn refused(outcome: &Outcome) -> Option<Refusal> {
    match outcome {
        Outcome::Refuse(reason) => Some(*reason),
        _ => None,
    }
}

fn accepted(outcome: Outcome) -> Vec<Edit> {
    match outcome {
        Outcome::Accept(edits) => edits,
        other => panic!("{other:?}"),
    }
}

const KINDS: [ProposalKind; 5] = [
    ProposalKind::Ack,
    ProposalKind::Return,
    ProposalKind::Handle,
    ProposalKind::Submit,
    ProposalKind::Extend,
];

#[test]
fn from_every_state_only_the_documented_proposals_go_through() {
    for state in State::ALL {
        for kind in KINDS {
            let order = Made::at(*state, 5).replied().view();
            let got = decide(&order, "e", &asks(kind), &subject(GridWorker), &calm(), false);
            let from: &[State] = match kind {
                ProposalKind::Ack => &[Dispatched],
                ProposalKind::Return => &[Dispatched, Acked],
                ProposalKind::Handle => &[Investigating],
                ProposalKind::Submit => &[Investigating, Handling],
                ProposalKind::Extend => OPEN,
                other => panic!("{other:?} has tests of its own"),
            };
            match (from.contains(state), kind) {
                (false, _) => assert_eq!(got, Outcome::Refuse(Refusal::WrongState), "{state:?} {kind:?}"),
                (true, ProposalKind::Return) => assert_eq!(got, Outcome::Ask(roles(DECIDERS))),
                (true, ProposalKind::Extend) => {
                    assert_eq!(got, Outcome::Ask(roles(DECIDERS)));
                }
                (true, _) => assert!(matches!(got, Outcome::Accept(_)), "{state:?} {kind:?} {got:?}"),
            }
        }
    }
}

#[test]
fn only_lead_roles_may_propose_at_all() {
    for role in Role::ALL {
        for kind in KINDS {
            let state = if kind == ProposalKind::Ack { Dispatched } else { Acked };
            let order = Made::at(state, 5).view();
            let got = refused(&decide(&order, "e", &asks(kind), &subject(role), &calm(), false));
            let lead = LEADS.contains(&role);
            assert_eq!(got == Some(Refusal::RoleMayNot), !lead, "{role:?} {kind:?}");
        }
    }
}

/// AC-2: B (物业) tries "退单: 邻里纠纷". The role is told before staleness or state, so that the
/// text is kept as a note and B is not sent to try again.
#[test]
fn property_staff_may_not_return_whatever_else_is_wrong() {
    for (state, version) in [(Dispatched, 5), (Dispatched, 9), (Closed, 5), (Handling, 7)] {
        let order = Made::at(state, version).view();
        let got = decide(&order, "e", &asks(ProposalKind::Return), &subject(PropertyStaff), &calm(), false);
        assert_eq!(got, Outcome::Refuse(Refusal::RoleMayNot), "{state:?} {version}");
    }
}

#[test]
fn a_revoked_right_comes_before_everything() {
    let gone = Circumstances { right_stands: false, ..calm() };
    for (role, kind) in [
        (GridWorker, ProposalKind::Ack),
        (PropertyStaff, ProposalKind::Return),
        (Section, ProposalKind::Extend),
    ] {
        let got = decide(&Made::at(Dispatched, 5).view(), "e", &asks(kind), &subject(role), &gone, true);
        assert_eq!(got, Outcome::Refuse(Refusal::RightRevoked), "{role:?} {kind:?}");
    }
}

#[test]
fn a_changed_order_makes_a_proposal_stale_except_by_ones_own_siblings() {
    let ack = asks(ProposalKind::Ack);
    let older = ProposalRecord { order_version: 4, ..ack.clone() };
    let base = |version| Made::at(Investigating, version).replied();
    let stale = Some(Refusal::StaleVersion);
    for (name, order, want) in [
        ("nothing happened", base(5), None),
        ("the order moved on", base(6), stale),
        ("the phone claims a future version", base(4), stale),
        ("own acknowledgement", base(6).asked("a", &ack, "gw").answered("a", Verdict::Accepted), None),
        (
            "own ack and one more change",
            base(7).asked("a", &ack, "gw").answered("a", Verdict::Accepted),
            stale,
        ),
        ("own refused", base(6).asked("a", &ack, "gw").answered("a", Verdict::Refused), stale),
        ("own undecided", base(6).asked("a", &ack, "gw"), stale),
        ("another's", base(6).asked("a", &ack, "other").answered("a", Verdict::Accepted), stale),
        ("own on an older sight", base(6).asked("a", &older, "gw").answered("a", Verdict::Accepted), stale),
        ("answer without a proposal", base(6).answered("a", Verdict::Accepted), stale),
        (
            "its own answer does not count",
            base(6).asked("e", &ack, "gw").answered("e", Verdict::Accepted),
            stale,
        ),
        ("unreadable sibling", base(6).by("proposal/a", "{}", "gw").answered("a", Verdict::Accepted), stale),
    ] {
        let got =
            decide(&order.view(), "e", &asks(ProposalKind::Submit), &subject(GridWorker), &calm(), false);
        assert_eq!(refused(&got), want, "{name}");
    }
}

/// The whole offline morning on a real document: 签收, a visit, 提交, all on the same sight.
#[test]
fn acknowledging_and_submitting_offline_on_one_sight_both_stand() {
    let mut doc = Document::new(DocKind::Order);
    let mut clock = Hlc::from_wall(TimeMs(1_778_204_400_000));
    let mut write = |doc: &mut Document, by: &str, edits: &[Edit]| {
        clock = clock.tick(TimeMs(0), None);
        let actor = ActorId([if by == "hq" { 1 } else { 2 }; 16]);
        doc.edit(&Stamp { actor, worker: by.into(), hlc: clock }, edits).unwrap();
    };
    let mut start = vec![Edit::set("state", Dispatched.id()), Edit::set("order_version", 5)];
    start.push(Edit::set("assignee/gw", true));
    write(&mut doc, "hq", &start);
    let steps = [("a", ProposalKind::Ack), ("s", ProposalKind::Submit)];
    for (event, kind) in steps {
        write(&mut doc, "gw", &[Edit::set(format!("proposal/{event}"), to_json(&asks(kind)))]);
    }
    write(&mut doc, "gw", &[Edit::set("reply_text", "已修好")]);
    for (event, kind) in steps {
        let mut edits =
            accepted(decide(&doc.view(), event, &asks(kind), &subject(GridWorker), &calm(), false));
        let record = DecisionRecord {
            verdict: Verdict::Accepted,
            reason: None,
            decided_at: TimeMs(1),
            by: "hq".into(),
            words: None,
        };
        edits.push(Edit::set(format!("decision/{event}"), to_json(&record)));
        write(&mut doc, "hq", &edits);
        if kind == ProposalKind::Ack {
            // The visit moves the state, not the version.
            write(&mut doc, "hq", &[Edit::set("state", Investigating.id())]);
        }
    }
    let view = doc.view();
    assert_eq!((state(&view), version(&view)), (Submitted, 7));
    assert_eq!(pending(&view), []);
    assert_eq!(view.text("outcome"), Some("mediated"));
}

#[test]
fn only_the_holder_of_the_offer_acknowledges() {
    let none = Some(Refusal::NotOfferHolder);
    for (name, order, want) in [
        ("offered to nobody yet", Made::at(Dispatched, 5), None),
        ("empty owner", Made::at(Dispatched, 5).with("current_owner", ""), None),
        ("own", Made::at(Dispatched, 5).with("current_owner", "gw"), None),
        ("another's", Made::at(Dispatched, 5).with("current_owner", "x"), none),
        ("assigned", Made::at(Dispatched, 5).with("assignee/gw", true), None),
        (
            "assigned among others",
            Made::at(Dispatched, 5).with("assignee/x", true).with("assignee/gw", true),
            None,
        ),
        ("assigned to another", Made::at(Dispatched, 5).with("assignee/x", true), none),
    ] {
        let got = decide(&order.view(), "e", &asks(ProposalKind::Ack), &subject(GridWorker), &calm(), false);
        assert_eq!(refused(&got), want, "{name}");
    }
}

#[test]
fn an_acknowledgement_makes_the_owner_and_the_first_owner_once() {
    let ack = |order: Made| {
        accepted(decide(&order.view(), "e", &asks(ProposalKind::Ack), &subject(GridWorker), &calm(), false))
    };
    let moved =
        [Edit::set("state", "ACKED"), Edit::set("order_version", 6), Edit::set("current_owner", "gw")];
    let first = ack(Made::at(Dispatched, 5));
    assert_eq!(first, [&moved[..], &[Edit::set("first_owner", "gw")]].concat());
    // Dispatched again after a round: first_owner is fixed (R29), the owner is new.
    assert_eq!(ack(Made::at(Dispatched, 5).with("first_owner", "old").with("current_owner", "")), moved);
}

#[test]
fn returning_needs_a_reason_and_is_limited_and_a_person_decides() {
    let at = |ms| Circumstances { effective_at: TimeMs(ms), ..calm() };
    let unknown = Circumstances { return_limit: None, ..at(i64::MAX) };
    let words = |reason: &str| ProposalRecord { reason: reason.into(), ..asks(ProposalKind::Return) };
    for (name, record, circumstances, want) in [
        ("at the limit", words("重复件"), at(1_000), None),
        ("after the limit", words("重复件"), at(1_001), Some(Refusal::ReturnLimitPassed)),
        ("limit unknown", words("重复件"), unknown, None),
        ("no reason", words(""), at(0), Some(Refusal::ReasonMissing)),
        ("blank reason", words(" \n"), at(0), Some(Refusal::ReasonMissing)),
    ] {
        let order = Made::at(Acked, 5).view();
        let got = decide(&order, "e", &record, &subject(Section), &circumstances, false);
        assert_eq!(refused(&got), want, "{name}");
        if want.is_none() {
            assert_eq!(got, Outcome::Ask(roles(DECIDERS)));
            let agreed = accepted(decide(&order, "e", &record, &subject(Section), &circumstances, true));
            let ended = Edit::set("closed_at", NOW.0);
            assert_eq!(agreed, [Edit::set("state", "RETURNED"), Edit::set("order_version", 6), ended]);
        } else {
            // What a rule refuses no person can wave through.
            assert_eq!(refused(&decide(&order, "e", &record, &subject(Section), &circumstances, true)), want);
        }
    }
}

/// R48: no handling without an inquiry. R49: what is unclear forces a check on site.
#[test]
fn inquiry_gates() {
    for kind in [ProposalKind::Handle, ProposalKind::Submit] {
        for (flag, inquiries, site_checks, want) in [
            (None, 0, 0, Some(Refusal::NoInquiry)),
            (None, 1, 0, None),
            (Some("unclear_statement"), 0, 0, Some(Refusal::NoInquiry)),
            (Some("unclear_statement"), 2, 0, Some(Refusal::NoSiteCheck)),
            (Some("unclear_responsibility"), 2, 0, Some(Refusal::NoSiteCheck)),
            (Some("unclear_responsibility"), 2, 1, None),
        ] {
            let order = Made::at(Investigating, 5).replied();
            let order = flag.into_iter().fold(order, |order, f| order.by(f, true, "gw")).view();
            let at = Circumstances { inquiries, site_checks, ..calm() };
            let got = decide(&order, "e", &asks(kind), &subject(GridWorker), &at, false);
            assert_eq!(refused(&got), want, "{kind:?} {flag:?} {inquiries} {site_checks}");
        }
        // A flag set back by headquarters is no flag.
        let cleared = Made::at(Investigating, 5).replied().with("unclear_statement", false).view();
        let at = Circumstances { site_checks: 0, ..calm() };
        assert_eq!(refused(&decide(&cleared, "e", &asks(kind), &subject(GridWorker), &at, false)), None);
    }
}

#[test]
fn submitting_needs_reply_and_outcome_and_records_when_it_counts() {
    let silent = ProposalRecord { outcome: None, ..asks(ProposalKind::Submit) };
    let full = asks(ProposalKind::Submit);
    let missing = Some(Refusal::ReplyMissing);
    for (name, order, record, want) in [
        ("nothing", Made::at(Handling, 5), &silent, missing),
        ("no reply", Made::at(Handling, 5), &full, missing),
        ("blank reply", Made::at(Handling, 5).by("reply_text", " \t", "gw"), &full, missing),
        ("no outcome", Made::at(Handling, 5).replied(), &silent, missing),
        ("both", Made::at(Handling, 5).replied(), &full, None),
    ] {
        let got = decide(&order.view(), "e", record, &subject(GridWorker), &calm(), false);
        assert_eq!(refused(&got), want, "{name}");
    }
    let order = Made::at(Handling, 5).replied().view();
    let edits = accepted(decide(&order, "e", &full, &subject(GridWorker), &calm(), false));
    let want = [
        Edit::set("state", "SUBMITTED"),
        Edit::set("order_version", 6),
        Edit::set("submitted_at", 1_000),
        Edit::set("outcome", "mediated"),
    ];
    assert_eq!(edits, want);
}

#[test]
fn an_extension_is_asked_once_before_due_within_the_limit_and_a_person_decides() {
    let days = |extend_days| ProposalRecord { extend_days, ..asks(ProposalKind::Extend) };
    let open = || Made::at(Handling, 5).with("internal_due", 2_000);
    let at = |ms| Circumstances { effective_at: TimeMs(ms), ..calm() };
    let mute = ProposalRecord { reason: String::new(), ..days(Some(3)) };
    for (name, order, record, circumstances, want) in [
        ("in time", open(), days(Some(10)), at(1_999), None),
        ("at the due time", open(), days(Some(1)), at(2_000), None),
        ("after it", open(), days(Some(1)), at(2_001), Some(Refusal::AfterDue)),
        ("without a due time", Made::at(Handling, 5), days(Some(1)), at(i64::MAX), None),
        (
            "second time",
            open().with("flag/extended", true),
            days(Some(1)),
            at(0),
            Some(Refusal::AlreadyExtended),
        ),
        ("too long", open(), days(Some(11)), at(0), Some(Refusal::TooLong)),
        ("no days", open(), days(None), at(0), Some(Refusal::TooLong)),
        ("zero days", open(), days(Some(0)), at(0), Some(Refusal::TooLong)),
        ("no reason", open(), mute, at(0), Some(Refusal::ReasonMissing)),
        ("closed", Made::at(Closed, 5), days(Some(1)), at(0), Some(Refusal::WrongState)),
        ("stale", Made::at(Handling, 6), days(Some(1)), at(0), Some(Refusal::StaleVersion)),
    ] {
        let order = order.view();
        let asked = decide(&order, "e", &record, &subject(GridWorker), &circumstances, false);
        assert_eq!(refused(&asked), want, "{name}");
        let agreed = decide(&order, "e", &record, &subject(GridWorker), &circumstances, true);
        if want.is_none() {
            assert_eq!(asked, Outcome::Ask(roles(DECIDERS)), "{name}");
            assert_eq!(accepted(agreed), [Edit::set("flag/extended", true), Edit::set("order_version", 6)]);
        } else {
            assert_eq!(refused(&agreed), want, "{name}: not even with a person's word");
        }
    }
}

/// What headquarters writes by rule fits the schema it enforces on others.
#[test]
fn accepted_edits_fit_the_schema() {
    for (from, kind) in [
        (Dispatched, ProposalKind::Ack),
        (Acked, ProposalKind::Return),
        (Investigating, ProposalKind::Handle),
        (Handling, ProposalKind::Submit),
        (Handling, ProposalKind::Extend),
    ] {
        let order = Made::at(from, 5).replied().view();
        let at = Circumstances { effective_at: NOW, return_limit: None, ..calm() };
        let edits = accepted(decide(&order, "e", &asks(kind), &subject(GridWorker), &at, true));
        assert_eq!(crate::document::check_edits(&order, &edits), Ok(()), "{kind:?}");
    }
    assert!(Made::at(Handling, i64::MAX).view().int("order_version").is_some());
    let last = Made::at(Handling, i64::MAX).view();
    assert_eq!(
        move_to(&last, Submitted),
        [Edit::set("state", "SUBMITTED"), Edit::set("order_version", i64::MAX)]
    );
}

#[test]
fn an_empty_order_is_received_at_version_zero() {
    let empty = Made(Vec::new()).view();
    assert_eq!((state(&empty), version(&empty)), (Received, 0));
    let odd = Made(Vec::new()).with("state", "NEW_STATE").with("order_version", -4).view();
    assert_eq!((state(&odd), version(&odd)), (Received, 0));
}

#[test]
fn buttons_by_role_and_state() {
    let facts = ["visit", "note", "measure"];
    for state in State::ALL {
        let proposals: &[&str] = match state {
            Dispatched => &["ack", "return", "extend", "transfer"],
            Acked => &["return", "extend", "transfer"],
            Investigating => &["handle", "submit", "extend", "transfer"],
            Handling => &["submit", "extend", "transfer"],
            Received | Accepted | Triage | Submitted | Callback | Parked => &["extend"],
            Closed | Archived | Returned | Excluded => &[],
        };
        for role in Role::ALL {
            let own: &[&str] = match role {
                _ if !state.is_open() => &[],
                GridWorker | PropertyStaff | System => &facts,
                HotlineClerk | Section => &["note"],
                DeputyLeader | Principal | Enforcement | Liaison | CallbackAgent | Auditor => &[],
            };
            // `System` creates visits never and writes any field; it has no screen.
            let own: Vec<_> = own.iter().filter(|a| role != System || **a != "visit").collect();
            let mut got = allowed_actions(&Made::at(*state, 5).view(), &subject(role));
            let mut want: Vec<&str> = own.into_iter().copied().collect();
            if LEADS.contains(&role) {
                want.extend(proposals);
            }
            if role == PropertyStaff && matches!(state, Dispatched | Acked | Investigating | Handling) {
                want.push("check");
            }
            if ASKERS.contains(&role) && state.is_open() {
                want.push("exclude");
                want.extend((*state != Parked).then_some("park"));
            }
            got.sort_unstable();
            want.sort_unstable();
            assert_eq!(got, want, "{role:?} {state:?}");
        }
    }
    let extended = Made::at(Handling, 5).with("flag/extended", true).view();
    assert!(!allowed_actions(&extended, &subject(GridWorker)).contains(&"extend"));
}

/// A button may be refused for circumstances, never for role or state: the two readings of the
/// table agree.
#[test]
fn no_button_leads_to_a_refusal_by_role_or_state() {
    for state in State::ALL {
        for role in Role::ALL {
            let order = Made::at(*state, 5).replied().view();
            let actions = allowed_actions(&order, &subject(role));
            for (kind, action) in KINDS.into_iter().zip(["ack", "return", "handle", "submit", "extend"]) {
                let got = refused(&decide(&order, "e", &asks(kind), &subject(role), &calm(), false));
                let by_table = matches!(got, Some(Refusal::RoleMayNot | Refusal::WrongState));
                assert_eq!(actions.contains(&action), !by_table, "{role:?} {state:?} {action}");
            }
        }
    }
}

#[test]
fn pending_lists_readable_proposals_without_an_answer() {
    let ack = asks(ProposalKind::Ack);
    let extend = asks(ProposalKind::Extend);
    let order = Made::at(Dispatched, 5)
        .asked("1", &ack, "gw")
        .asked("2", &extend, "gw")
        .answered("1", Verdict::Refused)
        .asked("3", &ack, "other")
        .by("proposal/4", r#"{"kind":"levitate","order_version":5}"#, "gw")
        .by("proposal/5", 7, "gw")
        .answered("6", Verdict::Accepted);
    assert_eq!(pending(&order.view()), [("2".into(), extend), ("3".into(), ack)]);
}

//! What property staff found on site (DOMAIN.md §3: the only result they may propose, R45).
//!
//! Invariant: it never moves the order; the clerk takes it over or not, and one that others'
//! findings contradict is refused, while the visits behind it stay. Rejected: taking it for a
//! submission, which would let a private firm end a citizen's order.

use super::{Circumstances, Outcome, Refusal, State, is_stale, next_version, state, table::CLERK};
use crate::{
    document::Edit,
    records::{MeasurementRecord, ProposalRecord},
    staff::{Role, Roles, Subject},
    view::DocView,
};

/// Who proposes what was found; everybody else submits a result.
pub(super) const CHECKERS: Roles = Role::PropertyStaff.bit();
/// The outcome that says that there is nothing.
const NOT_FOUND: &str = "not_found";

/// Says whether a check can still matter.
pub(super) fn is_open(state: State) -> bool {
    matches!(state, State::Dispatched | State::Acked | State::Investigating | State::Handling)
}

pub(super) fn decide(
    order: &DocView,
    event: &str,
    proposal: &ProposalRecord,
    proposer: &Subject,
    at: &Circumstances,
    by_person: bool,
) -> Outcome {
    let Some(outcome) = proposal.outcome.as_deref() else {
        return Outcome::Refuse(Refusal::ReplyMissing);
    };
    let refusal = if !CHECKERS.has(proposer.role) {
        Some(Refusal::RoleMayNot)
    } else if !is_open(state(order)) {
        Some(Refusal::WrongState)
    } else if is_stale(order, event, proposal, proposer) {
        Some(Refusal::StaleVersion)
    } else if at.site_checks == 0 {
        Some(Refusal::NoSiteCheck)
    } else if !contradictions(order, proposal, &proposer.worker).is_empty() {
        Some(Refusal::Contradicted)
    } else {
        None
    };
    match refusal {
        Some(refusal) => Outcome::Refuse(refusal),
        None if !by_person => Outcome::Ask(CLERK),
        None => Outcome::Accept(vec![Edit::set("outcome", outcome), next_version(order)]),
    }
}

/// Lists what others found that contradicts a proposed "not found", each as who and what.
pub fn contradictions(order: &DocView, proposal: &ProposalRecord, proposer: &str) -> Vec<String> {
    if proposal.outcome.as_deref() != Some(NOT_FOUND) {
        return Vec::new();
    }
    let measured = order.members("measurement").filter_map(|(id, value)| {
        let record: MeasurementRecord = serde_json::from_str(value.text()?).ok()?;
        let by = &order.all(&format!("measurement/{id}")).last()?.by;
        let what = format!("{by}: {} {} {}", record.what, record.milli / 1_000, record.unit);
        (by != proposer && record.milli > 0).then_some(what)
    });
    let said = ["verified_facts", "verified_address"].into_iter().flat_map(|key| order.all(key)).filter_map(
        |value| {
            let text = value.value.text().filter(|t| !t.is_empty() && value.by != proposer)?;
            Some(format!("{}: {text}", value.by))
        },
    );
    measured.chain(said).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        id::ActorId,
        records::{Method, ProposalKind, to_json},
        schema::DocKind,
        time::{Hlc, TimeMs},
        view::{Attributed, Value},
    };

    fn order(state: &str, measured: &[(&str, i64)]) -> DocView {
        let one = |value: Value, by: &str| {
            vec![Attributed { value, by: by.into(), at: Hlc(1), actor: ActorId([0; 16]) }]
        };
        let mut fields: std::collections::BTreeMap<_, _> =
            [("state".to_owned(), one(state.into(), "hq")), ("order_version".into(), one(5.into(), "hq"))]
                .into();
        for (n, (by, milli)) in measured.iter().enumerate() {
            let (milli, at) = (*milli, TimeMs(1));
            let record = MeasurementRecord {
                what: "猫".into(),
                milli,
                unit: "只".into(),
                method: Method::Counted,
                at,
            };
            fields.insert(format!("measurement/{n}"), one(to_json(&record).into(), by));
        }
        DocView::new(DocKind::Order, fields)
    }

    #[test]
    fn a_check_is_judged_by_role_state_version_and_what_others_found() {
        use Role::{GridWorker, PropertyStaff};
        let clerk = Outcome::Ask(CLERK);
        let no = Outcome::Refuse;
        let (free, seen): (&[_], &[_]) = (&[], &[("gw", 20_000)]);
        for (role, state, version, measured, outcome, checks, want) in [
            (PropertyStaff, "HANDLING", 5, free, "not_found", 1, clerk.clone()),
            (PropertyStaff, "HANDLING", 5, seen, "explained", 1, clerk.clone()),
            (PropertyStaff, "HANDLING", 5, &[("ps", 20_000), ("gw", 0)], "not_found", 1, clerk),
            (PropertyStaff, "HANDLING", 5, seen, "not_found", 1, no(Refusal::Contradicted)),
            (PropertyStaff, "HANDLING", 4, seen, "not_found", 1, no(Refusal::StaleVersion)),
            (PropertyStaff, "HANDLING", 5, free, "not_found", 0, no(Refusal::NoSiteCheck)),
            (PropertyStaff, "SUBMITTED", 5, free, "not_found", 1, no(Refusal::WrongState)),
            (GridWorker, "HANDLING", 5, free, "not_found", 1, no(Refusal::RoleMayNot)),
        ] {
            let proposal = ProposalRecord {
                outcome: Some(outcome.into()),
                ..ProposalRecord::new(ProposalKind::Check, version, "")
            };
            let who = Subject { worker: "ps".into(), role, grants: Vec::new() };
            let at = Circumstances {
                effective_at: TimeMs(0),
                right_stands: true,
                return_limit: None,
                inquiries: checks,
                site_checks: checks,
                max_extension_days: 10,
                now: TimeMs(0),
                evidence_missing: false,
            };
            let got = decide(&order(state, measured), "e", &proposal, &who, &at, false);
            assert_eq!(got, want, "{role:?} {state} {version} {measured:?} {outcome}");
        }
    }
}

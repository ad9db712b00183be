//! The field tables against DOMAIN.md §5, typed in a second time so that drift is seen.
//!
//! Every field of the schema is in exactly one of three lists: as the document says, otherwise
//! with a reason, or not in the document with a reason. Whoever changes a rule or adds a field
//! has to say here which of the three it is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use lanewalk_model::{
    schema::{DocKind, Rule},
    staff::{Role, Roles},
};
use std::collections::BTreeMap;

use DocKind::{Appeal, Brief, Care, Knowledge, Order, Person, Place, Reference, Survey, TaskForce, Visit};
use Role::{
    DeputyLeader, Enforcement, GridWorker, HotlineClerk, Liaison, Principal, PropertyStaff, Section, System,
};
use Rule::{Add, Hq, Imm, Log, Lww, Max, Mv, Own};

/// (name in the document, kind, field here, rule): the rule is the document's.
const AS_THE_DOMAIN_SAYS: &[(&str, DocKind, &str, Rule)] = &[
    ("work_order.upstream_id", Order, "upstream_id", Imm),
    ("work_order.channel", Order, "channel", Imm),
    ("work_order.reported_text", Brief, "reported_text", Imm),
    ("work_order.reported_address", Brief, "reported_address", Imm),
    ("work_order.reported_at", Order, "reported_at", Imm),
    ("work_order upstream amendments", Order, "amendment", Log),
    ("work_order.matter_code", Order, "matter_code", Own),
    ("work_order.catalog_version", Order, "catalog_version", Own),
    ("work_order.urgency", Order, "urgency", Own),
    ("work_order.state", Order, "state", Own),
    ("work_order.order_version", Order, "order_version", Own),
    ("work_order.lead_unit", Order, "lead_unit", Own),
    ("work_order.current_owner", Order, "current_owner", Own),
    ("work_order.first_owner", Order, "first_owner", Imm),
    ("work_order.support_units", Order, "support_unit", Add),
    ("work_order.tags", Order, "tag", Add),
    ("work_order.internal_due", Order, "internal_due", Hq),
    ("work_order.upstream_due", Order, "upstream_due", Hq),
    ("work_order.calendar_version", Order, "calendar_version", Hq),
    ("work_order.due_provisional", Order, "due_provisional", Hq),
    ("work_order.unclear_statement", Order, "unclear_statement", Max),
    ("work_order.unclear_responsibility", Order, "unclear_responsibility", Max),
    ("work_order.severity", Order, "severity", Max),
    ("work_order.verified_address", Order, "verified_address", Mv),
    ("work_order.verified_facts", Order, "verified_facts", Mv),
    ("work_order.reply_text", Order, "reply_text", Mv),
    ("work_order.outcome", Order, "outcome", Own),
    ("work_order.resolved_claim", Order, "resolved_claim", Own),
    ("cluster(master, child)", Order, "cluster_child", Add),
    ("measurement", Order, "measurement", Log),
    ("measurement", Visit, "measurement", Log),
    ("callback", Order, "callback", Log),
    ("appeal.kind", Appeal, "kind", Imm),
    ("appeal.text", Appeal, "text", Imm),
    ("appeal.person", Appeal, "person", Imm),
    ("appeal.place", Appeal, "place", Imm),
    ("appeal additions", Appeal, "addition", Log),
    ("appeal status", Appeal, "status", Own),
    ("visit.kind", Visit, "kind", Imm),
    ("visit.order", Visit, "order", Imm),
    ("visit.target", Visit, "target", Imm),
    ("visit.by", Visit, "by", Imm),
    ("visit.started", Visit, "started", Imm),
    ("visit.ended", Visit, "ended", Imm),
    ("visit.purpose", Visit, "purpose", Imm),
    ("visit.result", Visit, "result", Imm),
    ("visit corrects=", Visit, "corrects", Imm),
    ("visit.notes", Visit, "notes", Lww),
    ("visit.position", Visit, "position", Imm),
    ("photo.caption", Visit, "caption", Lww),
    ("photo.redaction_boxes", Visit, "redaction_box", Add),
    ("person merge", Person, "merged", Log),
    ("person.name", Person, "name", Mv),
    ("person.phone", Person, "phone", Mv),
    ("person.vulnerability kind", Care, "kind", Mv),
    ("person.vulnerability basis", Care, "basis", Mv),
    ("person.vulnerability valid_to", Care, "valid_to", Mv),
    ("person.vulnerability expires by HQ", Care, "expired", Hq),
    ("household.members", Place, "member", Add),
    ("household.pets", Place, "pet", Add),
    ("household.vehicles", Place, "vehicle", Add),
    ("household.contact_time", Place, "contact_time", Lww),
    ("household.access_note", Place, "access_note", Lww),
    ("address.code", Place, "code", Own),
    ("address: P kept as temp id until mapped", Place, "mapped_to", Own),
    ("survey.targets", Survey, "target", Add),
    ("survey.answer", Survey, "answer", Mv),
    ("survey.answer text", Survey, "answer_text", Mv),
    ("taskforce.lead", TaskForce, "lead", Own),
    ("taskforce.due", TaskForce, "due", Own),
    ("taskforce.members", TaskForce, "member", Add),
    ("taskforce.meetings", TaskForce, "meeting", Log),
    ("taskforce.plan_versions", TaskForce, "plan", Log),
    ("kb_entry, playbook", Knowledge, "kind", Imm),
    ("kb_entry, playbook", Knowledge, "topic", Imm),
    ("kb_entry, playbook", Knowledge, "version", Imm),
    ("kb_entry, playbook", Knowledge, "matter_code", Imm),
    ("kb_entry, playbook", Knowledge, "title", Imm),
    ("kb_entry, playbook", Knowledge, "body", Imm),
    ("kb_entry, playbook", Knowledge, "owner_unit", Imm),
];

/// (name in the document, its rule, kind, field, rule here, why).
const OTHERWISE: &[(&str, Rule, DocKind, &str, Rule, &str)] = &[
    ("photo.meta", Imm, Visit, "photo", Log, "many per visit; each record is immutable under its own id"),
    ("confirmation", Imm, Visit, "confirmation", Log, "several residents may confirm; each is immutable"),
    ("finding", Imm, Order, "finding", Log, "several findings in time; each is immutable"),
    ("police_referral", Imm, Brief, "police_referral", Log, "several reports in time; each is immutable"),
    ("liaison_reply", Imm, Order, "liaison_reply", Log, "several offices reply; each is immutable"),
    ("access_log", Log, Care, "viewed", Log, "views of a care record; the chain of entries hash-chains them"),
    (
        "matter_catalog",
        Imm,
        Reference,
        "name",
        Imm,
        "which reference: catalogue, calendar, grids, staff, limits",
    ),
    (
        "matter_catalog",
        Imm,
        Reference,
        "version",
        Hq,
        "one document per name; orders keep the version they used",
    ),
    ("matter_catalog", Imm, Reference, "body", Hq, "one document per name holds the version in force"),
];

/// (kind, field, rule, why it exists): not named in §5.
const EXTRAS: &[(DocKind, &str, Rule, &str)] = &[
    (Visit, "photo_trouble", Log, "F12: a file that can never arrive is told to headquarters"),
    (Visit, "original_wanted", Hq, "decided: originals go up on Wi-Fi or on request"),
    (Order, "reported_position", Imm, "upstream coordinates, as reported"),
    (Order, "payload_hash", Imm, "§4: the importer records the upstream payload hash"),
    (Order, "erasure", Log, "FAULTS §d.13: erasing personal data leaves a proof that it was done"),
    (Order, "recurrence_of", Imm, "R2, §4: link of a relapse to the old order"),
    (Order, "title", Hq, "§9: made at headquarters without personal data"),
    (Order, "summary", Hq, "§9: redacted text, for phones that may not hold the citizen's words"),
    (Order, "place_text", Hq, "§9: address to the building"),
    (Order, "grid", Own, "R15: the grid is the download scope"),
    (Order, "assignee", Add, "§3: own = assigned to me or my grid; headquarters writes it"),
    (Order, "flag", Add, "§4: overlays such as extended, yellow, red"),
    (Order, "promised_due", Hq, "§7: the earlier promise stays visible"),
    (Order, "accepted_at", Hq, "§4: accept time; R22 stage timer"),
    (Order, "dispatched_at", Hq, "R22 stage timer; start of the return limit"),
    (Order, "submitted_at", Hq, "R22 stage timer"),
    (Order, "closed_at", Hq, "R22 stage timer; start of the 30 days on a phone"),
    (Order, "note", Log, "§4 offline law: notes are facts"),
    (Brief, "contact", Log, "R3: recorded first contact and attempts"),
    (Brief, "mediation", Log, "R37: mediation attempt and result"),
    (Order, "visit", Log, "§4: the visit id is recorded with the order"),
    (Order, "proposal", Log, "§4 offline law: proposals with the version seen"),
    (Order, "decision", Log, "§4 offline law: applied or refused with a reason"),
    (Brief, "order", Imm, "whose brief it is"),
    (Brief, "grid", Own, "download scope, follows the order's"),
    (Brief, "requester_masked", Hq, "§3: grid workers see the requester masked"),
    (Brief, "phone_masked", Hq, "§3, §9: 138****8000"),
    (Brief, "secrecy", Hq, "§9: GB/T 33358 secrecy mark"),
    (Brief, "closed_at", Hq, "leaves phones with its order"),
    (Visit, "grid", Imm, "AC-4: unsent visits arrive under the old grid"),
    (Visit, "met", Log, "R20: person met"),
    (Visit, "scene", Log, "AC-3: corridor or door where the inside is refused"),
    (Visit, "consent", Log, "§9: interior photos only with recorded consent"),
    (Appeal, "place_text", Imm, "where there is no place record yet"),
    (Appeal, "grid", Imm, "download scope"),
    (Appeal, "channel", Imm, "R18, R19: grid or service point"),
    (Appeal, "by", Imm, "the creator whom §5 names as only writer"),
    (Appeal, "at", Imm, "when it was taken in"),
    (Appeal, "solved_on_site", Imm, "R17"),
    (Appeal, "order", Own, "R17: link when converted"),
    (Place, "raw_address", Imm, "§8: keep the raw text too"),
    (Place, "grid", Imm, "download scope"),
    (Place, "position", Imm, "§8: where it is"),
    (Place, "kind", Imm, "dwelling, shop, service point (R18)"),
    (Place, "name", Lww, "AC-1: a shop is renamed, LWW with history"),
    (Place, "alias", Add, "§8: 原名"),
    (Person, "grid", Imm, "download scope"),
    (Person, "purpose", Imm, "§9: purpose shown at collection"),
    (Care, "grid", Imm, "download scope"),
    (Care, "person", Imm, "whose it is"),
    (Survey, "title", Imm, "what is asked"),
    (Survey, "question", Imm, "what is asked"),
    (Survey, "order", Imm, "the cluster or order it serves"),
    (Survey, "taskforce", Imm, "R35: the task force it serves"),
    (Survey, "grid", Imm, "download scope"),
    (TaskForce, "title", Imm, "what it is for"),
    (TaskForce, "grid", Imm, "download scope"),
    (TaskForce, "order", Add, "the orders it works on"),
    (TaskForce, "adopted_plan", Own, "R36: one version is adopted"),
    (TaskForce, "dissolved", Own, "AC-1: task force dissolved"),
    (
        Order,
        "kind",
        Imm,
        "consult, help, suggest, complain, report: the five kinds of an appeal (§1b, Jinan)",
    ),
    (TaskForce, "step", Log, "the log of what was done with it"),
    (Order, "subtask_of", Imm, "R41: a linked sub-task"),
    (Order, "appeal", Imm, "R17: converted from an appeal"),
    (Order, "offered_to", Own, "R29: offered until accepted"),
    (Order, "master", Own, "R33: the master of its cluster"),
    (Order, "taskforce", Own, "R32"),
    (Order, "playbook", Own, "R12: the version used"),
    (Order, "contact_due", Hq, "§6, response rate"),
    (Order, "first_contact_at", Hq, "R3, §6"),
    (Order, "review_at", Hq, "§4: PARKED needs a review date"),
    (Order, "step", Log, "the log every count derives from"),
    (TaskForce, "overdue_told", Hq, "R32: its own due time is supervised, once per due time"),
    (Knowledge, "trigger", Imm, "§2 R12: trigger of a response plan"),
    (Knowledge, "steps", Imm, "§2 R12: steps of a response plan"),
    (Knowledge, "suggested_by", Imm, "R13: the new version names who suggested it"),
    (Knowledge, "drafted_from", Imm, "AC-1: playbook drafted from a task force"),
    (Knowledge, "superseded", Hq, "phones show the current version first"),
    (Knowledge, "decision", Log, "R13: approval or words of refusal reach the phone"),
    (Knowledge, "suggestion", Log, "R13: suggestion, then approval, then a new version"),
];

/// Names of §5 that are no field of a document, and where they are instead.
const ELSEWHERE: &[(&str, &str)] = &[
    ("work_order.id, visit.id, person.id", "the document id"),
    (".transfers, .rework_round", "DER: counted from the change log, never stored"),
    ("person.vulnerability writer welfare", "the welfare section works at headquarters, not on a phone"),
    ("duty.watch", "headquarters' own table"),
    ("event envelope", "the entry header of the wire protocol"),
];

fn listed() -> BTreeMap<(&'static str, &'static str), Rule> {
    let same = AS_THE_DOMAIN_SAYS.iter().map(|(_, kind, field, rule)| (*kind, *field, *rule));
    let other = OTHERWISE.iter().map(|(_, _, kind, field, rule, _)| (*kind, *field, *rule));
    let extra = EXTRAS.iter().map(|(kind, field, rule, _)| (*kind, *field, *rule));
    let mut all = BTreeMap::new();
    for (kind, field, rule) in same.chain(other).chain(extra) {
        let before = all.insert((kind.name(), field), rule);
        assert_eq!(before, None, "{kind:?}.{field} is listed twice");
    }
    all
}

#[test]
fn every_field_is_listed_with_its_rule_and_nothing_else_is() {
    let mut schema = BTreeMap::new();
    for kind in DocKind::ALL {
        for field in kind.spec().fields {
            schema.insert((kind.name(), field.name), field.rule);
        }
    }
    let listed = listed();
    for (name, rule) in &schema {
        assert_eq!(listed.get(name), Some(rule), "{name:?} in the schema, not so in the lists");
    }
    for (name, rule) in &listed {
        assert_eq!(schema.get(name), Some(rule), "{name:?} in the lists, not so in the schema");
    }
}

#[test]
fn whatever_departs_from_the_domain_has_a_reason() {
    assert!(OTHERWISE.iter().all(|row| !row.5.trim().is_empty()));
    assert!(EXTRAS.iter().all(|row| !row.3.trim().is_empty()));
    assert!(ELSEWHERE.iter().all(|(name, place)| !name.is_empty() && !place.is_empty()));
    // A departure may only make records of what §5 calls immutable, or a version of a reference.
    for (name, domain, kind, _, here, _) in OTHERWISE {
        let harmless = domain == here || (*domain, *here) == (Imm, Log) || *kind == Reference;
        assert!(harmless, "{name}");
    }
}

/// Whom §5 names as writer, where it names a role that holds a phone. What it calls HQ, importer
/// or core is no device role; `phone`, `field`, `creator` and `worker / property` are both field
/// roles; `lead` is the section and the worker it sends.
#[test]
fn writers_are_those_of_the_domain() {
    const FIELD: &[Role] = &[GridWorker, PropertyStaff];
    const NOBODY: &[Role] = &[];
    for (kind, field, writers) in [
        (Order, "upstream_id", NOBODY),
        (Order, "urgency", NOBODY),
        (Order, "state", NOBODY),
        (Order, "first_owner", NOBODY),
        (Order, "internal_due", NOBODY),
        (Order, "outcome", NOBODY),
        (Order, "support_unit", &[HotlineClerk, Section]),
        (Order, "tag", FIELD),
        (Order, "cluster_child", &[HotlineClerk]),
        (Order, "severity", FIELD),
        (Order, "unclear_statement", &[GridWorker, PropertyStaff, Section, HotlineClerk]),
        (Order, "reply_text", &[GridWorker, Section]),
        (Order, "finding", &[Enforcement]),
        (Brief, "police_referral", &[GridWorker]),
        (Order, "liaison_reply", &[Liaison]),
        // The agent works at headquarters: an act judges round, time and handler.
        (Order, "callback", NOBODY),
        (Visit, "kind", FIELD),
        (Visit, "notes", FIELD),
        (Visit, "photo", FIELD),
        (Visit, "caption", FIELD),
        (Visit, "redaction_box", &[HotlineClerk]),
        (Person, "name", &[GridWorker]),
        (Person, "merged", NOBODY),
        (Care, "basis", &[GridWorker]),
        (Care, "expired", NOBODY),
        (Place, "access_note", FIELD),
        (Place, "code", NOBODY),
        (Survey, "target", &[GridWorker, PropertyStaff, HotlineClerk]),
        (Survey, "answer", FIELD),
        (TaskForce, "lead", NOBODY),
        (TaskForce, "meeting", &[Section, DeputyLeader, Principal]),
        (Knowledge, "body", NOBODY),
        (Reference, "body", NOBODY),
    ] {
        let wanted = writers.iter().fold(Roles::NONE, |all, r| all.or(r.bit()));
        let spec = kind.spec().fields.iter().find(|f| f.name == field).unwrap();
        assert_eq!(spec.writers, wanted, "{kind:?}.{field}");
        assert!(spec.may_write(System));
    }
}

/// §3, as far as whole kinds go: no identity and no vulnerability for private firms; guests and
/// auditors hold nothing of a case; only field roles create on a phone.
#[test]
fn readers_and_creators_are_those_of_the_domain() {
    for kind in [Brief, Person, Care] {
        assert!(!kind.spec().readers.has(PropertyStaff), "{kind:?}");
    }
    for kind in DocKind::ALL.into_iter().filter(|k| *k != Reference) {
        for role in [Liaison, Role::Auditor] {
            assert!(!kind.spec().readers.has(role), "{role:?} {kind:?}");
        }
        let creators = kind.spec().creators;
        for role in Role::ALL {
            let may = match kind {
                Visit | Appeal | Place => matches!(role, GridWorker | PropertyStaff),
                Person | Care => role == GridWorker,
                _ => false,
            };
            assert_eq!(creators.has(role), may, "{role:?} creates {kind:?}");
            assert!(!may || kind.spec().readers.has(role), "{role:?} could not read its own {kind:?}");
        }
    }
}

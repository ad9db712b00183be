//! The tables themselves, row by row as in DOMAIN.md §5.

use super::{DocKind, FieldSpec, KindSpec, Rule, Type};
use crate::staff::{Role, Roles};
use Rule::{Add, Hq, Imm, Log, Lww, Max, Mv, Own};
use Type::{Bool, Int, Json, OneOf, Text, Time};

const HQ: Roles = Roles::NONE;
const GRID: Roles = Role::GridWorker.bit();
const PROPERTY: Roles = Role::PropertyStaff.bit();
const FIELD: Roles = GRID.or(PROPERTY);
const SECTION: Roles = Role::Section.bit();
const CLERK: Roles = Role::HotlineClerk.bit();
const LEADERS: Roles = Role::DeputyLeader.bit().or(Role::Principal.bit());
const COMMUNITY: Roles = GRID.or(SECTION).or(CLERK);
const HANDLERS: Roles = FIELD.or(SECTION).or(CLERK);

const fn one(name: &'static str, ty: Type, rule: Rule, writers: Roles) -> FieldSpec {
    FieldSpec { name, family: false, ty, rule, writers }
}

const fn family(name: &'static str, ty: Type, rule: Rule, writers: Roles) -> FieldSpec {
    FieldSpec { name, family: true, ty, rule, writers }
}

/// Short ids and codes.
const ID: Type = Text(64);
/// A line of text.
const LINE: Type = Text(600);
/// Free text, 4,000 characters of Chinese.
const FREE: Type = Text(12_000);
/// A log record.
const RECORD: Type = Json(4_096);
/// A record of a few pages: minutes, a plan.
const MINUTES: Type = Json(32_768);
const COUNT: Type = Int(0, i64::MAX);

static ORDER_STATES: &[&str] = &[
    "RECEIVED",
    "ACCEPTED",
    "TRIAGE",
    "DISPATCHED",
    "ACKED",
    "INVESTIGATING",
    "HANDLING",
    "SUBMITTED",
    "CALLBACK",
    "CLOSED",
    "ARCHIVED",
    "RETURNED",
    "EXCLUDED",
    "PARKED",
];

static OUTCOMES: &[&str] =
    &["self_corrected", "enforced", "mediated", "explained", "referred_police", "not_found", "not_ours"];

static ORDER: KindSpec = KindSpec {
    kind: DocKind::Order,
    creators: HQ,
    readers: HANDLERS.or(LEADERS).or(Role::Enforcement.bit()).or(Role::CallbackAgent.bit()),
    fields: &[
        one("upstream_id", ID, Imm, HQ),
        one("channel", ID, Imm, HQ),
        one("kind", OneOf(&["consult", "help", "suggest", "complain", "report"]), Imm, HQ),
        one("reported_at", Time, Imm, HQ),
        one("reported_position", RECORD, Imm, HQ),
        one("payload_hash", ID, Imm, HQ),
        one("recurrence_of", ID, Imm, HQ),
        // The order a linked sub-task belongs to; it does not hold that order's clock (R41).
        one("subtask_of", ID, Imm, HQ),
        // The appeal it was made of (R17).
        one("appeal", ID, Imm, HQ),
        one("first_owner", ID, Imm, HQ),
        // Made at headquarters with personal data taken out; the citizen's own words are in Brief.
        one("title", LINE, Hq, HQ),
        one("summary", FREE, Hq, HQ),
        one("place_text", LINE, Hq, HQ),
        family("amendment", RECORD, Log, HQ),
        // What came in from outside is gone, since when, and who did it; the log keeps the promise.
        family("erasure", RECORD, Log, HQ),
        one("grid", ID, Own, HQ),
        one("matter_code", ID, Own, HQ),
        one("catalog_version", ID, Own, HQ),
        one("urgency", OneOf(&["general", "urgent"]), Own, HQ),
        one("state", OneOf(ORDER_STATES), Own, HQ),
        one("order_version", COUNT, Own, HQ),
        one("lead_unit", ID, Own, HQ),
        one("current_owner", ID, Own, HQ),
        // Whom the order is offered to until that holder accepts or declines (R29).
        one("offered_to", ID, Own, HQ),
        // The master of its cluster (R33) and the task force that leads it (R32).
        one("master", ID, Own, HQ),
        one("taskforce", ID, Own, HQ),
        // The version of the response plan that was used (R12).
        one("playbook", ID, Own, HQ),
        one("outcome", OneOf(OUTCOMES), Own, HQ),
        one("resolved_claim", Bool, Own, HQ),
        family("assignee", Bool, Add, HQ),
        family("support_unit", Bool, Add, CLERK.or(SECTION)),
        family("tag", Bool, Add, FIELD),
        family("flag", Bool, Add, HQ),
        family("cluster_child", Bool, Add, CLERK),
        one("internal_due", Time, Hq, HQ),
        one("promised_due", Time, Hq, HQ),
        one("upstream_due", Time, Hq, HQ),
        one("calendar_version", ID, Hq, HQ),
        one("due_provisional", Bool, Hq, HQ),
        one("accepted_at", Time, Hq, HQ),
        one("dispatched_at", Time, Hq, HQ),
        one("submitted_at", Time, Hq, HQ),
        one("closed_at", Time, Hq, HQ),
        // Until when the requester had to be contacted, and when that first happened.
        one("contact_due", Time, Hq, HQ),
        one("first_contact_at", Time, Hq, HQ),
        one("review_at", Time, Hq, HQ),
        family("step", RECORD, Log, HQ),
        one("unclear_statement", Bool, Max, HANDLERS),
        one("unclear_responsibility", Bool, Max, HANDLERS),
        one("severity", Int(0, 3), Max, FIELD),
        one("verified_address", LINE, Mv, FIELD.or(SECTION)),
        one("verified_facts", FREE, Mv, FIELD.or(SECTION)),
        one("reply_text", FREE, Mv, GRID.or(SECTION)),
        family("note", RECORD, Log, HANDLERS),
        family("measurement", RECORD, Log, FIELD),
        family("liaison_reply", RECORD, Log, Role::Liaison.bit()),
        family("finding", RECORD, Log, Role::Enforcement.bit()),
        // By an act at headquarters alone: who handled, which round, when, are judged there.
        family("callback", RECORD, Log, HQ),
        family("visit", ID, Log, FIELD),
        family("proposal", RECORD, Log, FIELD.or(SECTION).or(CLERK)),
        family("decision", RECORD, Log, HQ),
    ],
};

static BRIEF: KindSpec = KindSpec {
    kind: DocKind::Brief,
    creators: HQ,
    readers: GRID.or(CLERK).or(SECTION).or(LEADERS),
    fields: &[
        one("order", ID, Imm, HQ),
        one("grid", ID, Own, HQ),
        one("reported_text", FREE, Imm, HQ),
        one("reported_address", LINE, Imm, HQ),
        one("requester_masked", LINE, Hq, HQ),
        one("phone_masked", ID, Hq, HQ),
        one("secrecy", Bool, Hq, HQ),
        one("closed_at", Time, Hq, HQ),
        // Who was reached, what was tried between whom: these name people, so they stand where
        // property staff do not read.
        family("contact", RECORD, Log, COMMUNITY),
        family("mediation", RECORD, Log, COMMUNITY),
        family("police_referral", RECORD, Log, GRID),
    ],
};

static VISIT: KindSpec = KindSpec {
    kind: DocKind::Visit,
    creators: FIELD,
    readers: HANDLERS.or(LEADERS),
    fields: &[
        one("order", ID, Imm, FIELD),
        one("target", ID, Imm, FIELD),
        one("grid", ID, Imm, FIELD),
        one(
            "kind",
            OneOf(&["prelim_call", "prelim", "site_check", "handle", "supervise", "patrol", "care"]),
            Imm,
            FIELD,
        ),
        one("by", ID, Imm, FIELD),
        one("started", Time, Imm, FIELD),
        one("ended", Time, Imm, FIELD),
        one(
            "purpose",
            OneOf(&["collect", "mediate", "publicity", "safety", "service", "emergency"]),
            Imm,
            FIELD,
        ),
        one("result", OneOf(&["met", "absent", "refused", "locked"]), Imm, FIELD),
        one("position", RECORD, Imm, FIELD),
        one("corrects", ID, Imm, FIELD),
        one("notes", FREE, Lww, FIELD),
        family("measurement", RECORD, Log, FIELD),
        family("photo", RECORD, Log, FIELD),
        family("caption", LINE, Lww, FIELD),
        // Files of photos that can never arrive, told by the phone; files headquarters asks for.
        family("photo_trouble", RECORD, Log, FIELD),
        family("original_wanted", Bool, Hq, HQ),
        family("redaction_box", RECORD, Add, CLERK),
        // What a photo shows by place; and whether the occupant agreed to photos of the inside.
        family("scene", OneOf(&["outdoors", "corridor", "door", "interior"]), Log, FIELD),
        family("consent", RECORD, Log, FIELD),
        family("met", ID, Log, FIELD),
        family("confirmation", RECORD, Log, FIELD),
    ],
};

static APPEAL: KindSpec = KindSpec {
    kind: DocKind::Appeal,
    creators: FIELD,
    readers: HANDLERS.or(LEADERS),
    fields: &[
        one("kind", OneOf(&["consult", "help", "suggest", "complain", "report", "opinion"]), Imm, FIELD),
        one("text", FREE, Imm, FIELD),
        one("person", ID, Imm, GRID),
        one("place", ID, Imm, FIELD),
        one("place_text", LINE, Imm, FIELD),
        one("grid", ID, Imm, FIELD),
        one("channel", OneOf(&["grid", "service_point"]), Imm, FIELD),
        one("by", ID, Imm, FIELD),
        one("at", Time, Imm, FIELD),
        one("solved_on_site", Bool, Imm, FIELD),
        family("addition", RECORD, Log, FIELD),
        one("status", OneOf(&["open", "solved_on_site", "converted", "closed"]), Own, HQ),
        one("order", ID, Own, HQ),
    ],
};

static PLACE: KindSpec = KindSpec {
    kind: DocKind::Place,
    creators: FIELD,
    readers: HANDLERS.or(LEADERS),
    fields: &[
        one("raw_address", LINE, Imm, FIELD),
        one("grid", ID, Imm, FIELD),
        one("position", RECORD, Imm, FIELD),
        one("kind", OneOf(&["dwelling", "shop", "org", "service_point", "public"]), Imm, FIELD),
        one("code", ID, Own, HQ),
        one("mapped_to", ID, Own, HQ),
        one("name", LINE, Lww, FIELD),
        one("contact_time", LINE, Lww, FIELD),
        one("access_note", LINE, Lww, FIELD),
        family("alias", LINE, Add, FIELD),
        family("member", Bool, Add, GRID),
        family("pet", LINE, Add, FIELD),
        family("vehicle", LINE, Add, FIELD),
    ],
};

static PERSON: KindSpec = KindSpec {
    kind: DocKind::Person,
    creators: GRID,
    readers: GRID.or(CLERK),
    fields: &[
        one("grid", ID, Imm, GRID),
        one("name", LINE, Mv, GRID),
        one("phone", ID, Mv, GRID),
        one("purpose", LINE, Imm, GRID),
        family("merged", RECORD, Log, HQ),
    ],
};

static CARE: KindSpec = KindSpec {
    kind: DocKind::Care,
    creators: GRID,
    readers: GRID,
    fields: &[
        one("grid", ID, Imm, GRID),
        one("person", ID, Imm, GRID),
        one("kind", ID, Mv, GRID),
        one("basis", LINE, Mv, GRID),
        one("valid_to", Time, Mv, GRID),
        one("expired", Bool, Hq, HQ),
        family("viewed", RECORD, Log, GRID),
    ],
};

static SURVEY: KindSpec = KindSpec {
    kind: DocKind::Survey,
    creators: HQ,
    readers: HANDLERS.or(LEADERS),
    fields: &[
        one("title", LINE, Imm, HQ),
        one("question", LINE, Imm, HQ),
        one("order", ID, Imm, HQ),
        one("taskforce", ID, Imm, HQ),
        one("grid", ID, Imm, HQ),
        family("target", LINE, Add, FIELD.or(CLERK)),
        family("answer", OneOf(&["support", "oppose", "neutral", "absent"]), Mv, FIELD),
        family("answer_text", LINE, Mv, FIELD),
    ],
};

static TASKFORCE: KindSpec = KindSpec {
    kind: DocKind::TaskForce,
    creators: HQ,
    readers: HANDLERS.or(LEADERS),
    fields: &[
        one("title", LINE, Imm, HQ),
        one("grid", ID, Imm, HQ),
        family("order", Bool, Add, CLERK),
        one("lead", ID, Own, HQ),
        one("due", Time, Own, HQ),
        one("adopted_plan", ID, Own, HQ),
        one("dissolved", Bool, Own, HQ),
        // Staff by id; people of other bodies under an id of their own. The value is the name.
        family("member", LINE, Add, SECTION.or(LEADERS)),
        family("meeting", MINUTES, Log, SECTION.or(LEADERS)),
        family("plan", MINUTES, Log, SECTION.or(LEADERS)),
        // The due time that has passed and was told to the principal leader.
        one("overdue_told", Time, Hq, HQ),
        family("step", RECORD, Log, HQ),
    ],
};

static KNOWLEDGE: KindSpec = KindSpec {
    kind: DocKind::Knowledge,
    creators: HQ,
    readers: HANDLERS.or(LEADERS).or(Role::CallbackAgent.bit()),
    fields: &[
        one("kind", OneOf(&["kb_entry", "playbook"]), Imm, HQ),
        one("topic", ID, Imm, HQ),
        one("version", COUNT, Imm, HQ),
        one("matter_code", ID, Imm, HQ),
        one("title", LINE, Imm, HQ),
        one("body", FREE, Imm, HQ),
        one("owner_unit", ID, Imm, HQ),
        // A response plan: when it applies, and what to do, line by line.
        one("trigger", LINE, Imm, HQ),
        one("steps", FREE, Imm, HQ),
        // The words of whom this version took up, and what it was drafted from.
        one("suggested_by", ID, Imm, HQ),
        one("drafted_from", ID, Imm, HQ),
        one("superseded", Bool, Hq, HQ),
        family("suggestion", RECORD, Log, HANDLERS),
        family("decision", RECORD, Log, HQ),
    ],
};

static REFERENCE: KindSpec = KindSpec {
    kind: DocKind::Reference,
    creators: HQ,
    readers: Roles(u16::MAX),
    fields: &[
        one("name", OneOf(&["calendar", "matter_catalog", "grids", "staff", "limits"]), Imm, HQ),
        one("version", ID, Hq, HQ),
        // Whole files such as the grids' GeoJSON; headquarters' own changes have no 64 KiB cap.
        one("body", Text(1 << 20), Hq, HQ),
    ],
};

pub(super) fn spec(kind: DocKind) -> &'static KindSpec {
    match kind {
        DocKind::Order => &ORDER,
        DocKind::Brief => &BRIEF,
        DocKind::Visit => &VISIT,
        DocKind::Appeal => &APPEAL,
        DocKind::Place => &PLACE,
        DocKind::Person => &PERSON,
        DocKind::Care => &CARE,
        DocKind::Survey => &SURVEY,
        DocKind::TaskForce => &TASKFORCE,
        DocKind::Knowledge => &KNOWLEDGE,
        DocKind::Reference => &REFERENCE,
    }
}

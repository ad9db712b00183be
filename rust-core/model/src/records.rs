//! Log records: what is written once into a document and never changed.
//!
//! Invariant: a record is one JSON object kept verbatim as one value, so it is immutable as a
//! unit and fields from a newer version stay in it untouched. Rejected: one key per record
//! field, which costs eight operations where one is meant and lets a record be half written.

use crate::{order::Refusal, time::TimeMs};
use serde::{Deserialize, Serialize};

/// What a phone can ask headquarters for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalKind {
    /// 签收.
    Ack,
    /// 退单.
    Return,
    /// 转入办理.
    Handle,
    /// 提交结果.
    Submit,
    /// 延期.
    Extend,
    /// 转派: offers the order to another holder, who has to accept (R29).
    Transfer,
    /// 不接: the holder it was offered to says no.
    Decline,
    /// 不予受理 (R10).
    Exclude,
    /// 挂账.
    Park,
    /// 核查结论: what property staff found on site (DOMAIN.md §3); never the order's result.
    Check,
}

impl ProposalKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Ack,
        Self::Return,
        Self::Handle,
        Self::Submit,
        Self::Extend,
        Self::Transfer,
        Self::Decline,
        Self::Exclude,
        Self::Park,
        Self::Check,
    ];

    /// Returns the id used in data and for the screen's buttons.
    pub fn id(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Return => "return",
            Self::Handle => "handle",
            Self::Submit => "submit",
            Self::Extend => "extend",
            Self::Transfer => "transfer",
            Self::Decline => "decline",
            Self::Exclude => "exclude",
            Self::Park => "park",
            Self::Check => "check",
        }
    }

    /// Returns the Chinese word.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Ack => "签收",
            Self::Return => "退单",
            Self::Handle => "转办理",
            Self::Submit => "提交结果",
            Self::Extend => "延期",
            Self::Transfer => "转派",
            Self::Decline => "不接转派",
            Self::Exclude => "不予受理",
            Self::Park => "挂账",
            Self::Check => "核查结论",
        }
    }
}

/// A proposal, carrying the order version its author saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalRecord {
    /// What is asked.
    pub kind: ProposalKind,
    /// The order version seen.
    pub order_version: u64,
    /// Why, in the worker's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// For a submission: the outcome id of R40.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// For an extension: working days asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extend_days: Option<u32>,
    /// For a transfer: the unit or worker it is offered to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// For an exclusion: the reason's code; for it and a return, what shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<String>,
    /// What shows the ground: visits, documents, words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// For parking: when it is looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_at: Option<TimeMs>,
}

impl ProposalRecord {
    /// Makes a proposal of a kind on the sight of an order version; the rest is empty.
    pub fn new(kind: ProposalKind, order_version: u64, reason: impl Into<String>) -> Self {
        Self {
            kind,
            order_version,
            reason: reason.into(),
            outcome: None,
            extend_days: None,
            to: None,
            ground: None,
            evidence: None,
            review_at: None,
        }
    }
}

/// How a proposal was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Accepted.
    Accepted,
    /// Refused.
    Refused,
}

/// Headquarters' answer to a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Accepted or refused.
    pub verdict: Verdict,
    /// Why refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Refusal>,
    /// HQ time.
    pub decided_at: TimeMs,
    /// Staff id of who decided; `hq` for a rule.
    pub by: String,
    /// A person's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// What happened to an order at headquarters: the log from which every count is derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Came in.
    Received,
    /// Accepted by the clerk on watch 接单.
    Accepted,
    /// Sent to the deputy leader 研判.
    ToTriage,
    /// Dispatched 派件; `to` is the lead unit.
    Dispatched,
    /// Offered to another holder 转派; `to` names it.
    Offered,
    /// The other holder declined.
    Declined,
    /// The other holder accepted: it moved; `from` and `to` name both.
    Transferred,
    /// Acknowledged 签收.
    Acked,
    /// A first inquiry or visit took place 初查.
    Investigated,
    /// The clerk took over what property staff found on site 核查.
    Checked,
    /// Handling began 办理.
    Handling,
    /// A result was submitted 提交; `at` is when that counts, `due` the due time then.
    Submitted,
    /// The clerk sent the result back 退回补办.
    SentBack,
    /// The clerk passed the result on 转回访.
    ToCallback,
    /// The requester was called back, or it was tried 回访.
    CalledBack,
    /// Rework after a callback 重办; a new round begins.
    Reworked,
    /// Closed 办结.
    Closed,
    /// Archived 归档.
    Archived,
    /// Returned upstream 退单.
    Returned,
    /// Extended 延期; `due` is the new due time.
    Extended,
    /// The due time changed with a calendar; `due` is the new one.
    Redated,
    /// Chased 催办.
    Chased,
    /// Under formal supervision 督办.
    Supervised,
    /// Yellow card 黄牌.
    Yellow,
    /// Red card 红牌.
    Red,
    /// Escalated a rung of the ladder (R8); `to` is the role.
    Escalated,
    /// Excluded 不予受理.
    Excluded,
    /// Parked 挂账.
    Parked,
    /// Taken up again.
    Resumed,
    /// The urgency changed; `to` is the new one.
    Urgency,
    /// Joined to a cluster or taken out of it; `to` or `from` is the master.
    Clustered,
    /// A task force took it up or let it go.
    TaskForce,
    /// Headquarters cleared the flags of unclear facts or responsibility.
    Cleared,
}

/// One step of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// What happened.
    pub kind: StepKind,
    /// When it counts (`effective_at`, DOMAIN.md §5).
    pub at: TimeMs,
    /// Staff id; `hq` for a rule.
    pub by: String,
    /// Where to: unit, worker, role or document, by kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The due time that held or holds, by kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<TimeMs>,
    /// In words, without personal data.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl StepRecord {
    /// Makes a step without particulars.
    pub fn new(kind: StepKind, at: TimeMs, by: impl Into<String>) -> Self {
        Self { kind, at, by: by.into(), to: None, from: None, due: None, reason: String::new() }
    }
}

/// One attempt to call the requester back 回访; who tried is the author of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackRecord {
    /// HQ time.
    pub at: TimeMs,
    /// Which round of handling it is about: 0, and 1 more after each rework.
    pub round: u32,
    /// The requester was reached.
    pub reached: bool,
    /// Satisfied with how it was handled; `None`: did not say (R4: three answers, never one).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_satisfied: Option<bool>,
    /// Satisfied with the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_satisfied: Option<bool>,
    /// Solved, as the requester sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<bool>,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A contact with the requester (R3, R48): stands in the brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactRecord {
    /// When, by the writer's clock.
    pub at: TimeMs,
    /// The requester was reached; an attempt otherwise.
    pub reached: bool,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A finding of the enforcement squad 违章认定 (R39): never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRecord {
    /// Number of the document.
    pub number: String,
    /// Its date: midnight in China.
    pub date: TimeMs,
    /// What was found.
    pub text: String,
    /// When it was written here.
    pub at: TimeMs,
}

/// What a body outside the subdistrict answered 对接回复 (R34).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiaisonRecord {
    /// Who answered: 住建, 交警, 派出所.
    pub body: String,
    /// Number of the document; may be empty.
    pub number: String,
    /// Its date: midnight in China.
    pub date: TimeMs,
    /// What was answered.
    pub text: String,
    /// When it was written here.
    pub at: TimeMs,
}

/// That what came in from outside was erased: who asked, and the original. What the entries say
/// stays, and so does the promise about the original, which nobody can try numbers against any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRecord {
    /// HQ time.
    pub at: TimeMs,
    /// Staff id; `hq` when the period had ended.
    pub by: String,
    /// The second administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
}

/// A free note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteRecord {
    /// The words.
    pub text: String,
    /// Phone time (a claim).
    pub at: TimeMs,
}

/// How a number is known (R46).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Counted.
    Counted,
    /// Measured with an instrument.
    Measured,
    /// Estimated.
    Estimated,
    /// Told by somebody.
    Told,
}

/// A number somebody found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasurementRecord {
    /// What was measured.
    pub what: String,
    /// The number, in thousandths, so that equal facts are equal bytes.
    pub milli: i64,
    /// Unit as written.
    pub unit: String,
    /// How it is known.
    pub method: Method,
    /// Phone time (a claim).
    pub at: TimeMs,
}

/// A resident's confirmation on the phone (R42): evidence, not the callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    /// Signed.
    Signed,
    /// Refused to sign.
    Refused,
    /// Nobody there.
    Absent,
}

/// A confirmation with what shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmationRecord {
    /// How it went.
    pub how: Confirmation,
    /// The photo of the signed paper, by its id in the same visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<String>,
    /// Phone time (a claim).
    pub at: TimeMs,
}

/// What an attempt to settle something by words was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Talk {
    /// Between two sides 调解 (R37).
    Mediation,
    /// With one who is in the wrong 劝导 (R40, R47).
    Persuasion,
}

/// One such attempt: stands in the brief. Without an agreement nothing is resolved (R37).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TalkRecord {
    /// Which.
    pub kind: Talk,
    /// Whoever was talked to agreed.
    pub agreed: bool,
    /// The version of the knowledge that was cited, as a document's id (R40).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cites: Option<String>,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Phone time (a claim).
    pub at: TimeMs,
}

/// A report to the police, or what came of one 报警 (R47): stands in the brief. What the police
/// say is written down, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoliceRecord {
    /// Number of the report.
    pub number: String,
    /// When it was reported, or when they came.
    pub when: TimeMs,
    /// What came of it; empty while nothing has.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub result: String,
    /// Phone time (a claim).
    pub at: TimeMs,
}

/// Whether the occupant agreed to photos of the inside (DOMAIN.md §9); the last record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRecord {
    /// Agreed.
    pub given: bool,
    /// Phone time (a claim).
    pub at: TimeMs,
}

/// Somebody opened a record of care (R38): written before it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewedRecord {
    /// What for.
    pub purpose: String,
    /// Phone time (a claim).
    pub at: TimeMs,
}

/// Writes a record as the JSON text a document keeps.
pub fn to_json<T: Serialize>(record: &T) -> String {
    // Plain structs of strings and numbers with string keys always serialise.
    serde_json::to_string(record).unwrap_or_default()
}

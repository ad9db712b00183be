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
}

impl ProposalKind {
    /// Returns the Chinese word.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Ack => "签收",
            Self::Return => "退单",
            Self::Handle => "转办理",
            Self::Submit => "提交结果",
            Self::Extend => "延期",
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

/// Writes a record as the JSON text a document keeps.
pub fn to_json<T: Serialize>(record: &T) -> String {
    // Plain structs of strings and numbers with string keys always serialise.
    serde_json::to_string(record).unwrap_or_default()
}

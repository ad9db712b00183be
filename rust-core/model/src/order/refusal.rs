//! Why a proposal is refused, in words for people.

use serde::{Deserialize, Serialize};

/// Why a proposal was refused: a stable code, and words the worker can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The role may not propose this.
    RoleMayNot,
    /// The order changed since the proposer saw it.
    StaleVersion,
    /// The order is not in a state that allows it.
    WrongState,
    /// Not offered to this person.
    NotOfferHolder,
    /// No reason or required text given.
    ReasonMissing,
    /// The limit for returning has passed.
    ReturnLimitPassed,
    /// No preliminary inquiry yet (R48).
    NoInquiry,
    /// Facts or responsibility are unclear and nobody has checked on site (R49).
    NoSiteCheck,
    /// No reply text or outcome.
    ReplyMissing,
    /// Asked after the due time.
    AfterDue,
    /// Already extended once.
    AlreadyExtended,
    /// More than the longest extension.
    TooLong,
    /// The right had been revoked.
    RightRevoked,
    /// A person at headquarters refused it.
    RefusedByPerson,
    /// The record could not be read.
    Unreadable,
}

impl Refusal {
    /// Returns the stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::RoleMayNot => "role_may_not",
            Self::StaleVersion => "stale_version",
            Self::WrongState => "wrong_state",
            Self::NotOfferHolder => "not_offer_holder",
            Self::ReasonMissing => "reason_missing",
            Self::ReturnLimitPassed => "return_limit_passed",
            Self::NoInquiry => "no_inquiry",
            Self::NoSiteCheck => "no_site_check",
            Self::ReplyMissing => "reply_missing",
            Self::AfterDue => "after_due",
            Self::AlreadyExtended => "already_extended",
            Self::TooLong => "too_long",
            Self::RightRevoked => "right_revoked",
            Self::RefusedByPerson => "refused_by_person",
            Self::Unreadable => "unreadable",
        }
    }

    /// Returns what the worker reads, with what to do next.
    pub fn zh(self) -> &'static str {
        match self {
            Self::RoleMayNot => "您的角色不能提出此申请",
            Self::StaleVersion => "工单已有变化,请查看最新情况后重新提出",
            Self::WrongState => "工单当前状态不允许此操作",
            Self::NotOfferHolder => "该工单未派给您",
            Self::ReasonMissing => "请填写理由",
            Self::ReturnLimitPassed => "已超过退单时限",
            Self::NoInquiry => "请先进行初步调查(电话或上门)",
            Self::NoSiteCheck => "问题或责任不明,请先现场查实",
            Self::ReplyMissing => "请先填写答复内容和办理结果",
            Self::AfterDue => "已过办结时限,不能再申请延期",
            Self::AlreadyExtended => "每件只能延期一次",
            Self::TooLong => "延期超过最长工作日数",
            Self::RightRevoked => "您在该网格的权限已收回;事实已保留",
            Self::RefusedByPerson => "热线专员未同意",
            Self::Unreadable => "申请内容无法识别",
        }
    }

    /// Returns the English words.
    pub fn en(self) -> &'static str {
        match self {
            Self::RoleMayNot => "your role may not propose this",
            Self::StaleVersion => "the order has changed; look at it again and propose anew",
            Self::WrongState => "the order's state does not allow this",
            Self::NotOfferHolder => "the order was not offered to you",
            Self::ReasonMissing => "give a reason",
            Self::ReturnLimitPassed => "the limit for returning has passed",
            Self::NoInquiry => "make a preliminary inquiry first (call or visit)",
            Self::NoSiteCheck => "facts or responsibility are unclear: check on site first",
            Self::ReplyMissing => "write the reply and the outcome first",
            Self::AfterDue => "the due time has passed; no extension any more",
            Self::AlreadyExtended => "an order can be extended once",
            Self::TooLong => "longer than the longest extension",
            Self::RightRevoked => "your right in this grid was revoked; the facts are kept",
            Self::RefusedByPerson => "refused by the clerk on watch",
            Self::Unreadable => "the proposal cannot be read",
        }
    }
}

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
    /// Not on watch (R23).
    NotOnWatch,
    /// The catalogue has not exactly one match (R26, R27).
    NoSingleMatch,
    /// Evidence that the catalogue demands is missing or not here yet.
    EvidenceMissing,
    /// An exclusion without its ground and evidence, a parking without a review date.
    GroundMissing,
    /// A parking without a review date in the future.
    ReviewMissing,
    /// No such holder, or the one who has it already.
    HolderUnknown,
    /// Nothing is offered to this person.
    NothingOffered,
    /// Handler and callback agent are the same person.
    OwnWork,
    /// No callback done, nor three attempts on two days.
    CallbackMissing,
    /// The requester was neither dissatisfied nor left unsolved.
    NothingToRework,
    /// A requester who was reached gave no answer at all.
    AnswerMissing,
    /// The table lets another role decide this.
    OtherDecides,
    /// Words that name a number of a person.
    PersonalData,
    /// Others found and measured the opposite.
    Contradicted,
    /// The record could not be read.
    Unreadable,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Self; 29] = [
        Self::RoleMayNot,
        Self::StaleVersion,
        Self::WrongState,
        Self::NotOfferHolder,
        Self::ReasonMissing,
        Self::ReturnLimitPassed,
        Self::NoInquiry,
        Self::NoSiteCheck,
        Self::ReplyMissing,
        Self::AfterDue,
        Self::AlreadyExtended,
        Self::TooLong,
        Self::RightRevoked,
        Self::RefusedByPerson,
        Self::NotOnWatch,
        Self::NoSingleMatch,
        Self::EvidenceMissing,
        Self::GroundMissing,
        Self::ReviewMissing,
        Self::HolderUnknown,
        Self::NothingOffered,
        Self::OwnWork,
        Self::CallbackMissing,
        Self::NothingToRework,
        Self::AnswerMissing,
        Self::OtherDecides,
        Self::PersonalData,
        Self::Contradicted,
        Self::Unreadable,
    ];

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
            Self::NotOnWatch => "not_on_watch",
            Self::NoSingleMatch => "no_single_match",
            Self::EvidenceMissing => "evidence_missing",
            Self::GroundMissing => "ground_missing",
            Self::ReviewMissing => "review_missing",
            Self::HolderUnknown => "holder_unknown",
            Self::NothingOffered => "nothing_offered",
            Self::OwnWork => "own_work",
            Self::CallbackMissing => "callback_missing",
            Self::NothingToRework => "nothing_to_rework",
            Self::AnswerMissing => "answer_missing",
            Self::OtherDecides => "other_decides",
            Self::PersonalData => "personal_data",
            Self::Contradicted => "contradicted",
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
            Self::NotOnWatch => "请先接班再接单",
            Self::NoSingleMatch => "事项清单中没有唯一对应,请转研判",
            Self::EvidenceMissing => "必需的材料或照片尚未齐备",
            Self::GroundMissing => "请填写依据和证明材料",
            Self::ReviewMissing => "请填写复查日期(须在今后)",
            Self::HolderUnknown => "请选择有效的承接人",
            Self::NothingOffered => "没有转派给您的待接工单",
            Self::OwnWork => "办理人不能回访自己办理的工单",
            Self::CallbackMissing => "尚未完成回访(或三次、跨两天的尝试)",
            Self::NothingToRework => "回访未反映不满意或未解决,无需重办",
            Self::AnswerMissing => "已接通的回访请至少记录一项答复",
            Self::OtherDecides => "此操作须由其他角色决定",
            Self::PersonalData => "文字中含有手机号、身份证号或邮箱,请删去后再提交",
            Self::Contradicted => "与他人现场查实的情况不符,请核对后重新提出",
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
            Self::NotOnWatch => "take over the watch first",
            Self::NoSingleMatch => "the catalogue has not exactly one match; send it to triage",
            Self::EvidenceMissing => "required evidence is missing or has not arrived",
            Self::GroundMissing => "name the ground and what shows it",
            Self::ReviewMissing => "give a review date in the future",
            Self::HolderUnknown => "choose a valid holder",
            Self::NothingOffered => "nothing is offered to you",
            Self::OwnWork => "whoever handled an order does not call back about it",
            Self::CallbackMissing => "no callback yet, nor three attempts on two days",
            Self::NothingToRework => "the callback gives no ground for rework",
            Self::AnswerMissing => "record at least one answer of a requester who was reached",
            Self::OtherDecides => "another role decides this",
            Self::PersonalData => "the words hold a phone, identity or mail address; take it out",
            Self::Contradicted => "others found the opposite on site; check and propose anew",
            Self::Unreadable => "the proposal cannot be read",
        }
    }
}

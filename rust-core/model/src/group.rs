//! Several orders as one piece of work: clusters, task forces, surveys over doors (R32–R36).
//!
//! Invariant: whoever may not do something is told why in words, by the same functions that the
//! console asks which buttons to show. Every child of a group stays an order of its own.

pub mod cluster;
pub mod survey;
pub mod taskforce;

/// Why an act on a group is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Another role decides this.
    RoleMayNot,
    /// Neither its lead nor one of its members.
    NotMember,
    /// Dissolved, or closed.
    Over,
    /// Required words are missing.
    WordsMissing,
    /// No lead, or not one of the staff.
    LeadMissing,
    /// No due time, or one that has passed.
    DueMissing,
    /// No such plan version.
    NoSuchPlan,
    /// Orders it leads are still open.
    StillOpen,
    /// The order has ended.
    OrderEnded,
    /// The order belongs to a group of this kind already.
    Taken,
    /// The order does not belong to this group.
    NotInIt,
    /// A master or a sub-task cannot be a child.
    NotAnOrder,
    /// Fewer orders than a cluster needs.
    TooFew,
    /// The same thing twice, or a circle.
    Same,
    /// Nothing to undo.
    NothingToUndo,
    /// Nobody approves an own suggestion.
    OwnWork,
    /// Decided already.
    Decided,
    /// A newer version is in force.
    NotCurrent,
}

impl Refusal {
    /// Returns the stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::RoleMayNot => "role_may_not",
            Self::NotMember => "not_member",
            Self::Over => "over",
            Self::WordsMissing => "words_missing",
            Self::LeadMissing => "lead_missing",
            Self::DueMissing => "due_missing",
            Self::NoSuchPlan => "no_such_plan",
            Self::StillOpen => "still_open",
            Self::OrderEnded => "order_ended",
            Self::Taken => "taken",
            Self::NotInIt => "not_in_it",
            Self::NotAnOrder => "not_an_order",
            Self::TooFew => "too_few",
            Self::Same => "same",
            Self::NothingToUndo => "nothing_to_undo",
            Self::OwnWork => "own_work",
            Self::Decided => "decided",
            Self::NotCurrent => "not_current",
        }
    }

    /// Returns what people read, with what to do next.
    pub fn zh(self) -> &'static str {
        match self {
            Self::RoleMayNot => "此操作须由其他角色决定",
            Self::NotMember => "只有专班的牵头人或成员可以填写",
            Self::Over => "已解散或已办结,不能再改动",
            Self::WordsMissing => "请填写必要的文字内容",
            Self::LeadMissing => "请指定在册人员作为牵头人",
            Self::DueMissing => "请填写今后的时限",
            Self::NoSuchPlan => "没有这一版方案",
            Self::StillOpen => "所属工单尚未全部办结",
            Self::OrderEnded => "该工单已结束",
            Self::Taken => "该工单已归入别处,请先移出",
            Self::NotInIt => "该工单不在其中",
            Self::NotAnOrder => "主单和子任务不能再并入",
            Self::TooFew => "并案至少需要两件工单",
            Self::Same => "不能与自身合并或循环指向",
            Self::NothingToUndo => "没有可撤销的合并",
            Self::OwnWork => "不能审批自己的建议",
            Self::Decided => "已经处理过了",
            Self::NotCurrent => "已有更新的版本,请在现行版本上修改",
        }
    }

    /// Returns the English words.
    pub fn en(self) -> &'static str {
        match self {
            Self::RoleMayNot => "another role decides this",
            Self::NotMember => "only the task force's lead or members write here",
            Self::Over => "dissolved or closed; nothing can change",
            Self::WordsMissing => "write the words that are required",
            Self::LeadMissing => "name a member of staff as lead",
            Self::DueMissing => "give a due time in the future",
            Self::NoSuchPlan => "there is no such plan version",
            Self::StillOpen => "not all of its orders have ended",
            Self::OrderEnded => "the order has ended",
            Self::Taken => "the order belongs elsewhere; take it out there first",
            Self::NotInIt => "the order does not belong to it",
            Self::NotAnOrder => "masters and sub-tasks cannot be children",
            Self::TooFew => "a cluster needs two orders at least",
            Self::Same => "cannot be merged with itself or in a circle",
            Self::NothingToUndo => "there is no merge to undo",
            Self::OwnWork => "nobody approves an own suggestion",
            Self::Decided => "decided already",
            Self::NotCurrent => "a newer version is in force; change that one",
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.zh(), self.en())
    }
}

//! The closed sets that shells choose from.
//!
//! Invariant: an enum here is one of the core's sets, value for value; the ids are those of
//! DOMAIN.md. Sets that may grow on the wire come back to screens as [`Text`](crate::Text)
//! instead, so that an older app shows a newer value. Rejected: free strings as arguments, which
//! fail only at run time.

use lanewalk_field as core;
use lanewalk_model::{photo, position, records};

/// Declares an enum that mirrors one of the core's.
macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident = $core:path { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl From<$name> for $core {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant),+ }
            }
        }

        impl From<$core> for $name {
            fn from(value: $core) -> Self {
                match value { $(<$core>::$variant => Self::$variant),+ }
            }
        }
    };
}

/// Declares an enum whose values the core knows by id.
macro_rules! ids {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $id:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Returns the id used in data.
            pub(crate) fn id(self) -> &'static str {
                match self { $(Self::$variant => $id),+ }
            }
        }
    };
}

mirror! {
    /// Where an order stands between calm and the red card (R30, R31).
    Phase = core::Phase {
        /// Before the yellow card.
        Calm,
        /// Yellow card 黄牌: due soon.
        Yellow,
        /// Past the due time.
        Overdue,
        /// Red card 红牌.
        Red,
    }
}

mirror! {
    /// What the network costs.
    Network = core::Network {
        /// No network.
        None,
        /// Nearly used up: text and thumbnails only.
        Saving,
        /// Paid by the byte.
        Metered,
        /// Wi-Fi.
        Unmetered,
    }
}

mirror! {
    /// What a photo shows in time.
    PhotoRole = photo::PhotoRole {
        /// Before the work.
        Before,
        /// During the work.
        During,
        /// After the work.
        After,
        /// A document.
        Document,
    }
}

mirror! {
    /// Where in the house a photo is taken.
    PhotoScene = photo::PhotoScene {
        /// Outside.
        Outdoors,
        /// The common parts of a house.
        Corridor,
        /// A door from outside.
        Door,
        /// Somebody's rooms: only with consent.
        Interior,
    }
}

mirror! {
    /// Which of a photo's files.
    PhotoPart = photo::PhotoPart {
        /// The small copy.
        Thumbnail,
        /// The stamped copy.
        Evidence,
        /// The file as the camera made it; never leaves the store but to headquarters.
        Original,
    }
}

mirror! {
    /// Where a position came from.
    PositionSource = position::Source {
        /// A satellite receiver.
        Gps,
        /// Cell towers or Wi-Fi.
        Network,
        /// A person pointed at the map.
        Manual,
        /// Not told.
        Unknown,
    }
}

mirror! {
    /// How a number is known (R46).
    MeasuredHow = records::Method {
        /// Counted.
        Counted,
        /// Measured with an instrument.
        Measured,
        /// Estimated.
        Estimated,
        /// Told by somebody.
        Told,
    }
}

mirror! {
    /// How a resident's confirmation went (R42).
    ConfirmedHow = records::Confirmation {
        /// Signed.
        Signed,
        /// Refused to sign.
        Refused,
        /// Nobody there.
        Absent,
    }
}

mirror! {
    /// A talk about an order.
    TalkKind = records::Talk {
        /// Between two sides 调解 (R37).
        Mediation,
        /// With one who is in the wrong 劝导 (R40, R47).
        Persuasion,
    }
}

mirror! {
    /// What a worker asks headquarters for.
    ProposalKind = records::ProposalKind {
        /// 签收.
        Ack,
        /// 退单.
        Return,
        /// 转办理.
        Handle,
        /// 提交结果.
        Submit,
        /// 延期.
        Extend,
        /// 转派.
        Transfer,
        /// 不接转派.
        Decline,
        /// 不予受理 (R10).
        Exclude,
        /// 挂账.
        Park,
        /// 核查结论 of property staff.
        Check,
    }
}

ids! {
    /// Kind of a visit 走访.
    VisitKind {
        /// 电话初查.
        PrelimCall = "prelim_call",
        /// 上门初查.
        Prelim = "prelim",
        /// 现场查实.
        SiteCheck = "site_check",
        /// 办理.
        Handle = "handle",
        /// 督查.
        Supervise = "supervise",
        /// 巡查.
        Patrol = "patrol",
        /// 关爱走访.
        Care = "care",
    }
}

ids! {
    /// What a visit is for (R18).
    VisitPurpose {
        /// 收集诉求.
        Collect = "collect",
        /// 调解.
        Mediate = "mediate",
        /// 宣传.
        Publicity = "publicity",
        /// 安全.
        Safety = "safety",
        /// 服务.
        Service = "service",
        /// 应急.
        Emergency = "emergency",
    }
}

ids! {
    /// What came of a visit.
    VisitResult {
        /// 见到.
        Met = "met",
        /// 不在.
        Absent = "absent",
        /// 拒访.
        Refused = "refused",
        /// 锁门.
        Locked = "locked",
    }
}

ids! {
    /// Kind of an appeal 诉求.
    AppealKind {
        /// 咨询.
        Consult = "consult",
        /// 求助.
        Help = "help",
        /// 建议.
        Suggest = "suggest",
        /// 投诉.
        Complain = "complain",
        /// 举报.
        Report = "report",
        /// 意见.
        Opinion = "opinion",
    }
}

ids! {
    /// Kind of a place.
    PlaceKind {
        /// 住户.
        Dwelling = "dwelling",
        /// 商铺.
        Shop = "shop",
        /// 单位.
        Organisation = "org",
        /// 服务点.
        ServicePoint = "service_point",
        /// 公共区域.
        Public = "public",
    }
}

ids! {
    /// Outcome of an order (R40).
    OrderOutcome {
        /// 自行整改.
        SelfCorrected = "self_corrected",
        /// 执法.
        Enforced = "enforced",
        /// 调解.
        Mediated = "mediated",
        /// 解释说明.
        Explained = "explained",
        /// 移交公安.
        ReferredPolice = "referred_police",
        /// 查无此事.
        NotFound = "not_found",
        /// 非本街道.
        NotOurs = "not_ours",
    }
}

ids! {
    /// Answer at one door of a survey (R35).
    SurveyAnswer {
        /// 同意.
        Support = "support",
        /// 反对.
        Oppose = "oppose",
        /// 无所谓.
        Neutral = "neutral",
        /// 不在.
        Absent = "absent",
    }
}

/// Language of the text tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Language {
    /// 中文.
    Chinese,
    /// English.
    English,
}

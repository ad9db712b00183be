//! The closed sets that shells choose from.
//!
//! Invariant: an enum here is one of the core's sets, value for value; the ids are those of
//! DOMAIN.md. Sets that may grow on the wire come back to screens as [`Phrase`](crate::Phrase)
//! instead, so that an older app shows a newer value. Rejected: free strings as arguments, which
//! fail only at run time.

use crate::texts::Phrase;
use lanewalk_field as core;
use lanewalk_model::{photo, position, records};

/// Declares an enum that mirrors one of the core's; each value with the code of its words in a set
/// of the tables.
macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident = $core:path, $set:literal {
        $($(#[$vdoc:meta])* $variant:ident = $id:literal),+ $(,)?
    }) => {
        choice! { $(#[$doc])* $name, $set { $($(#[$vdoc])* $variant = $id),+ } }

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
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident, $set:literal {
        $($(#[$vdoc:meta])* $variant:ident = $id:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the id used in data and in the tables of words.
            pub(crate) fn id(self) -> &'static str {
                match self { $(Self::$variant => $id),+ }
            }
        }

        #[uniffi::export]
        impl $name {
            /// Returns its words.
            pub fn label(&self) -> Phrase {
                Phrase::of($set, self.id())
            }
        }
    };
}

mirror! {
    /// Where an order stands between calm and the red card (R30, R31).
    Phase = core::Phase, "phase" {
        /// Before the yellow card.
        Calm = "calm",
        /// Yellow card 黄牌: due soon.
        Yellow = "yellow",
        /// Past the due time.
        Overdue = "overdue",
        /// Red card 红牌.
        Red = "red",
    }
}

mirror! {
    /// What the network costs.
    Network = core::Network, "network" {
        /// No network.
        Offline = "offline",
        /// Nearly used up: text and thumbnails only.
        Saving = "saving",
        /// Paid by the byte.
        Metered = "metered",
        /// Wi-Fi.
        Unmetered = "unmetered",
    }
}

mirror! {
    /// How the device's key stands.
    DeviceKey = core::DeviceKey, "device_key" {
        /// There, and the one headquarters knows; before enrolment any key is.
        Ready = "ready",
        /// The signer cannot be asked now; it is asked again when a round needs it.
        Unavailable = "unavailable",
        /// Gone for good: export what was not sent and enrol anew, in another folder (F9).
        Lost = "lost",
        /// Not the key headquarters knows: export what was not sent and enrol anew (F27).
        Replaced = "replaced",
    }
}

mirror! {
    /// What a photo shows in time.
    PhotoRole = photo::PhotoRole, "photo_role" {
        /// Before the work.
        Before = "before",
        /// During the work.
        During = "during",
        /// After the work.
        After = "after",
        /// A document.
        Document = "document",
    }
}

mirror! {
    /// Where in the house a photo is taken.
    PhotoScene = photo::PhotoScene, "photo_scene" {
        /// Outside.
        Outdoors = "outdoors",
        /// The common parts of a house.
        Corridor = "corridor",
        /// A door from outside.
        Door = "door",
        /// Somebody's rooms: only with consent.
        Interior = "interior",
    }
}

mirror! {
    /// Which of a photo's files.
    PhotoPart = photo::PhotoPart, "photo_part" {
        /// The small copy.
        Thumbnail = "thumbnail",
        /// The stamped copy.
        Evidence = "evidence",
        /// The file as the camera made it; never leaves the store but to headquarters.
        Original = "original",
    }
}

mirror! {
    /// Where a position came from.
    PositionSource = position::Source, "position_source" {
        /// A satellite receiver.
        Gps = "gps",
        /// Cell towers or Wi-Fi.
        Network = "network",
        /// A person pointed at the map.
        Manual = "manual",
        /// Not told.
        Unknown = "unknown",
    }
}

mirror! {
    /// How a number is known (R46).
    MeasuredHow = records::Method, "measured" {
        /// Counted.
        Counted = "counted",
        /// Measured with an instrument.
        Measured = "measured",
        /// Estimated.
        Estimated = "estimated",
        /// Told by somebody.
        Told = "told",
    }
}

mirror! {
    /// How a resident's confirmation went (R42).
    ConfirmedHow = records::Confirmation, "confirmed" {
        /// Signed.
        Signed = "signed",
        /// Refused to sign.
        Refused = "refused",
        /// Nobody there.
        Absent = "absent",
    }
}

mirror! {
    /// A talk about an order.
    TalkKind = records::Talk, "talk" {
        /// Between two sides 调解 (R37).
        Mediation = "mediation",
        /// With one who is in the wrong 劝导 (R40, R47).
        Persuasion = "persuasion",
    }
}

mirror! {
    /// What a worker asks headquarters for.
    ProposalKind = records::ProposalKind, "action" {
        /// 签收.
        Ack = "ack",
        /// 退单.
        Return = "return",
        /// 转办理.
        Handle = "handle",
        /// 提交结果.
        Submit = "submit",
        /// 延期.
        Extend = "extend",
        /// 转派.
        Transfer = "transfer",
        /// 不接转派.
        Decline = "decline",
        /// 不予受理 (R10).
        Exclude = "exclude",
        /// 挂账.
        Park = "park",
        /// 核查结论 of property staff.
        Check = "check",
    }
}

choice! {
    /// Kind of a visit 走访.
    VisitKind, "visit_kind" {
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

choice! {
    /// What a visit is for (R18).
    VisitPurpose, "visit_purpose" {
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

choice! {
    /// What came of a visit.
    VisitResult, "visit_result" {
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

choice! {
    /// Kind of an appeal 诉求.
    AppealKind, "appeal_kind" {
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

choice! {
    /// Kind of a place.
    PlaceKind, "place_kind" {
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

choice! {
    /// Outcome of an order (R40).
    OrderOutcome, "outcome" {
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

choice! {
    /// Answer at one door of a survey (R35).
    SurveyAnswer, "survey_answer" {
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

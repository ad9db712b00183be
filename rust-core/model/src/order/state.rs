//! The states of a work order.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $zh:literal;)*) => {
        /// States of a work order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum State {
            $($(#[$doc])* #[serde(rename = $id)] $name,)*
        }

        impl State {
            /// Every state.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the id used in documents.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }

            /// Returns the Chinese name people read.
            pub fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh),* }
            }
        }
    };
}

states! {
    /// Imported, nobody accepted it yet.
    Received = "RECEIVED", "待接单";
    /// Accepted by the clerk on watch.
    Accepted = "ACCEPTED", "已接单";
    /// Waiting for the deputy leader to say whose it is (R27).
    Triage = "TRIAGE", "研判";
    /// Sent to a lead section and a grid.
    Dispatched = "DISPATCHED", "已派件";
    /// Acknowledged.
    Acked = "ACKED", "已签收";
    /// A preliminary inquiry or visit has happened (R48).
    Investigating = "INVESTIGATING", "初查/查实";
    /// Being handled.
    Handling = "HANDLING", "办理中";
    /// A result waits for the clerk.
    Submitted = "SUBMITTED", "待审核";
    /// Waiting for the callback.
    Callback = "CALLBACK", "待回访";
    /// Closed.
    Closed = "CLOSED", "办结";
    /// Archived.
    Archived = "ARCHIVED", "归档";
    /// Sent back upstream.
    Returned = "RETURNED", "已退单";
    /// Excluded with approval (R10).
    Excluded = "EXCLUDED", "不予受理";
    /// Parked with a review date.
    Parked = "PARKED", "挂账";
}

impl State {
    /// Finds a state by id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|s| s.id() == id)
    }

    /// Says whether the order still needs work.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Closed | Self::Archived | Self::Returned | Self::Excluded)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.zh())
    }
}

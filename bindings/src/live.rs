//! Live lists: Reset first, then batched changes. Live values (an order's page, the conflicts, the
//! status): as they are now, then each that differs. Dropping the handle ends them.
//!
//! Invariant: a listener is called on a thread of its own, never twice at once and with no lock
//! held; one that throws or blocks hurts only itself: what happens meanwhile reaches it as one
//! step.

use crate::{
    call::Core,
    error::LanewalkError,
    foreign::{ForeignError, LogLevel, Logger},
    orders::OrderView,
    rows::{AppealRow, ConflictView, KnowledgeRow, ListQuery, OrderRow, PersonRow, PlaceRow, VisitRow},
};
use lanewalk_field as core;
use lanewalk_model::schema::DocKind;
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps a live list or value alive. Cancelled when dropped or closed.
#[derive(uniffi::Object)]
pub struct Watch(Mutex<Option<core::WatchHandle>>);

#[uniffi::export]
impl Watch {
    /// Ends the watch: no call of the listener begins after this. A second call does nothing.
    pub fn cancel(&self) {
        let handle = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(handle);
    }
}

impl Watch {
    pub(crate) fn new(handle: core::WatchHandle) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(handle))))
    }
}

/// Declares the listener of a live list with its updates.
macro_rules! live {
    ($row:ident, $listener:ident, $update:ident, $change:ident, $watch:ident, $kind:expr) => {
        /// One step from the last list to the next; positions hold when the steps before are done.
        #[derive(Debug, Clone, PartialEq, uniffi::Enum)]
        pub enum $change {
            /// A row appears.
            Insert {
                /// Position.
                at: u32,
                /// The row.
                row: $row,
            },
            /// A row changes in place.
            Update {
                /// Position.
                at: u32,
                /// The row as it is now.
                row: $row,
            },
            /// A row goes.
            Remove {
                /// Position.
                at: u32,
            },
        }

        /// What a listener is told.
        #[derive(Debug, Clone, PartialEq, uniffi::Enum)]
        pub enum $update {
            /// The whole list.
            Reset {
                /// Every row.
                rows: Vec<$row>,
            },
            /// Steps to the new list.
            Diff {
                /// In order.
                changes: Vec<$change>,
            },
        }

        /// Hears about a live list. Called on a thread of its own.
        #[uniffi::export(with_foreign)]
        pub trait $listener: Send + Sync {
            /// Takes the next update.
            fn changed(&self, update: $update) -> Result<(), ForeignError>;
        }

        impl From<core::ListUpdate> for $update {
            fn from(update: core::ListUpdate) -> Self {
                match update {
                    core::ListUpdate::Reset(rows) => {
                        Self::Reset { rows: rows.into_iter().map(Into::into).collect() }
                    }
                    core::ListUpdate::Diff(steps) => {
                        let step = |step| match step {
                            core::Change::Insert { at, item } => $change::Insert { at, row: item.into() },
                            core::Change::Update { at, item } => $change::Update { at, row: item.into() },
                            core::Change::Remove { at } => $change::Remove { at },
                        };
                        Self::Diff { changes: steps.into_iter().map(step).collect() }
                    }
                }
            }
        }

        /// Starts a live list.
        pub(crate) fn $watch(
            core: &Core,
            query: ListQuery,
            listener: Arc<dyn $listener>,
        ) -> Result<Arc<Watch>, LanewalkError> {
            let told = Told::new(core, move |update: core::ListUpdate| listener.changed(update.into()));
            core.call(|field| Ok::<_, LanewalkError>(Watch::new(field.watch(query.of($kind), told))))
        }
    };
}

live!(OrderRow, OrderListener, OrderUpdate, OrderChange, watch_orders, DocKind::Order);
live!(VisitRow, VisitListener, VisitUpdate, VisitChange, watch_visits, DocKind::Visit);
live!(AppealRow, AppealListener, AppealUpdate, AppealChange, watch_appeals, DocKind::Appeal);
live!(PersonRow, PersonListener, PersonUpdate, PersonChange, watch_persons, DocKind::Person);
live!(PlaceRow, PlaceListener, PlaceUpdate, PlaceChange, watch_places, DocKind::Place);
live!(KnowledgeRow, KnowledgeListener, KnowledgeUpdate, KnowledgeChange, watch_knowledge, DocKind::Knowledge);

/// Hears about an order's page. Called on a thread of its own.
#[uniffi::export(with_foreign)]
pub trait OrderPageListener: Send + Sync {
    /// Takes the page as it is now; nothing when the order has left this phone.
    fn changed(&self, page: Option<OrderView>) -> Result<(), ForeignError>;
}

/// Hears about the fields that wait for a person. Called on a thread of its own.
#[uniffi::export(with_foreign)]
pub trait ConflictsListener: Send + Sync {
    /// Takes all of them as they are now.
    fn changed(&self, conflicts: Vec<ConflictView>) -> Result<(), ForeignError>;
}

/// A shell's listener; its failures go to the log.
pub(crate) struct Told<F> {
    log: Logger,
    tell: F,
}

impl<F> Told<F> {
    pub(crate) fn new(core: &Core, tell: F) -> Arc<Self> {
        Arc::new(Self { log: core.log.clone(), tell })
    }
}

impl<T, F: Fn(T) -> Result<(), ForeignError> + Send + Sync> core::Listener<T> for Told<F> {
    fn changed(&self, update: T) {
        if (self.tell)(update).is_err() {
            self.log.line(LogLevel::Warn, "a listener failed");
        }
    }
}

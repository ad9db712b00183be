//! Live lists: Reset first, then batched changes.
//!
//! Invariant: a listener is called with no lock held and never by two threads at once; the
//! updates it gets, applied in order, always give the list as some commit left it. Rejected:
//! "something changed, read again", which makes every screen compute its own differences.

use crate::{
    facade::Inner,
    reads::{self, ListItem, ListQuery},
    store::lock,
};
use lanewalk_model::schema::DocKind;
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, Weak},
};

/// One step from the last list to the next; positions hold when the steps before are done.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A row appears.
    Insert {
        /// Position.
        at: u32,
        /// The row.
        item: ListItem,
    },
    /// A row changes in place.
    Update {
        /// Position.
        at: u32,
        /// The row as it is now.
        item: ListItem,
    },
    /// A row goes.
    Remove {
        /// Position.
        at: u32,
    },
}

/// What a listener is told.
#[derive(Debug, Clone, PartialEq)]
pub enum ListUpdate {
    /// The whole list.
    Reset(Vec<ListItem>),
    /// Steps to the new list.
    Diff(Vec<Change>),
}

/// Hears about a list. Called from the thread that wrote or synced; must not block for long.
pub trait ListListener: Send + Sync {
    /// Takes the next update.
    fn changed(&self, update: ListUpdate);
}

/// Keeps a watch alive; dropping it ends the watch.
#[must_use = "dropping the handle ends the watch"]
pub struct WatchHandle {
    _watcher: Arc<Watcher>,
}

impl std::fmt::Debug for WatchHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WatchHandle")
    }
}

pub(crate) struct Watcher {
    query: ListQuery,
    listener: Arc<dyn ListListener>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<Vec<ListItem>>,
    queue: VecDeque<ListUpdate>,
    delivering: bool,
}

/// Every live watch.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<Vec<Weak<Watcher>>>);

impl Watchers {
    pub(crate) fn add(
        &self,
        query: ListQuery,
        listener: Arc<dyn ListListener>,
    ) -> (Arc<Watcher>, WatchHandle) {
        let watcher = Arc::new(Watcher { query, listener, state: Mutex::default() });
        lock(&self.0).push(Arc::downgrade(&watcher));
        let handle = WatchHandle { _watcher: Arc::clone(&watcher) };
        (watcher, handle)
    }

    /// Lists the live watches that show one of these kinds.
    pub(crate) fn touched(&self, kinds: &[DocKind]) -> Vec<Arc<Watcher>> {
        let mut all = lock(&self.0);
        all.retain(|w| w.strong_count() > 0);
        let live = all.iter().filter_map(Weak::upgrade);
        live.filter(|w| w.query.kind.is_none_or(|k| kinds.contains(&k))).collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }
}

impl Watcher {
    /// Reads the list again and delivers what changed.
    pub(crate) fn refresh(&self, inner: &Inner) {
        let mut state = lock(&self.state);
        let next = match reads::list(inner, &self.query) {
            Ok(next) => next,
            // Paused, or the lease is over: the screen asks for itself and shows the reason. A
            // watch that has not started yet still gets its first, empty list.
            Err(_) if state.last.is_some() => return,
            Err(_) => Vec::new(),
        };
        let update = match &state.last {
            None => Some(ListUpdate::Reset(next.clone())),
            Some(last) => {
                let steps = diff(last, &next);
                (!steps.is_empty()).then_some(ListUpdate::Diff(steps))
            }
        };
        state.last = Some(next);
        state.queue.extend(update);
        if state.delivering {
            return;
        }
        state.delivering = true;
        while let Some(update) = state.queue.pop_front() {
            drop(state);
            // A listener that panics must not take the core with it.
            let _ = catch_unwind(AssertUnwindSafe(|| self.listener.changed(update)));
            state = lock(&self.state);
        }
        state.delivering = false;
    }
}

/// Finds steps from one list to another.
fn diff(old: &[ListItem], new: &[ListItem]) -> Vec<Change> {
    let mut steps = Vec::new();
    let mut work: Vec<&ListItem> = old.iter().collect();
    let kept: std::collections::HashSet<_> = new.iter().map(|i| i.id).collect();
    for at in (0..work.len()).rev() {
        if work.get(at).is_some_and(|i| !kept.contains(&i.id)) {
            work.remove(at);
            steps.push(Change::Remove { at: index(at) });
        }
    }
    for (at, item) in new.iter().enumerate() {
        match work.get(at) {
            Some(here) if here.id == item.id => {
                if *here != item {
                    steps.push(Change::Update { at: index(at), item: item.clone() });
                }
                continue;
            }
            _ => {}
        }
        if let Some(from) = work.iter().skip(at).position(|i| i.id == item.id).map(|n| n + at) {
            work.remove(from);
            steps.push(Change::Remove { at: index(from) });
        }
        work.insert(at.min(work.len()), item);
        steps.push(Change::Insert { at: index(at), item: item.clone() });
    }
    steps
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use lanewalk_model::{id::DocId, rows::ListRow};

    fn item(id: u8, title: &str) -> ListItem {
        ListItem {
            id: DocId { kind: DocKind::Order, uuid: [id; 16] },
            row: ListRow { title: title.into(), ..ListRow::default() },
            distance_m: None,
        }
    }

    #[test]
    fn steps_lead_from_every_list_to_every_other() {
        let lists: Vec<Vec<ListItem>> = ["", "a", "ab", "ba", "abcd", "dcba", "bd", "xay", "cadb"]
            .iter()
            .flat_map(|ids| {
                ["", "2"].map(|t| ids.bytes().map(|b| item(b, if b == b'a' { t } else { "" })).collect())
            })
            .collect();
        for old in &lists {
            for new in &lists {
                let mut work = old.clone();
                for step in diff(old, new) {
                    match step {
                        Change::Insert { at, item } => work.insert(at as usize, item),
                        Change::Update { at, item } => work[at as usize] = item,
                        Change::Remove { at } => drop(work.remove(at as usize)),
                    }
                }
                assert_eq!(&work, new);
                assert!(old != new || diff(old, new).is_empty());
            }
        }
    }
}

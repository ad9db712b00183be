//! Live lists and live values (the status, an order's page, the conflicts): the whole first, then
//! what changed: of a list the steps, of a value the next one that differs.
//!
//! Invariant: a listener is called with no lock held and never by two threads at once; the
//! updates it gets, applied in order, always give the list as some commit left it. However slow a
//! listener is, what happens meanwhile reaches it as one step. Rejected: "something changed, read
//! again", which makes every screen compute its own differences.

use crate::{
    error::FieldError,
    facade::{Inner, Status},
    proposals::OrderPage,
    reads::{self, ListItem, ListQuery},
    store::lock,
};
use lanewalk_model::{id::DocId, schema::DocKind, view::Conflict};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, Weak},
};

/// Who calls the listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// The thread that wrote or synced, before its call returns.
    #[default]
    Inline,
    /// A thread of its own for each watch: no call waits for a listener.
    Threads,
}

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

/// Hears about what is watched. Called as [`Delivery`] says; must not block for long when inline.
pub trait Listener<T>: Send + Sync {
    /// Takes the next update of a list, or a value as it is now.
    fn changed(&self, update: T);
}

/// Keeps a watch alive; dropping it ends the watch: no call begins after that.
#[must_use = "dropping the handle ends the watch"]
pub struct WatchHandle {
    watcher: Arc<Watcher>,
}

impl Drop for WatchHandle {
    fn drop(&mut self) {
        self.watcher.turn.end();
    }
}

impl std::fmt::Debug for WatchHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WatchHandle")
    }
}

pub(crate) struct Watcher {
    shows: Shows,
    feed: Box<dyn Feed>,
    delivery: Delivery,
    turn: Arc<Turn>,
}

/// Which commits a watch has to look at.
enum Shows {
    /// Those that touched one of these kinds.
    Kinds(Vec<DocKind>),
    /// Every one.
    All,
}

/// What is watched, who hears it and what was told last. Only whose turn it is looks in here.
trait Feed: Send + Sync {
    /// Tells what is different since the last time.
    fn tell(&self, inner: &Inner);
}

/// Whose turn it is to tell.
#[derive(Default)]
struct Turn {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    /// Something was committed that was not told yet.
    due: bool,
    /// A thread is telling.
    telling: bool,
    ended: bool,
}

impl Turn {
    fn end(&self) {
        lock(&self.state).ended = true;
        self.wake.notify_all();
    }

    /// Waits until there is something to tell; false at the end.
    fn wait(&self) -> bool {
        let mut state = lock(&self.state);
        while !state.due && !state.ended {
            state = self.wake.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        !state.ended
    }
}

/// Every live watch.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<Vec<Weak<Watcher>>>);

impl Watchers {
    /// Starts a watch and has the whole told.
    fn add(&self, inner: &Arc<Inner>, shows: Shows, feed: impl Feed + 'static) -> WatchHandle {
        let turn = Arc::new(Turn::default());
        let feed = Box::new(feed);
        let watcher = Arc::new(Watcher { shows, feed, delivery: inner.delivery, turn: Arc::clone(&turn) });
        lock(&self.0).push(Arc::downgrade(&watcher));
        if inner.delivery == Delivery::Threads {
            let (mine, inner) = (Arc::downgrade(&watcher), Arc::downgrade(inner));
            let run = move || {
                while turn.wait() {
                    let (Some(watcher), Some(inner)) = (mine.upgrade(), inner.upgrade()) else { return };
                    watcher.tell(&inner);
                }
            };
            let spawned = std::thread::Builder::new().name("lanewalk-watch".into()).spawn(run);
            if spawned.is_err() {
                // No thread to be had: this watch tells nothing, the screen reads for itself.
                watcher.turn.end();
            }
        }
        watcher.touch(inner);
        WatchHandle { watcher }
    }

    /// Lists the live watches that show one of these kinds.
    pub(crate) fn touched(&self, kinds: &[DocKind]) -> Vec<Arc<Watcher>> {
        let mut all = lock(&self.0);
        all.retain(|w| w.strong_count() > 0);
        let shows = |w: &Arc<Watcher>| match &w.shows {
            Shows::Kinds(shown) => shown.iter().any(|kind| kinds.contains(kind)),
            Shows::All => true,
        };
        all.iter().filter_map(Weak::upgrade).filter(shows).collect()
    }

    pub(crate) fn clear(&self) {
        for watcher in lock(&self.0).drain(..).filter_map(|w| w.upgrade()) {
            watcher.turn.end();
        }
    }
}

impl Inner {
    /// Starts a watch of a list.
    pub(crate) fn watch_list(
        self: &Arc<Self>,
        query: ListQuery,
        listener: Arc<dyn Listener<ListUpdate>>,
    ) -> WatchHandle {
        let kinds = query.kind.map_or(DocKind::ALL.to_vec(), |kind| vec![kind]);
        self.watchers.add(self, Shows::Kinds(kinds), List { query, listener, last: Mutex::default() })
    }

    /// Starts a watch of the status.
    pub(crate) fn watch_status(self: &Arc<Self>, listener: Arc<dyn Listener<Status>>) -> WatchHandle {
        let read = |inner: &Inner| match inner.status() {
            Ok(status) => Some(status),
            Err(FieldError::Paused) => None,
            Err(error) => Some(Status {
                problems: vec![(error.code().to_owned(), error.to_string())],
                ..Status::default()
            }),
        };
        self.watchers.add(self, Shows::All, Latest { read, listener, last: Mutex::default() })
    }

    /// Starts a watch of an order's page; `None` is told when the order has left this phone.
    pub(crate) fn watch_order(
        self: &Arc<Self>,
        id: DocId,
        listener: Arc<dyn Listener<Option<OrderPage>>>,
    ) -> WatchHandle {
        let read = move |inner: &Inner| match inner.order(id) {
            Ok(page) => Some(Some(page)),
            Err(FieldError::NotFound) => Some(None),
            Err(_) => None,
        };
        let kinds = vec![DocKind::Order, DocKind::Brief, DocKind::Visit];
        self.watchers.add(self, Shows::Kinds(kinds), Latest { read, listener, last: Mutex::default() })
    }

    /// Starts a watch of the fields that wait for a person.
    pub(crate) fn watch_conflicts(
        self: &Arc<Self>,
        listener: Arc<dyn Listener<Vec<(DocId, Conflict)>>>,
    ) -> WatchHandle {
        let read = |inner: &Inner| inner.conflicts().ok();
        let kinds = DocKind::ALL.to_vec();
        self.watchers.add(self, Shows::Kinds(kinds), Latest { read, listener, last: Mutex::default() })
    }
}

impl Watcher {
    /// Says that something was committed.
    pub(crate) fn touch(&self, inner: &Inner) {
        lock(&self.turn.state).due = true;
        match self.delivery {
            Delivery::Inline => self.tell(inner),
            Delivery::Threads => self.turn.wake.notify_all(),
        }
    }

    /// Tells what is due, unless another thread is at it: that one then tells this too.
    fn tell(&self, inner: &Inner) {
        {
            let mut state = lock(&self.turn.state);
            if state.telling {
                return;
            }
            state.telling = true;
        }
        loop {
            {
                let mut state = lock(&self.turn.state);
                if !state.due || state.ended {
                    state.telling = false;
                    return;
                }
                state.due = false;
            }
            // A listener that panics must not take the core with it.
            let _ = catch_unwind(AssertUnwindSafe(|| self.feed.tell(inner)));
        }
    }
}

/// A live list.
struct List {
    query: ListQuery,
    listener: Arc<dyn Listener<ListUpdate>>,
    last: Mutex<Option<Vec<ListItem>>>,
}

impl Feed for List {
    fn tell(&self, inner: &Inner) {
        let before = lock(&self.last).take();
        // Paused, or the lease is over: the screen asks for itself and shows the reason. A watch
        // that has not started yet still gets its first, empty list.
        let next = match (reads::list(inner, &self.query), &before) {
            (Ok(next), _) => next,
            (Err(_), Some(_)) => {
                *lock(&self.last) = before;
                return;
            }
            (Err(_), None) => Vec::new(),
        };
        let update = match &before {
            None => Some(ListUpdate::Reset(next.clone())),
            Some(before) => {
                let steps = diff(before, &next);
                (!steps.is_empty()).then_some(ListUpdate::Diff(steps))
            }
        };
        *lock(&self.last) = Some(next);
        update.into_iter().for_each(|u| self.listener.changed(u));
    }
}

/// A live value. `read` gives nothing while it cannot be read: the screen asks for itself and shows
/// the reason.
struct Latest<T, R> {
    read: R,
    listener: Arc<dyn Listener<T>>,
    last: Mutex<Option<T>>,
}

impl<T, R> Feed for Latest<T, R>
where
    T: Clone + PartialEq + Send,
    R: Fn(&Inner) -> Option<T> + Send + Sync,
{
    fn tell(&self, inner: &Inner) {
        let Some(value) = (self.read)(inner) else { return };
        let same = lock(&self.last).replace(value.clone()).is_some_and(|before| before == value);
        if !same {
            self.listener.changed(value);
        }
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
            countdown: None,
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

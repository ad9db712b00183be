//! Who wrote which operations of a document.

use crate::{
    id::ActorId,
    time::Hlc,
    view::{Attributed, Value},
};

/// Who wrote which operations: every change's actor and op range, sorted for binary search.
pub(super) struct Authors(Vec<(ActorId, u64, u64, String, Hlc)>);

impl Authors {
    pub(super) fn of(doc: &automerge::Automerge) -> Self {
        let mut rows: Vec<_> = doc
            .get_changes_meta(&[])
            .into_iter()
            .map(|m| {
                let by = m.message.map(|t| t.into_owned()).unwrap_or_default();
                (actor_id(&m.actor), m.start_op, m.max_op, by, Hlc(m.timestamp))
            })
            .collect();
        rows.sort_unstable_by_key(|r| (r.0, r.1));
        Self(rows)
    }

    pub(super) fn attribute(&self, value: Value, id: &automerge::ObjId) -> Option<Attributed> {
        let automerge::ObjId::Id(counter, actor, _) = id else { return None };
        let actor = actor_id(actor);
        let at = self.0.partition_point(|r| (r.0, r.1) <= (actor, *counter));
        let row = self.0.get(at.checked_sub(1)?).filter(|r| r.0 == actor && *counter <= r.2);
        let (by, at) = row.map(|r| (r.3.clone(), r.4)).unwrap_or_default();
        Some(Attributed { value, by, at, actor })
    }
}

pub(super) fn actor_id(actor: &automerge::ActorId) -> ActorId {
    ActorId(actor.to_bytes().try_into().unwrap_or_default())
}

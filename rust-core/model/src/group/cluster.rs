//! Clusters 并案 (R33): a master and its children; each child keeps own id, deadline, reply and
//! callback.
//!
//! Invariant: the link stands on both sides, written together; the master is no order of the
//! hotline, counts nowhere, has no due time and ends when its last child has ended.

use super::Refusal;
use crate::{
    id::{DocId, to_hex},
    order,
    staff::{Role, Subject},
    view::DocView,
};

/// The channel of a master; what has it is counted in no figure.
pub const CHANNEL: &str = "cluster";
/// The channel of a linked sub-task (R41).
pub const SUBTASK_CHANNEL: &str = "subtask";
/// Fewest children of a new cluster.
pub const FEWEST: usize = 2;

/// Says whether a document of kind order is an order of a requester, which figures count.
pub fn is_counted(order: &DocView) -> bool {
    !matches!(order.text("channel"), Some(CHANNEL | SUBTASK_CHANNEL))
}

/// Says whether a subject may make, extend and split clusters.
pub fn may(by: &Subject) -> Result<(), Refusal> {
    if by.role == Role::HotlineClerk { Ok(()) } else { Err(Refusal::RoleMayNot) }
}

/// Says whether an order may become a child.
pub fn may_join(order: &DocView) -> Result<(), Refusal> {
    if !is_counted(order) {
        return Err(Refusal::NotAnOrder);
    }
    if order.text("master").is_some_and(|m| !m.is_empty()) {
        return Err(Refusal::Taken);
    }
    if order::state(order).is_open() { Ok(()) } else { Err(Refusal::OrderEnded) }
}

/// Returns the key of a child in its master.
pub fn child_key(child: DocId) -> String {
    format!("cluster_child/{}", to_hex(&child.uuid))
}

/// Says whether a master ends: no child is open any more. `children` are those it has now.
pub fn is_done<'a>(master: &DocView, children: impl IntoIterator<Item = &'a DocView>) -> bool {
    order::state(master).is_open() && children.into_iter().all(|c| !order::state(c).is_open())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        order::State,
        schema::DocKind,
        time::Hlc,
        view::{Attributed, Value},
    };
    use std::collections::BTreeMap;

    fn doc(fields: &[(&str, &str)]) -> DocView {
        let one = |v: &str| Attributed {
            value: Value::from(v),
            by: "hq".into(),
            at: Hlc(1),
            actor: crate::id::ActorId([0; 16]),
        };
        let fields: BTreeMap<_, _> = fields.iter().map(|(k, v)| ((*k).to_owned(), vec![one(v)])).collect();
        DocView::new(DocKind::Order, fields)
    }

    #[test]
    fn only_open_orders_that_are_free_join() {
        for (fields, want) in [
            (vec![("state", "ACKED")], Ok(())),
            (vec![("state", "ACKED"), ("master", "")], Ok(())),
            (vec![("state", "ACKED"), ("master", "order:1")], Err(Refusal::Taken)),
            (vec![("state", "CLOSED")], Err(Refusal::OrderEnded)),
            (vec![("state", "EXCLUDED")], Err(Refusal::OrderEnded)),
            (vec![("state", "HANDLING"), ("channel", "cluster")], Err(Refusal::NotAnOrder)),
            (vec![("state", "HANDLING"), ("channel", "subtask")], Err(Refusal::NotAnOrder)),
        ] {
            assert_eq!(may_join(&doc(&fields)), want, "{fields:?}");
        }
    }

    #[test]
    fn a_master_ends_with_its_last_child() {
        let master = doc(&[("state", "HANDLING")]);
        for state in State::ALL {
            let child = doc(&[("state", state.id())]);
            let ended = doc(&[("state", "CLOSED")]);
            assert_eq!(is_done(&master, [&ended, &child]), !state.is_open(), "{state:?}");
        }
        assert!(!is_done(&doc(&[("state", "CLOSED")]), []), "closed once");
    }

    #[test]
    fn the_clerk_alone() {
        for role in Role::ALL {
            let by = Subject { worker: "w".into(), role, grants: Vec::new() };
            assert_eq!(may(&by).is_ok(), role == Role::HotlineClerk, "{role:?}");
        }
    }
}

//! Short forms for the tests of the gate.

use lanewalk_headquarters::gate::JobResult;
use lanewalk_model::{
    document::{Document, Edit, Stamp},
    id::ActorId,
    time::Hlc,
};

/// Returns each verdict's code, `ok` for what was accepted.
pub(crate) fn codes(result: &JobResult) -> Vec<&str> {
    result.verdicts.iter().map(|v| v.as_ref().map_or_else(|why| why.code.as_str(), |()| "ok")).collect()
}

/// Writes as one change of an actor.
pub(crate) fn edit(doc: &mut Document, actor: u8, edits: &[Edit]) -> Vec<u8> {
    let stamp =
        Stamp { actor: ActorId([actor; 16]), worker: format!("g{actor}"), hlc: Hlc(i64::from(actor)) };
    doc.edit(&stamp, edits).unwrap().unwrap()
}

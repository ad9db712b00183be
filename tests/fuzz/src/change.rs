//! Any bytes are read as an automerge change, by our reader alone.

use lanewalk_model::chunk::{join, read_change, split};
use lanewalk_protocol::limits::DEVICE_CHANGE;

/// What is accepted keeps its limits and comes out of its parts byte for byte. A body behind a
/// wrong checksum is tried under the right one too, so that fuzzing gets past it.
pub(crate) fn check(data: &[u8]) {
    one(data);
    if let Ok(parts) = split(data) {
        assert_eq!(join(&parts.deps, parts.actor, parts.rest).as_deref(), Ok(data));
    }
    if let Some(body) = data.get(10..) {
        one(&wrap(body));
    }
}

fn one(chunk: &[u8]) {
    let Ok(facts) = read_change(chunk, &DEVICE_CHANGE) else { return };
    assert!(chunk.len() <= DEVICE_CHANGE.max_bytes && facts.ops.len() <= DEVICE_CHANGE.max_ops);
    let parts = split(chunk).expect("an accepted change has parts");
    assert_eq!(join(&parts.deps, parts.actor, parts.rest).as_deref(), Ok(chunk));
}

fn wrap(body: &[u8]) -> Vec<u8> {
    lanewalk_forge::wrap(1, body)
}

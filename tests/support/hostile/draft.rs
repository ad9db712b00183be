//! Changes by a device's worker, made column by column.

use lanewalk_forge::{Draft, column};
use lanewalk_model::id::ActorId;

/// Makes an unbent draft: a new actor sets the key `name` to `v` on nothing.
pub fn draft(actor: ActorId, message: &str) -> Draft {
    let named = Draft { actor: actor.0.to_vec(), message: message.into(), ..Draft::new() };
    named.column(column::KEY, &[&[0x7f, 4], b"name".as_slice()].concat())
}

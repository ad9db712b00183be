//! Any bytes are read as the form of the one window, and as where to go next.

use lanewalk_headquarters::{
    console::web::{Fields, own_path},
    intake::{CHANNELS, Form, KINDS},
};
use lanewalk_model::time::TimeMs;

const NOW: TimeMs = TimeMs(1_778_204_400_000);

/// What is taken keeps its lengths and bounds; what is not, is named. Nowhere leads a path to
/// another server.
pub(crate) fn check(data: &[u8]) {
    let fields = Fields::parse(data);
    match Form::read(|name| fields.get(name), NOW) {
        Ok(form) => {
            let order = form.order;
            assert!(CHANNELS.contains(&order.channel.as_str()) && KINDS.contains(&form.kind.as_str()));
            assert!(!order.reported_text.is_empty() && order.reported_text.chars().count() <= 4_000);
            assert!(order.upstream_id.len() <= 64 && !order.upstream_id.contains('\n'));
            assert!((946_684_800_000..=NOW.0 + 300_000).contains(&order.reported_at_ms));
            assert!(order.upstream_due_at_ms.is_none_or(|due| due >= order.reported_at_ms));
            assert!(serde_json::from_slice::<serde_json::Value>(&form.payload).is_ok());
        }
        Err(faults) => assert!(!faults.is_empty()),
    }
    let path = own_path(&String::from_utf8_lossy(data));
    assert!(path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n']));
}

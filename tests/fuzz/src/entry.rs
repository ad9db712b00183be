//! Any bytes are read as an entry's header and as a batch of entries.

use lanewalk_model::id::DeviceId;
use lanewalk_protocol::{
    batch::{Changes, EntryBatch},
    entry::Header,
};

const DEVICE: DeviceId = DeviceId([7; 16]);

/// A header has one spelling; entries that a batch unpacks to pack to the same entries again.
pub(crate) fn check(data: &[u8]) {
    if let Ok(header) = Header::from_bytes(data) {
        assert_eq!(header.to_bytes(), data);
    }
    if let Ok(changes) = minicbor::decode::<Changes>(data) {
        let _ = changes.expand();
    }
    let Ok(batch) = minicbor::decode::<EntryBatch>(data) else { return };
    let Ok(entries) = batch.unpack(DEVICE) else { return };
    for (entry, hash) in &entries {
        assert_eq!(entry.header.hash(), *hash);
    }
    let entries: Vec<_> = entries.into_iter().map(|(entry, _)| entry).collect();
    if let Ok(Some(again)) = EntryBatch::pack(&entries) {
        let again = again.unpack(DEVICE).expect("what was packed unpacks");
        assert!(again.into_iter().map(|(entry, _)| entry).eq(entries));
    }
}

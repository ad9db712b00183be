//! Any bytes are read as a sync request or its answer, plain and as a frame.

use lanewalk_protocol::{
    frame, limits,
    sync::{SyncRequest, SyncResponse},
};

/// What is read can be written and is then read as the same; a frame inflates to its cap at most.
pub(crate) fn check(data: &[u8]) {
    if let Ok(request) = minicbor::decode::<SyncRequest>(data) {
        let written = frame::encode(&request);
        assert_eq!(frame::decode(&written, limits::MAX_REQUEST_DECODED), Ok(request));
    }
    if let Ok(response) = minicbor::decode::<SyncResponse>(data) {
        let _ = response.changes.expand();
        let written = frame::encode(&response);
        assert_eq!(frame::decode(&written, limits::MAX_RESPONSE_DECODED), Ok(response));
    }
    // A small cap: what a few kilobytes inflate to must not be reserved.
    let _ = frame::decode::<SyncRequest>(data, 1 << 16);
}

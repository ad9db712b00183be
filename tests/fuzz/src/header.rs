//! What must hold for the header walk, whatever the bytes.

use lanewalk_media::{Limits, inspect_bytes};

/// Walks a file; what is accepted keeps the limits, and headquarters can draw it or says why not.
pub(crate) fn check(bytes: &[u8]) {
    let limits = Limits { max_pixels: 1 << 20, max_memory: 8 << 20, ..Limits::default() };
    if let Ok(header) = inspect_bytes(bytes, &limits) {
        let pixels = u64::from(header.width) * u64::from(header.height);
        assert!((1..=limits.max_pixels).contains(&pixels));
        assert_eq!(header.original.bytes, bytes.len() as u64);
        let _ = lanewalk_media::redraw(bytes, 64, &limits);
    }
}

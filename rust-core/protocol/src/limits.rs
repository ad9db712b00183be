//! Every hard limit of the protocol, in one place.
//!
//! A limit is part of the protocol: raising one needs a new protocol version, because an older
//! peer would refuse what a newer one sends.

use lanewalk_model::chunk::ChunkLimits;

/// Longest request body as sent (compressed).
pub const MAX_REQUEST_BYTES: usize = 1 << 20;
/// Longest request body after decompression.
pub const MAX_REQUEST_DECODED: usize = 4 << 20;
/// Longest response body as sent.
pub const MAX_RESPONSE_BYTES: usize = 4 << 20;
/// Longest response body after decompression.
pub const MAX_RESPONSE_DECODED: usize = 16 << 20;
/// Entries in one push.
pub const MAX_PUSH_ENTRIES: usize = 4_096;
/// Bytes of changes in one push before the phone splits it.
pub const PUSH_TARGET_BYTES: usize = 1_500_000;
/// Documents, changes and departures in one page of a pull.
pub const MAX_PULL_ITEMS: usize = 50_000;
/// Documents a phone may ask for by name in one request.
pub const MAX_WANTED: usize = 256;
/// Uncompressed bytes of one page a phone asks for normally.
pub const PAGE_BYTES: u32 = 1_500_000;
/// Uncompressed bytes of the first page, so that the first screen comes soon.
pub const FIRST_PAGE_BYTES: u32 = 150_000;
/// Dependencies of one change: a change names all heads its author saw.
pub const MAX_DEPS: usize = 256;
/// Concurrent heads of a document before headquarters joins them with a change of its own.
pub const MAX_HEADS: usize = 8;
/// Longest staff id.
pub const MAX_WORKER_BYTES: usize = 32;
/// Longest file of a photo.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// Longest stamped copy or thumbnail: it must fit into one answer.
pub const MAX_COPY_BYTES: u64 = 3 << 20;
/// Bytes of a file in one `PATCH`.
pub const UPLOAD_PART_BYTES: usize = 1 << 20;
/// Life of an upload after its last byte.
pub const UPLOAD_TTL_MS: i64 = 7 * 24 * 3_600_000;
/// Unfinished uploads of one device.
pub const MAX_OPEN_UPLOADS: u64 = 64;
/// Entries of its former device that an enrolment is told of.
pub const MAX_HELD: usize = 16_384;
/// Life of an enrolment code.
pub const ENROLMENT_TTL_MS: i64 = 10 * 60_000;
/// Life of a lease (F32, \[P\]).
pub const LEASE_MS: i64 = 72 * 3_600_000;

/// What a change from a phone may look like.
pub const DEVICE_CHANGE: ChunkLimits = ChunkLimits {
    max_bytes: 64 << 10,
    max_ops: 256,
    max_deps: MAX_DEPS,
    max_key_bytes: 128,
    max_value_bytes: 16 << 10,
    max_message_bytes: 64,
    max_preds: 64,
    max_op_counter: 1_000_000,
};

/// What a change from headquarters may look like on a phone: reference files are large.
pub const HQ_CHANGE: ChunkLimits =
    ChunkLimits { max_bytes: 2 << 20, max_value_bytes: 1 << 20, ..DEVICE_CHANGE };

//! Bodies on the wire: CBOR under zstd, with a cap on both sides of the decompressor.
//!
//! Invariant: a body can never decode to more than the cap given, whatever its frame header
//! claims (F36), and is exactly one frame: nothing can ride along behind it. Rejected: HTTP content-encoding, whose limits sit in three layers.

use std::io::Read as _;

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than allowed, as sent or decoded.
    #[error("body too large")]
    TooLarge,
    /// Not zstd, cut off, or followed by something.
    #[error("body is not a whole zstd frame")]
    NotZstd,
    /// Not the CBOR that belongs here.
    #[error("body is not the expected message")]
    NotCbor,
}

/// The media type of every body.
pub const MEDIA_TYPE: &str = "application/vnd.lanewalk.v1";

/// Compression level: 3 keeps a push of 1,750 edits under 20 ms.
const LEVEL: i32 = 3;

/// Encodes a message.
pub fn encode<T: minicbor::Encode<()>>(message: &T) -> Vec<u8> {
    let plain = minicbor::to_vec(message).unwrap_or_default();
    zstd::bulk::compress(&plain, LEVEL).unwrap_or_default()
}

/// Decodes a message of at most `cap` bytes.
pub fn decode<T: for<'b> minicbor::Decode<'b, ()>>(body: &[u8], cap: usize) -> Result<T, FrameError> {
    let plain = inflate(body, cap)?;
    let mut decoder = minicbor::Decoder::new(&plain);
    let message = decoder.decode().map_err(|_| FrameError::NotCbor)?;
    if decoder.position() == plain.len() { Ok(message) } else { Err(FrameError::NotCbor) }
}

fn inflate(body: &[u8], cap: usize) -> Result<Vec<u8>, FrameError> {
    let decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(|_| FrameError::NotZstd)?;
    // By default the reader would go on with a second frame.
    let mut decoder = decoder.single_frame();
    // A window larger than the largest body could only be a bomb.
    decoder.window_log_max(24).map_err(|_| FrameError::NotZstd)?;
    let mut plain = Vec::new();
    let limit = u64::try_from(cap).unwrap_or(u64::MAX).saturating_add(1);
    decoder.by_ref().take(limit).read_to_end(&mut plain).map_err(|_| FrameError::NotZstd)?;
    match plain.len() > cap {
        true => Err(FrameError::TooLarge),
        false if !decoder.finish().is_empty() => Err(FrameError::NotZstd),
        false => Ok(plain),
    }
}

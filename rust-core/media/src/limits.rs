//! What an input may ask for.
//!
//! Invariant: every limit is judged on what the file says of itself, before a decoder sees it.
//! Rejected: limits inside the decoders only, which some of them check after they allocated.

use crate::MediaError;

/// Limits of one intake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub max_bytes: u64,
    /// Width × height.
    pub max_pixels: u64,
    /// Pixels of the long edge; no JPEG encoder goes further than 65,500.
    pub max_edge: u32,
    /// Bytes of decoder and evidence copy together where rows cannot stream: coefficients of a
    /// progressive JPEG (3 bytes a pixel at 4:2:0), an interlaced PNG, a WebP.
    pub max_memory: u64,
}

impl Default for Limits {
    /// 64 MiB, 50 MP, 65,500 px, 57.5 MB: with all else an intake stays under 64 MB.
    fn default() -> Self {
        Self { max_bytes: 64 << 20, max_pixels: 50_000_000, max_edge: 65_500, max_memory: 57_500_000 }
    }
}

impl Limits {
    pub(crate) fn check_bytes(&self, bytes: u64) -> Result<(), MediaError> {
        if bytes > self.max_bytes {
            return Err(MediaError::TooManyBytes { bytes, most: self.max_bytes });
        }
        Ok(())
    }

    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), MediaError> {
        if width == 0 || height == 0 {
            return Err(MediaError::Malformed { what: "a picture without pixels" });
        }
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(MediaError::TooManyPixels { width, height, most: self.max_pixels });
        }
        let edge = width.max(height);
        if edge > self.max_edge {
            return Err(MediaError::TooLong { edge, most: self.max_edge });
        }
        Ok(())
    }

    pub(crate) fn check_memory(&self, bytes: u64) -> Result<(), MediaError> {
        if bytes > self.max_memory {
            return Err(MediaError::TooMuchMemory { bytes, most: self.max_memory });
        }
        Ok(())
    }
}

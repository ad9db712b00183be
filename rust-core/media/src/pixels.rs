//! A small picture in memory: what the steps after decoding hand to each other.

/// Rows of red, green, blue bytes without padding; `data.len() == width · height · 3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The bytes.
    pub data: Vec<u8>,
}

impl Rgb {
    pub(crate) fn black(width: u32, height: u32) -> Self {
        Self { width, height, data: vec![0; width as usize * height as usize * 3] }
    }
}

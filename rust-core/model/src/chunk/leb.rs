//! A cursor over untrusted bytes, with LEB128 numbers.
//!
//! Invariant: every number has one spelling. A number with padding or more than 64 bits is refused,
//! so decoding loses nothing that a hash depends on. Rejected alternative: the `leb128` crate,
//! which accepts padded numbers, as automerge does inside columns.

use super::ChunkError;

/// Longest LEB128 form of 64 bits.
const MAX_PLACES: u32 = 10;

/// Walks forward over a slice; what was read is gone.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn byte(&mut self) -> Result<u8, ChunkError> {
        let (first, rest) = self.rest.split_first().ok_or(ChunkError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    /// Takes `count` bytes; a count beyond the input costs nothing.
    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8], ChunkError> {
        let count = usize::try_from(count).map_err(|_| ChunkError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(ChunkError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ChunkError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(ChunkError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Takes a length and that many bytes.
    pub(super) fn prefixed(&mut self) -> Result<&'a [u8], ChunkError> {
        let length = self.unsigned()?;
        self.take(length)
    }

    /// Reads a shortest-form unsigned LEB128 number.
    pub(super) fn unsigned(&mut self) -> Result<u64, ChunkError> {
        let mut value = 0_u64;
        for place in 0..MAX_PLACES {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if place == MAX_PLACES - 1 && bits > 1 {
                return Err(ChunkError::BadLeb128);
            }
            value |= bits << (7 * place);
            if byte & 0x80 == 0 {
                let padded = place > 0 && byte == 0;
                return if padded { Err(ChunkError::BadLeb128) } else { Ok(value) };
            }
        }
        Err(ChunkError::BadLeb128)
    }

    /// Reads a shortest-form signed LEB128 number.
    pub(super) fn signed(&mut self) -> Result<i64, ChunkError> {
        let mut value = 0_i64;
        let mut before = 0_u8;
        for place in 0..MAX_PLACES {
            let byte = self.byte()?;
            let bits = byte & 0x7f;
            // The tenth byte carries one bit; the other six must repeat it.
            if place == MAX_PLACES - 1 && bits != 0 && bits != 0x7f {
                return Err(ChunkError::BadLeb128);
            }
            value |= i64::from(bits) << (7 * place);
            if byte & 0x80 == 0 {
                let negative = byte & 0x40 != 0;
                let sign_only = bits == if negative { 0x7f } else { 0 };
                if place > 0 && sign_only && (before & 0x40 != 0) == negative {
                    return Err(ChunkError::BadLeb128);
                }
                if negative && place < MAX_PLACES - 1 {
                    value |= -1_i64 << (7 * (place + 1));
                }
                return Ok(value);
            }
            before = byte;
        }
        Err(ChunkError::BadLeb128)
    }
}

/// Appends the shortest unsigned LEB128 form of `value`.
pub(super) fn write_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(0x80 | u8::try_from(value & 0x7f).unwrap_or(0));
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_have_one_spelling() {
        let cases: &[(&[u8], Result<u64, ChunkError>)] = &[
            (&[0], Ok(0)),
            (&[0x7f], Ok(127)),
            (&[0x80, 1], Ok(128)),
            (&[0x80, 0], Err(ChunkError::BadLeb128)),
            (&[0x81, 0x80, 0], Err(ChunkError::BadLeb128)),
            (&[0x80], Err(ChunkError::Truncated)),
            (&[], Err(ChunkError::Truncated)),
            (&[255, 255, 255, 255, 255, 255, 255, 255, 255, 1], Ok(u64::MAX)),
            (&[255, 255, 255, 255, 255, 255, 255, 255, 255, 2], Err(ChunkError::BadLeb128)),
            (&[128; 11], Err(ChunkError::BadLeb128)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(&Reader::new(bytes).unsigned(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn signed_numbers_have_one_spelling() {
        let cases: &[(&[u8], Result<i64, ChunkError>)] = &[
            (&[0], Ok(0)),
            (&[0x7f], Ok(-1)),
            (&[0x3f], Ok(63)),
            (&[0x40], Ok(-64)),
            (&[0xc0, 0], Ok(64)),
            (&[0xbf, 0x7f], Ok(-65)),
            (&[0xbf, 0], Err(ChunkError::BadLeb128)),
            (&[0xc0, 0x7f], Err(ChunkError::BadLeb128)),
            (&[0x81, 0xff, 0x7f], Err(ChunkError::BadLeb128)),
            (&[255, 255, 255, 255, 255, 255, 255, 255, 255, 0], Ok(i64::MAX)),
            (&[128, 128, 128, 128, 128, 128, 128, 128, 128, 0x7f], Ok(i64::MIN)),
            (&[255, 255, 255, 255, 255, 255, 255, 255, 255, 1], Err(ChunkError::BadLeb128)),
            (&[0x90], Err(ChunkError::Truncated)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(&Reader::new(bytes).signed(), expected, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value: u64, tail: u8) {
            let mut bytes = Vec::new();
            write_unsigned(&mut bytes, value);
            bytes.push(tail);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.unsigned(), Ok(value));
            prop_assert_eq!(reader.rest(), &[tail]);
        }

        #[test]
        fn an_accepted_number_is_the_shortest(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(value) = reader.unsigned() {
                let mut again = Vec::new();
                write_unsigned(&mut again, value);
                prop_assert_eq!(&again[..], &bytes[..bytes.len() - reader.rest().len()]);
            }
        }
    }
}

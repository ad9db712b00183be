//! Identifiers: what names a document, a device, an entry.
//!
//! Invariant: every id is opaque random or hashed bytes of a fixed length and carries no
//! personal data. A document id contains its kind, so no byte string can be read as a document
//! of another kind (rejected: a separate kind field, which could disagree with the id).

use crate::schema::DocKind;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Says that a text or byte string is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}")]
pub struct IdError {
    /// The kind of identifier that was expected.
    pub what: &'static str,
}

/// Formats bytes as lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// Parses exactly `N` bytes of hexadecimal (either case, no separators).
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Digits only: the standard library's parser would also take a plus sign.
    if text.len() != N * 2 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut out = [0_u8; N];
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(out)
}

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Reads the id from exactly the right number of bytes.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, IdError> {
                bytes.try_into().map(Self).map_err(|_| IdError { what: $what })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&to_hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                from_hex(text).map(Self).ok_or(IdError { what: $what })
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

byte_id!(
    /// Names one enrolled installation of the app (and headquarters itself). Random, given by
    /// headquarters at enrolment; a re-enrolled phone gets a new one.
    DeviceId,
    16,
    "device id"
);
byte_id!(
    /// Names one writer inside automerge documents: random per install epoch and process start.
    ActorId,
    16,
    "actor id"
);
byte_id!(
    /// SHA-256 of something: a change, an entry, a photo.
    Hash,
    32,
    "SHA-256 hash"
);
byte_id!(
    /// Names one act inside a document (a measurement, a proposal, a photo record): uuid v7.
    EventId,
    16,
    "event id"
);

/// Names one document: its kind and a uuid v7.
///
/// Text form `order:0190…` (32 hex digits after the colon); 17 bytes on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DocId {
    /// What the document is.
    pub kind: DocKind,
    /// The uuid v7 bytes.
    pub uuid: [u8; 16],
}

impl DocId {
    /// Makes the 17 bytes of the wire form.
    pub fn to_bytes(self) -> [u8; 17] {
        let mut out = [0_u8; 17];
        if let Some((first, rest)) = out.split_first_mut() {
            *first = self.kind.code();
            rest.copy_from_slice(&self.uuid);
        }
        out
    }

    /// Reads the 17 bytes of the wire form; unknown kinds are an error.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, IdError> {
        let bad = IdError { what: "document id" };
        let (first, rest) = bytes.split_first().ok_or(bad.clone())?;
        let kind = DocKind::from_code(*first).ok_or(bad.clone())?;
        let uuid = rest.try_into().map_err(|_| bad)?;
        Ok(Self { kind, uuid })
    }
}

impl fmt::Display for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), to_hex(&self.uuid))
    }
}

impl FromStr for DocId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let bad = IdError { what: "document id" };
        let (kind, uuid) = text.split_once(':').ok_or(bad.clone())?;
        let kind = DocKind::from_name(kind).ok_or(bad.clone())?;
        let uuid = from_hex(uuid).ok_or(bad)?;
        Ok(Self { kind, uuid })
    }
}

impl Serialize for DocId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DocId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Builds the 16 bytes of a uuid v7 from UTC milliseconds and 10 random bytes.
pub fn uuid_v7(unix_ms: i64, random: [u8; 10]) -> [u8; 16] {
    let ms = u64::try_from(unix_ms).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_byte_forms_round_trip() {
        let id = DocId { kind: DocKind::Visit, uuid: uuid_v7(1_700_000_000_000, [7; 10]) };
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(DocId::from_slice(&id.to_bytes()), Ok(id));
        assert!(id.to_string().starts_with("visit:"));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in
            ["", "order", "order:", "nothing:00", "order:zz", "order:00112233445566778899aabbccddeeff00"]
        {
            assert!(text.parse::<DocId>().is_err(), "{text}");
        }
        assert!(DocId::from_slice(&[99; 17]).is_err());
        assert!(DocId::from_slice(&[1; 16]).is_err());
        assert!("é".repeat(16).parse::<DeviceId>().is_err());
    }
}

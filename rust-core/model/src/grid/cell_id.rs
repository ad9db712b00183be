//! Codes of grid cells and communities.
//!
//! Invariant: a code has exactly its digits, no part of it is zero, and it orders as its text
//! does. Rejected: keeping it as free text, since lists of other publishers use other layouts
//! (places as `001000…`) that must be refused, not stored.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::GridError;

/// The 12-digit code of a community: county 6 (GB/T 2260), subdistrict 3, community 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommunityId(u64);

/// The 15-digit code of a basic grid cell (单元网格): community 12, cell 3, numbered west to
/// east, then north to south (DB11, GB/T 30428.1). Codes change yearly: store code and year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CellId(u64);

/// The parts of a cell's code as numbers; print county with 6 digits, the others with 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellParts {
    /// County or district, e.g. 370705 奎文区.
    pub county: u32,
    /// Subdistrict (街道) within the county, e.g. 5.
    pub subdistrict: u16,
    /// Community (社区) within the subdistrict.
    pub community: u16,
    /// Cell within the community.
    pub cell: u16,
}

const SMALLEST_COUNTY: u32 = 110_000;

impl CommunityId {
    /// Returns the code of this community's cell number `cell`, 1 to 999.
    pub fn cell(self, cell: u16) -> Result<CellId, GridError> {
        if cell == 0 || cell > 999 {
            return Err(GridError::BadCode(format!("{self}+{cell}")));
        }
        Ok(CellId(self.0.saturating_mul(1_000).saturating_add(cell.into())))
    }
}

impl CellId {
    /// Returns the community the cell lies in.
    pub fn community(self) -> CommunityId {
        CommunityId(self.0 / 1_000)
    }

    /// Returns the parts of the code.
    pub fn parts(self) -> CellParts {
        parts(self.0)
    }
}

fn three(code: u64, shift: u64) -> u16 {
    u16::try_from(code / shift % 1_000).unwrap_or_default()
}

fn parts(code: u64) -> CellParts {
    CellParts {
        county: u32::try_from(code / 1_000_000_000).unwrap_or_default(),
        subdistrict: three(code, 1_000_000),
        community: three(code, 1_000),
        cell: three(code, 1),
    }
}

fn digits(text: &str, count: usize) -> Result<u64, GridError> {
    let bad = || GridError::BadCode(text.chars().take(20).collect());
    if text.len() != count || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    text.parse().map_err(|_| bad())
}

impl FromStr for CellId {
    type Err = GridError;

    fn from_str(text: &str) -> Result<Self, GridError> {
        let code = digits(text, 15)?;
        let p = parts(code);
        let whole = p.county >= SMALLEST_COUNTY && ![p.subdistrict, p.community, p.cell].contains(&0);
        whole.then_some(Self(code)).ok_or_else(|| GridError::BadCode(text.to_owned()))
    }
}

impl FromStr for CommunityId {
    type Err = GridError;

    fn from_str(text: &str) -> Result<Self, GridError> {
        let code = digits(text, 12)?;
        let p = parts(code.saturating_mul(1_000));
        let whole = p.county >= SMALLEST_COUNTY && ![p.subdistrict, p.community].contains(&0);
        whole.then_some(Self(code)).ok_or_else(|| GridError::BadCode(text.to_owned()))
    }
}

macro_rules! as_text {
    ($name:ident, $format:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = GridError;

            fn try_from(text: String) -> Result<Self, GridError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

as_text!(CellId, "{:015}");
as_text!(CommunityId, "{:012}");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn codes_are_taken_apart() {
        let id: CellId = "370705005027012".parse().unwrap();
        let parts = CellParts { county: 370_705, subdistrict: 5, community: 27, cell: 12 };
        assert_eq!(id.parts(), parts);
        assert_eq!(id.to_string(), "370705005027012");
        assert_eq!(id.community().to_string(), "370705005027");
        assert_eq!(id.community().cell(12).unwrap(), id);
        assert!(id.community().cell(0).is_err() && id.community().cell(1_000).is_err());
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"370705005027012\"");
        assert_eq!(serde_json::from_str::<CellId>("\"370705005027012\"").unwrap(), id);
    }

    #[test]
    fn other_layouts_are_refused() {
        for bad in [
            "",
            "37070500502701",
            "3707050050270120",
            "37070500502701x",
            "+70705005027012",
            "３７０７０５００５",
            "000000005027012",
            "370705000027012",
            "370705005000012",
            "370705005027000",
        ] {
            assert!(bad.parse::<CellId>().is_err(), "{bad}");
        }
        for bad in ["370705005", "370705005000", "001000005004", "370705005004001"] {
            assert!(bad.parse::<CommunityId>().is_err(), "{bad}");
        }
        assert!("370705005004".parse::<CommunityId>().is_ok());
        assert!(serde_json::from_str::<CellId>("370705005027012").is_err());
    }
}

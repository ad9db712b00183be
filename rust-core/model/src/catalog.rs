//! The matter catalogue 事项清单 (R26, R27).
//!
//! Invariant: exactly one match dispatches; none or several mean TRIAGE. The catalogue is
//! versioned data and an order keeps the version it was matched with.

use serde::{Deserialize, Serialize};

/// A section or supporting unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Id such as `sec-chengguan`.
    pub id: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    #[serde(default)]
    pub name_en: String,
}

/// One matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matter {
    /// 6-digit code, 2+2+2 levels (GB/T 39666 style).
    pub matter_code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    #[serde(default)]
    pub name_en: String,
    /// Upstream words that mean this matter, compared exactly after trimming.
    #[serde(rename = "match", default)]
    pub matches: Vec<String>,
    /// `general` or `urgent`.
    pub urgency: String,
    /// Lead section (R28).
    pub lead_unit: String,
    /// Supporting sections.
    #[serde(default)]
    pub support_units: Vec<String>,
    /// Evidence that a submission needs.
    #[serde(default)]
    pub required_evidence: Vec<Evidence>,
}

/// A kind of evidence a submission can need (DOMAIN.md §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A photo of before, arrived at headquarters.
    PhotoBefore,
    /// A photo of after, arrived at headquarters.
    PhotoAfter,
    /// Any photo, arrived at headquarters.
    Photo,
    /// A check on site.
    SiteCheck,
    /// A number somebody found out.
    Measurement,
    /// The resident signed, refused or was absent.
    Confirmation,
    /// A finding of the enforcement squad.
    Finding,
}

impl Evidence {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::PhotoBefore,
        Self::PhotoAfter,
        Self::Photo,
        Self::SiteCheck,
        Self::Measurement,
        Self::Confirmation,
        Self::Finding,
    ];

    /// Returns the id used in the catalogue.
    pub const fn id(self) -> &'static str {
        match self {
            Self::PhotoBefore => "photo_before",
            Self::PhotoAfter => "photo_after",
            Self::Photo => "photo",
            Self::SiteCheck => "site_check",
            Self::Measurement => "measurement",
            Self::Confirmation => "confirmation",
            Self::Finding => "finding",
        }
    }

    /// Returns the words people read, Chinese and English.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::PhotoBefore => ("处理前照片", "photo of before"),
            Self::PhotoAfter => ("处理后照片", "photo of after"),
            Self::Photo => ("照片", "photo"),
            Self::SiteCheck => ("现场查实", "site check"),
            Self::Measurement => ("测量数据", "measurement"),
            Self::Confirmation => ("群众确认", "resident's confirmation"),
            Self::Finding => ("违章认定", "finding"),
        }
    }
}

/// The catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// Version as published.
    pub version: String,
    /// Units named by the matters.
    #[serde(default)]
    pub units: Vec<Unit>,
    /// The matters.
    #[serde(alias = "rows")]
    pub matters: Vec<Matter>,
}

impl Matter {
    /// Says whether upstream words mean this matter.
    pub fn means(&self, words: &str) -> bool {
        self.matches.iter().any(|w| w.trim() == words.trim())
    }
}

impl Catalog {
    /// Reads a catalogue from JSON.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Finds the one matter that upstream words mean; `None` if none or several do (R27).
    pub fn exact_match(&self, words: &str) -> Option<&Matter> {
        let mut hits = self.matters.iter().filter(|m| m.means(words));
        let first = hits.next()?;
        hits.next().is_none().then_some(first)
    }

    /// Finds a matter by code.
    pub fn matter(&self, code: &str) -> Option<&Matter> {
        self.matters.iter().find(|m| m.matter_code == code)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_exactly_one_match_counts() {
        let text = r#"{"version":"v1","matters":[
            {"matter_code":"010101","name_zh":"噪音","match":["Noise","Both"],"urgency":"general","lead_unit":"a"},
            {"matter_code":"010102","name_zh":"垃圾","match":["Trash","Both"],"urgency":"general","lead_unit":"b"}]}"#;
        let catalog = Catalog::from_json(text).unwrap();
        assert_eq!(catalog.exact_match(" Noise ").map(|m| m.matter_code.as_str()), Some("010101"));
        assert_eq!(catalog.exact_match("Both"), None);
        assert_eq!(catalog.exact_match("Other"), None);
        assert!(Catalog::from_json("{}").is_err());
    }
}

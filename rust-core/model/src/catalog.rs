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
    pub required_evidence: Vec<String>,
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

impl Catalog {
    /// Reads a catalogue from JSON.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Finds the one matter that upstream words mean; `None` if none or several do (R27).
    pub fn exact_match(&self, words: &str) -> Option<&Matter> {
        let words = words.trim();
        let mut hits = self.matters.iter().filter(|m| m.matches.iter().any(|w| w.trim() == words));
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

//! The mapping file: which column of an upstream's CSV becomes which field of an order.
//!
//! Invariant: a [`Mapping`] that exists is usable; everything that can be wrong with it without a
//! file at hand was found when it was read.
//! Rejected: one importer in code per upstream. Upstreams change their exports without notice, and a
//! clerk can correct a text file.
//!
//! ```toml
//! version = 1
//! charset = "auto"                # utf-8, gb18030
//! delimiter = ","                 # ; tab |
//! date_formats = ["%Y-%m-%d %H:%M:%S"]
//! utc_offset_minutes = 480
//! datum = "wgs84"                 # gcj02, bd09
//! [fields]
//! upstream_id = "工单编号"                      # a column
//! channel = { value = "12345" }                # a fixed text
//! matter_text = "诉求类别"
//! title = { template = "{诉求类别}[：{标题}]" } # several columns, see below
//! reported_at = { template = "{受理日期} {受理时间}" }
//! [urgent]
//! column = "紧急程度"
//! values = ["紧急"]
//! [[skip]]
//! column = "状态"
//! values = ["作废", ""]
//! ```
//! A template copies `{column}`; a group `[…]` is left out where all its columns are empty, and a
//! template whose columns are all empty gives an empty text.

use serde::Deserialize;

use super::charset::CharsetRule;
use super::source::{Condition, Source, WrittenSource, optional};
use super::times::TimeFormat;

/// Longest mapping file, bytes.
const MAX_BYTES: usize = 256 * 1024;
/// Local times lie within 14 hours of UTC.
const MAX_OFFSET_MINUTES: i32 = 14 * 60;

/// Says how to read the CSV of one upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    pub(super) charset: CharsetRule,
    pub(super) delimiter: u8,
    pub(super) date_formats: Vec<TimeFormat>,
    pub(super) utc_offset_minutes: i32,
    pub(super) datum: String,
    pub(super) fields: Fields,
    pub(super) urgent: Option<Condition>,
    pub(super) secrecy: Option<Condition>,
    pub(super) skip: Vec<Condition>,
}

/// Says what is wrong with a mapping file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// More than 256 KiB.
    #[error("映射文件过大 / the mapping file is too large")]
    TooLarge,
    /// Not TOML, or with a key that is missing, unknown or of the wrong kind.
    #[error("映射文件有误 / the mapping file is wrong: {0}")]
    Toml(String),
    /// A version that this release cannot read.
    #[error("映射文件版本 {0} 不受支持 / mapping version {0} is not supported")]
    Version(u32),
    /// Not one of `, ; tab |`.
    #[error("分隔符只能是 , ; tab | 之一 / the delimiter must be one of , ; tab |")]
    Delimiter,
    /// `|` is part of Chinese characters in GB18030.
    #[error("分隔符 | 只能与 charset = \"utf-8\" 一起使用 / the delimiter | needs charset = \"utf-8\"")]
    DelimiterNeedsUtf8,
    /// No date format at all, or one that is not valid or leaves out part of a date.
    #[error("日期格式无效：{0} / date format not valid: {0}")]
    DateFormat(String),
    /// More than 14 hours.
    #[error("时区偏移超出 ±840 分钟：{0} / the offset is beyond ±840 minutes: {0}")]
    Offset(i32),
    /// Not `wgs84`, `gcj02` or `bd09`.
    #[error("坐标系只能是 wgs84、gcj02、bd09：{0} / the datum must be wgs84, gcj02 or bd09: {0}")]
    Datum(String),
    /// A template with wrong brackets or without a column.
    #[error("{field} 的模板无效 / the template of {field} is not valid")]
    Template {
        /// The field.
        field: String,
    },
    /// A column's name is empty, or a condition has no values.
    #[error("{0} 未写列名或取值 / {0} lacks a column name or values")]
    Blank(String),
    /// Only one of latitude and longitude.
    #[error("经度和纬度要么都写，要么都不写 / give both latitude and longitude or neither")]
    HalfCoordinate,
}

/// Holds where each field of an order comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) upstream_id: Source,
    pub(super) channel: Source,
    pub(super) matter_text: Source,
    pub(super) title: Source,
    pub(super) reported_text: Source,
    pub(super) reported_address: Option<Source>,
    pub(super) reported_at: Source,
    pub(super) upstream_due_at: Option<Source>,
    pub(super) closed_at: Option<Source>,
    pub(super) lat: Option<Source>,
    pub(super) lon: Option<Source>,
    pub(super) requester_name: Option<Source>,
    pub(super) requester_phone: Option<Source>,
}

impl Fields {
    fn all(&self) -> impl Iterator<Item = &Source> {
        [
            Some(&self.upstream_id),
            Some(&self.channel),
            Some(&self.matter_text),
            Some(&self.title),
            Some(&self.reported_text),
            self.reported_address.as_ref(),
            Some(&self.reported_at),
            self.upstream_due_at.as_ref(),
            self.closed_at.as_ref(),
            self.lat.as_ref(),
            self.lon.as_ref(),
            self.requester_name.as_ref(),
            self.requester_phone.as_ref(),
        ]
        .into_iter()
        .flatten()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default)]
    charset: CharsetRule,
    #[serde(default = "comma")]
    delimiter: String,
    date_formats: Vec<String>,
    utc_offset_minutes: i32,
    datum: String,
    fields: WrittenFields,
    urgent: Option<Condition>,
    secrecy: Option<Condition>,
    #[serde(default)]
    skip: Vec<Condition>,
}

fn comma() -> String {
    ",".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFields {
    upstream_id: WrittenSource,
    channel: WrittenSource,
    matter_text: WrittenSource,
    title: WrittenSource,
    reported_text: WrittenSource,
    reported_address: Option<WrittenSource>,
    reported_at: WrittenSource,
    upstream_due_at: Option<WrittenSource>,
    closed_at: Option<WrittenSource>,
    lat: Option<WrittenSource>,
    lon: Option<WrittenSource>,
    requester_name: Option<WrittenSource>,
    requester_phone: Option<WrittenSource>,
}

impl Mapping {
    /// Reads a mapping file; the module's text shows one.
    ///
    /// # Errors
    /// See [`MappingError`].
    pub fn from_toml(text: &str) -> Result<Self, MappingError> {
        if text.len() > MAX_BYTES {
            return Err(MappingError::TooLarge);
        }
        let written: Written = toml::from_str(text).map_err(|error| MappingError::Toml(error.to_string()))?;
        if written.version != 1 {
            return Err(MappingError::Version(written.version));
        }
        let delimiter = match written.delimiter.as_str() {
            "," => b',',
            ";" => b';',
            "\t" | "tab" => b'\t',
            "|" if written.charset == CharsetRule::Utf8 => b'|',
            "|" => return Err(MappingError::DelimiterNeedsUtf8),
            _ => return Err(MappingError::Delimiter),
        };
        if written.date_formats.is_empty() {
            return Err(MappingError::DateFormat(String::new()));
        }
        let date_formats = written
            .date_formats
            .into_iter()
            .map(|format| TimeFormat::parse(&format).ok_or(MappingError::DateFormat(format)))
            .collect::<Result<_, _>>()?;
        if written.utc_offset_minutes.unsigned_abs() > MAX_OFFSET_MINUTES.unsigned_abs() {
            return Err(MappingError::Offset(written.utc_offset_minutes));
        }
        if !matches!(written.datum.as_str(), "wgs84" | "gcj02" | "bd09") {
            return Err(MappingError::Datum(written.datum));
        }
        let fields = written.fields.check()?;
        Ok(Self {
            charset: written.charset,
            delimiter,
            date_formats,
            utc_offset_minutes: written.utc_offset_minutes,
            datum: written.datum,
            fields,
            urgent: written.urgent.map(|c| c.check("urgent")).transpose()?,
            secrecy: written.secrecy.map(|c| c.check("secrecy")).transpose()?,
            skip: written.skip.into_iter().map(|c| c.check("skip")).collect::<Result<_, _>>()?,
        })
    }

    /// Lists every column that the mapping names, each once, in order of first use.
    pub(super) fn columns(&self) -> Vec<&str> {
        let conditions = self.urgent.iter().chain(&self.secrecy).chain(&self.skip);
        let mut names: Vec<&str> = Vec::new();
        let named = self
            .fields
            .all()
            .flat_map(|source| match source {
                Source::Column(name) => vec![name.as_str()],
                Source::Template(template) => template.columns(),
                Source::Value(_) => Vec::new(),
            })
            .chain(conditions.map(|condition| condition.column.as_str()));
        for name in named {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl WrittenFields {
    fn check(self) -> Result<Fields, MappingError> {
        if self.lat.is_some() != self.lon.is_some() {
            return Err(MappingError::HalfCoordinate);
        }
        Ok(Fields {
            upstream_id: self.upstream_id.check("upstream_id")?,
            channel: self.channel.check("channel")?,
            matter_text: self.matter_text.check("matter_text")?,
            title: self.title.check("title")?,
            reported_text: self.reported_text.check("reported_text")?,
            reported_address: optional(self.reported_address, "reported_address")?,
            reported_at: self.reported_at.check("reported_at")?,
            upstream_due_at: optional(self.upstream_due_at, "upstream_due_at")?,
            closed_at: optional(self.closed_at, "closed_at")?,
            lat: optional(self.lat, "lat")?,
            lon: optional(self.lon, "lon")?,
            requester_name: optional(self.requester_name, "requester_name")?,
            requester_phone: optional(self.requester_phone, "requester_phone")?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    const GOOD: &str = r#"
version = 1
date_formats = ["%Y-%m-%d"]
utc_offset_minutes = 480
datum = "gcj02"
[fields]
upstream_id = "no"
channel = { value = "12345" }
matter_text = "kind"
title = { template = "{kind}[: {what}]" }
reported_text = "what"
reported_at = "day"
"#;

    #[test]
    fn reads_and_lists_its_columns() {
        let mapping = Mapping::from_toml(GOOD).unwrap();
        assert_eq!(mapping.delimiter, b',');
        assert_eq!(mapping.datum, "gcj02");
        assert_eq!(mapping.columns(), ["no", "kind", "what", "day"]);
    }

    #[test]
    fn refuses() {
        let change = |from: &str, to: &str| {
            assert!(GOOD.contains(from), "{from}");
            Mapping::from_toml(&GOOD.replace(from, to)).unwrap_err()
        };
        assert_eq!(change("version = 1", "version = 2"), MappingError::Version(2));
        assert_eq!(change("version = 1", "version = 1\ndelimiter = \":\""), MappingError::Delimiter);
        assert_eq!(change("version = 1", "version = 1\ndelimiter = \"|\""), MappingError::DelimiterNeedsUtf8);
        assert_eq!(change("%Y-%m-%d", "%Y-%m"), MappingError::DateFormat("%Y-%m".into()));
        assert_eq!(change("[\"%Y-%m-%d\"]", "[]"), MappingError::DateFormat(String::new()));
        assert_eq!(change("480", "900"), MappingError::Offset(900));
        assert_eq!(change("480", "-2147483648"), MappingError::Offset(i32::MIN));
        assert_eq!(change("gcj02", "itrf"), MappingError::Datum("itrf".into()));
        assert_eq!(change("[: {what}]", "[: {what}"), MappingError::Template { field: "title".into() });
        assert_eq!(change("\"no\"", "\" \""), MappingError::Blank("upstream_id".into()));
        assert_eq!(change("\"no\"", "\"no\"\nlat = \"y\""), MappingError::HalfCoordinate);
        assert_eq!(
            change("[fields]", "[urgent]\ncolumn = \"u\"\nvalues = []\n[fields]"),
            MappingError::Blank("urgent".into())
        );
        for (from, to) in [
            ("version = 1", "version = 1\ncolour = 2"),
            ("reported_at = \"day\"", ""),
            ("{ value = \"12345\" }", "{ value = \"12345\", template = \"{x}\" }"),
            ("version = 1", "version = 1\ncharset = \"latin1\""),
            ("[fields]", "[fields"),
        ] {
            assert!(matches!(change(from, to), MappingError::Toml(_)), "{to}");
        }
        assert_eq!(Mapping::from_toml(&"#".repeat(MAX_BYTES + 1)), Err(MappingError::TooLarge));
    }
}

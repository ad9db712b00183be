//! Reads hotline orders from any upstream's CSV export by a mapping file (R1, R24).
//!
//! Invariant: bytes in, rows out. Nothing here reads a clock, a file or the database, and every
//! record of the file is accounted for: `rows = orders + skipped + refused`, where each refused record
//! has at least one [`RowProblem`] (or is counted in [`ImportOutcome::unlisted`]).
//! Messages name a line and a column and never quote a cell, which may hold a requester's name or phone.
//!
//! Rejected: reading on at the next line after an unbalanced quote. Text a caller dictated would then
//! be read as orders of its own, and a hostile file would cost quadratic time. The lines that such a
//! record swallowed are named instead; a repaired file can be imported again without harm, since
//! orders are known by their upstream id.

mod cells;
mod charset;
mod frame;
mod mapping;
mod problem;
mod read;
mod repair;
mod row;
mod source;
mod template;
#[cfg(test)]
mod tests;
mod times;

pub use mapping::{Mapping, MappingError};
pub use problem::RowProblem;
pub use read::read_csv;
pub use repair::{neutral, repair_csv};

use std::{fmt, ops::Range};

/// Describes one order as the upstream hotline sent it, before HQ gives it an id.
///
/// Texts are kept as they came, also those a spreadsheet would run as a formula; they are neutralised
/// on export. `reported_*` never change afterwards (DOMAIN.md §5, R44).
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingOrder {
    /// Upstream's own number, trimmed, at most 64 bytes; never renumbered (R1). Never empty in a file.
    pub upstream_id: String,
    /// The way the appeal came in, as the mapping names it.
    pub channel: String,
    /// The words the matter catalogue is matched on, trimmed; may be empty (then TRIAGE, R27).
    pub matter_text: String,
    /// A short title for lists.
    pub title: String,
    /// What was reported, verbatim.
    pub reported_text: String,
    /// The place that was reported, verbatim.
    pub reported_address: String,
    /// When it was reported, UTC milliseconds.
    pub reported_at_ms: i64,
    /// Upstream's own limit, UTC milliseconds (R31).
    pub upstream_due_at_ms: Option<i64>,
    /// When upstream closed it, UTC milliseconds, for orders imported as history.
    pub closed_at_ms: Option<i64>,
    /// Whether upstream marked it urgent (R30).
    pub urgent: bool,
    /// Latitude, degrees × 10⁷, in `datum`.
    pub lat_e7: Option<i32>,
    /// Longitude, degrees × 10⁷, in `datum`.
    pub lon_e7: Option<i32>,
    /// `wgs84`, `gcj02` or `bd09`: what the two numbers above are measured in (DOMAIN.md §8).
    pub datum: String,
    /// The requester's name: personal, never leaves HQ unmasked (DOMAIN.md §9).
    pub requester_name: Option<String>,
    /// The requester's phone: personal, as above.
    pub requester_phone: Option<String>,
    /// Whether the requester asked for the order to be kept confidential (GB/T 33358).
    pub secrecy: bool,
    /// SHA-256 of the raw record without its line end, before decoding (DOMAIN.md §4).
    pub payload_sha256: [u8; 32],
}

/// Leaves out texts and identity, so that a logged order tells nothing about a person (F47).
impl fmt::Debug for IncomingOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingOrder")
            .field("upstream_id", &self.upstream_id)
            .field("channel", &self.channel)
            .field("matter_text", &self.matter_text)
            .field("reported_at_ms", &self.reported_at_ms)
            .field("upstream_due_at_ms", &self.upstream_due_at_ms)
            .field("closed_at_ms", &self.closed_at_ms)
            .field("urgent", &self.urgent)
            .field("secrecy", &self.secrecy)
            .finish_non_exhaustive()
    }
}

/// Holds what one file gave: the good orders in file order, and why the others are missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOutcome {
    /// The orders, each upstream id once.
    pub orders: Vec<IncomingOrder>,
    /// Where the record of each order stands in the file, in bytes.
    pub places: Vec<Range<usize>>,
    /// The records that gave no order, and none that is the same as an earlier one.
    pub refused: Vec<Refused>,
    /// What was wrong, in file order; at most [`ImportLimits::max_problems`].
    pub problems: Vec<RowProblem>,
    /// Records after the header, blank lines not counted.
    pub rows: u64,
    /// Records left out by a skip rule of the mapping.
    pub skipped: u64,
    /// Problems beyond the limit, counted but not listed.
    pub unlisted: u64,
}

/// Tells where a refused record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The physical line where it begins, from 1; its problems name it.
    pub line: u64,
    /// Its bytes in the file, without the line end.
    pub place: Range<usize>,
}

/// Bounds what one import may take, and gives it the present time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportLimits {
    /// The present, UTC milliseconds; dates more than a day later are refused.
    pub now_ms: i64,
    /// Largest file, bytes.
    pub max_file_bytes: u64,
    /// Most records after the header.
    pub max_rows: u64,
    /// Largest field, bytes, both of a cell in the file and of a text made by a template.
    pub max_field_bytes: usize,
    /// Most problems listed one by one.
    pub max_problems: usize,
}

impl ImportLimits {
    /// Gives the usual limits at `now_ms`: 64 MiB, 200,000 records, 64 KiB a field, 10,000 problems.
    #[must_use]
    pub const fn at(now_ms: i64) -> Self {
        Self {
            now_ms,
            max_file_bytes: 64 * 1024 * 1024,
            max_rows: 200_000,
            max_field_bytes: 64 * 1024,
            max_problems: 10_000,
        }
    }
}

/// Says why a whole file was refused; then nothing of it is imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// More bytes than [`ImportLimits::max_file_bytes`].
    #[error(
        "文件有 {bytes} 字节，超过上限 {limit} / the file has {bytes} bytes, more than the limit of {limit}"
    )]
    FileTooLarge {
        /// The file's size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// More records than [`ImportLimits::max_rows`].
    #[error("文件超过 {limit} 行，请拆分后再导入 / the file has more than {limit} rows: split it")]
    TooManyRows {
        /// The limit.
        limit: u64,
    },
    /// No header.
    #[error("文件是空的，没有表头 / the file is empty: it has no header")]
    Empty,
    /// A UTF-16 byte order mark.
    #[error(
        "文件是 UTF-16 编码，请另存为 UTF-8 或 GB18030 的 CSV / the file is UTF-16: save it as CSV in UTF-8 or GB18030"
    )]
    Utf16,
    /// The file's byte order mark says otherwise than the mapping.
    #[error(
        "文件开头的编码标记与映射文件写的编码不符 / the file's byte order mark contradicts the mapping's charset"
    )]
    CharsetContradicted,
    /// The header holds bytes that are not of the charset, a NUL, or a quote that is wrong.
    #[error(
        "表头（第 {line} 行）无法读取：编码或引号有误 / the header (line {line}) cannot be read: wrong charset or quotes"
    )]
    HeaderUnreadable {
        /// Its physical line.
        line: u64,
    },
    /// More columns than anyone's export has (1,000).
    #[error("表头有 {columns} 列，太多了 / the header has {columns} columns, too many")]
    TooManyColumns {
        /// How many.
        columns: u64,
    },
    /// Columns that the mapping names and the header does not have.
    #[error("表头缺少列：{} / the header lacks these columns: {}", .0.join("、"), .0.join(", "))]
    MissingColumns(Vec<String>),
    /// A column that the mapping names stands in the header more than once.
    #[error("表头中「{0}」列出现多次 / the header has the column \"{0}\" more than once")]
    AmbiguousColumn(String),
}

//! What can be wrong with one record, and how it is told to the clerk.
//!
//! Invariant: a message never holds the content of a cell: the wrong column may hold a phone number.
//! Rejected: free texts where the fault is found; codes and both languages would drift apart.

/// Tells what is wrong with one record of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// The physical line where the record begins, from 1.
    pub line: u64,
    /// The column as the file's header names it, or the order's field where several columns make it one;
    /// none where the whole record is meant.
    pub field: Option<String>,
    /// A stable word for programs and tests, such as `bad_date`.
    pub code: &'static str,
    /// The reason in Chinese, with line and column.
    pub message_zh: String,
    /// The same in English.
    pub message_en: String,
}

/// Lists every fault of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A quote is never closed: the file ends at `last_line`.
    UnbalancedQuote { last_line: u64 },
    /// Text stands after a closing quote; the record reaches to `last_line`.
    StrayQuote { last_line: u64 },
    /// The last record has fewer columns and no line end.
    CutOff { expected: u64, found: u64 },
    /// Another number of columns than the header.
    ColumnCount { expected: u64, found: u64 },
    /// A NUL byte.
    NulByte,
    /// Bytes that are not of the file's charset.
    BadCharset,
    /// Longer than the limit.
    FieldTooLong { bytes: usize, limit: usize },
    /// No upstream id.
    EmptyId,
    /// An upstream id with control characters, or rewritten by a spreadsheet as 1.01E+11.
    BadId,
    /// No time of report.
    MissingDate,
    /// A date in none of the mapping's formats.
    BadDate,
    /// Before the year 2000.
    DateTooEarly,
    /// More than a day ahead, or for a due time more than ten years.
    DateInFuture,
    /// Closed before it was reported.
    ClosedBeforeReported,
    /// Not a decimal number.
    BadCoordinate,
    /// Outside ±90° or ±180°.
    CoordinateOutOfRange,
    /// Only one of the two.
    HalfCoordinate,
    /// The same record once more; noted once, harmless.
    DuplicateSame { first_line: u64 },
    /// Another record with an id that was read already; the first one is kept.
    DuplicateDiffers { first_line: u64 },
}

impl Fault {
    /// Gives the stable word.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::UnbalancedQuote { .. } => "unbalanced_quote",
            Self::StrayQuote { .. } => "stray_quote",
            Self::CutOff { .. } => "cut_off",
            Self::ColumnCount { .. } => "column_count",
            Self::NulByte => "nul_byte",
            Self::BadCharset => "bad_charset",
            Self::FieldTooLong { .. } => "field_too_long",
            Self::EmptyId => "empty_id",
            Self::BadId => "bad_id",
            Self::MissingDate => "missing_date",
            Self::BadDate => "bad_date",
            Self::DateTooEarly => "date_too_early",
            Self::DateInFuture => "date_in_future",
            Self::ClosedBeforeReported => "closed_before_reported",
            Self::BadCoordinate => "bad_coordinate",
            Self::CoordinateOutOfRange => "coordinate_out_of_range",
            Self::HalfCoordinate => "half_coordinate",
            Self::DuplicateSame { .. } => "duplicate_same",
            Self::DuplicateDiffers { .. } => "duplicate_differs",
        }
    }

    fn texts(self) -> (String, String) {
        let both = |zh: &str, en: &str| (zh.to_owned(), en.to_owned());
        match self {
            Self::UnbalancedQuote { last_line } => (
                format!("引号没有闭合，直到文件末尾（第 {last_line} 行）都未导入"),
                format!(
                    "a quote is never closed; nothing up to the end of the file (line {last_line}) was imported"
                ),
            ),
            Self::StrayQuote { last_line } => (
                format!("引号后面还有文字，到第 {last_line} 行为止的内容未导入"),
                format!("text follows a closing quote; nothing up to line {last_line} was imported"),
            ),
            Self::CutOff { expected, found } => (
                format!("文件可能不完整：最后一行只有 {found} 列，应为 {expected} 列"),
                format!("the file seems cut off: its last row has {found} columns instead of {expected}"),
            ),
            Self::ColumnCount { expected, found } => (
                format!("有 {found} 列，应为 {expected} 列"),
                format!("it has {found} columns instead of {expected}"),
            ),
            Self::NulByte => both("含有空字节（NUL）", "it holds a NUL byte"),
            Self::BadCharset => {
                both("含有无法按文件编码识别的字节", "it holds bytes that are not of the file's charset")
            }
            Self::FieldTooLong { bytes, limit } => (
                format!("内容过长：{bytes} 字节，上限 {limit}"),
                format!("it is too long: {bytes} bytes, limit {limit}"),
            ),
            Self::EmptyId => both("工单编号为空", "the upstream id is empty"),
            Self::BadId => both(
                "工单编号含控制字符，或已被表格软件改写成科学计数法",
                "the upstream id holds control characters or was rewritten in scientific notation",
            ),
            Self::MissingDate => both("受理时间为空", "the time of report is empty"),
            Self::BadDate => both("日期格式无法识别", "the date is in none of the known formats"),
            Self::DateTooEarly => both("日期早于 2000 年", "the date is before the year 2000"),
            Self::DateInFuture => both("日期过于靠后，不可信", "the date lies too far in the future"),
            Self::ClosedBeforeReported => {
                both("办结时间早于受理时间", "it was closed before it was reported")
            }
            Self::BadCoordinate => both("坐标不是数字", "the coordinate is not a number"),
            Self::CoordinateOutOfRange => both("坐标超出范围", "the coordinate is out of range"),
            Self::HalfCoordinate => {
                both("经度和纬度只填了一个", "only one of latitude and longitude is given")
            }
            Self::DuplicateSame { first_line } => (
                format!("与第 {first_line} 行完全相同，只导入一次"),
                format!("it is the same as line {first_line} and was imported once"),
            ),
            Self::DuplicateDiffers { first_line } => (
                format!("工单编号与第 {first_line} 行相同而内容不同，保留第 {first_line} 行"),
                format!("it has the id of line {first_line} but other content; line {first_line} was kept"),
            ),
        }
    }

    /// Makes the problem that is shown, for the record that begins at `line`.
    pub(super) fn at(self, line: u64, field: Option<&str>) -> RowProblem {
        let (zh, en) = self.texts();
        let (message_zh, message_en) = match field {
            Some(name) => (format!("第 {line} 行「{name}」：{zh}"), format!("line {line}, \"{name}\": {en}")),
            None => (format!("第 {line} 行：{zh}"), format!("line {line}: {en}")),
        };
        RowProblem { line, field: field.map(str::to_owned), code: self.code(), message_zh, message_en }
    }
}

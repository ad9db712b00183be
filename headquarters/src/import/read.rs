//! Walks over the records of a file and makes orders of them.
//!
//! Invariant: one record is in memory beside the orders and problems already made; a record becomes
//! exactly one of order, skipped, or refused with its reasons.
//! Rejected: stopping at the first bad row. One typing error at the district would hold up the
//! orders of a whole subdistrict (R25).

use std::borrow::Cow;
use std::collections::HashMap;

use csv::ByteRecord;
use sha2::{Digest as _, Sha256};

use super::charset::{self, Charset};
use super::frame::{Frame, Frames, Quotes};
use super::mapping::Mapping;
use super::problem::{Fault, RowProblem};
use super::repair::{is_mended, original};
use super::row::{Row, holds, label};
use super::{ImportError, ImportLimits, ImportOutcome, IncomingOrder, Refused};

const MAX_COLUMNS: u64 = 1_000;

/// Reads a CSV file into orders; see the module for what happens to bad rows.
///
/// `bytes` is the whole file; `limits` also gives the present time. Does no IO.
///
/// # Errors
/// Where the file as a whole cannot be read: too large, no header, wrong charset, columns missing.
pub fn read_csv(
    bytes: &[u8],
    mapping: &Mapping,
    limits: &ImportLimits,
) -> Result<ImportOutcome, ImportError> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > limits.max_file_bytes {
        return Err(ImportError::FileTooLarge { bytes: size, limit: limits.max_file_bytes });
    }
    let (charset, body) = charset::detect(bytes, mapping.charset)?;
    let mut frames = Frames::new(body, mapping.delimiter);
    let header = frames.next().ok_or(ImportError::Empty)?;
    let Header { used, mended } = used_columns(&header, mapping, charset)?;
    let mut reader = Reader {
        before: bytes.len().saturating_sub(body.len()),
        mapping,
        limits,
        charset,
        columns: header.columns,
        used,
        mended,
        seen: HashMap::new(),
        outcome: ImportOutcome::default(),
    };
    for frame in frames {
        if reader.outcome.rows >= limits.max_rows {
            return Err(ImportError::TooManyRows { limit: limits.max_rows });
        }
        reader.outcome.rows = reader.outcome.rows.saturating_add(1);
        reader.record(&frame);
    }
    Ok(reader.outcome)
}

/// What a header tells.
struct Header<'m> {
    /// The columns that the mapping names, and where they stand.
    used: Vec<(&'m str, usize)>,
    /// The file was made of refused records.
    mended: bool,
}

/// Reads the header's names.
fn used_columns<'m>(
    header: &Frame<'_>,
    mapping: &'m Mapping,
    charset: Charset,
) -> Result<Header<'m>, ImportError> {
    let unreadable = ImportError::HeaderUnreadable { line: header.line };
    if header.quotes != Quotes::Sound || header.raw.contains(&0) {
        return Err(unreadable);
    }
    if header.columns > MAX_COLUMNS {
        return Err(ImportError::TooManyColumns { columns: header.columns });
    }
    let record = split(header, mapping.delimiter).ok_or_else(|| unreadable.clone())?;
    let mended = is_mended(record.iter(), charset);
    let names: Vec<Cow<'_, str>> =
        record.iter().map(|cell| decode(charset, mended, cell)).collect::<Option<_>>().ok_or(unreadable)?;
    let (mut used, mut missing) = (Vec::new(), Vec::new());
    for wanted in mapping.columns() {
        let mut places = names.iter().enumerate().filter(|(_, name)| name.trim() == wanted);
        match (places.next(), places.next()) {
            (None, _) => missing.push(wanted.to_owned()),
            (Some((place, _)), None) => used.push((wanted, place)),
            (Some(_), Some(_)) => return Err(ImportError::AmbiguousColumn(wanted.to_owned())),
        }
    }
    if missing.is_empty() { Ok(Header { used, mended }) } else { Err(ImportError::MissingColumns(missing)) }
}

/// Decodes a cell; one of a mended file is told from what was put before it there.
fn decode(charset: Charset, mended: bool, cell: &[u8]) -> Option<Cow<'_, str>> {
    charset.decode(cell).map(|text| if mended { original(text) } else { text })
}

/// Takes one record's cells apart.
pub(super) fn split(frame: &Frame<'_>, delimiter: u8) -> Option<ByteRecord> {
    let mut record = ByteRecord::with_capacity(frame.raw.len(), usize::try_from(frame.columns).ok()?);
    let read = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(frame.raw.len().clamp(64, 8_192))
        .from_reader(frame.raw)
        .read_byte_record(&mut record);
    (matches!(read, Ok(true)) && u64::try_from(record.len()) == Ok(frame.columns)).then_some(record)
}

struct Reader<'r> {
    /// Bytes of the byte order mark.
    before: usize,
    mapping: &'r Mapping,
    limits: &'r ImportLimits,
    charset: Charset,
    columns: u64,
    used: Vec<(&'r str, usize)>,
    /// The file was made of refused records.
    mended: bool,
    seen: HashMap<String, Seen>,
    outcome: ImportOutcome,
}

/// Remembers an imported id.
struct Seen {
    line: u64,
    payload: [u8; 32],
    noted: bool,
}

impl Reader<'_> {
    fn problem(&mut self, problem: RowProblem) {
        if self.outcome.problems.len() < self.limits.max_problems {
            self.outcome.problems.push(problem);
        } else {
            self.outcome.unlisted = self.outcome.unlisted.saturating_add(1);
        }
    }

    fn record(&mut self, frame: &Frame<'_>) {
        let line = frame.line;
        let record = match shape_fault(frame, self.columns) {
            Some(fault) => return self.refuse(frame, vec![fault.at(line, None)]),
            None => split(frame, self.mapping.delimiter),
        };
        let Some(record) = record else {
            let fault = Fault::ColumnCount { expected: self.columns, found: frame.columns };
            return self.refuse(frame, vec![fault.at(line, None)]);
        };
        if self.is_skipped(&record) {
            self.outcome.skipped = self.outcome.skipped.saturating_add(1);
            return;
        }
        match self.order(&record, frame) {
            Ok(order) => self.keep(order, frame),
            Err(problems) => self.refuse(frame, problems),
        }
    }

    /// Notes a record that gives no order, with its reasons.
    fn refuse(&mut self, frame: &Frame<'_>, problems: Vec<RowProblem>) {
        self.outcome.refused.push(Refused { line: frame.line, place: self.place(frame) });
        for problem in problems {
            self.problem(problem);
        }
    }

    fn place(&self, frame: &Frame<'_>) -> std::ops::Range<usize> {
        let start = self.before.saturating_add(frame.start);
        start..start.saturating_add(frame.raw.len())
    }

    /// Keeps an order, unless its id was kept before.
    fn keep(&mut self, order: IncomingOrder, frame: &Frame<'_>) {
        let line = frame.line;
        let fault = match self.seen.get_mut(&order.upstream_id) {
            None => {
                let seen = Seen { line, payload: order.payload_sha256, noted: false };
                self.seen.insert(order.upstream_id.clone(), seen);
                self.outcome.places.push(self.place(frame));
                self.outcome.orders.push(order);
                return;
            }
            Some(seen) if seen.payload == order.payload_sha256 => {
                // Exports that overlap repeat many rows; one note for each order is enough.
                if std::mem::replace(&mut seen.noted, true) {
                    return;
                }
                Fault::DuplicateSame { first_line: seen.line }
            }
            Some(seen) => Fault::DuplicateDiffers { first_line: seen.line },
        };
        let name = label(&self.mapping.fields.upstream_id, "upstream_id").to_owned();
        let problem = fault.at(line, Some(&name));
        // The same record twice needs no repair.
        if matches!(fault, Fault::DuplicateDiffers { .. }) {
            self.refuse(frame, vec![problem]);
        } else {
            self.problem(problem);
        }
    }

    /// Says whether a skip rule leaves the record out; a cell that cannot be decoded never does.
    fn is_skipped(&self, record: &ByteRecord) -> bool {
        self.mapping.skip.iter().any(|rule| {
            self.used
                .iter()
                .find(|(name, _)| *name == rule.column)
                .and_then(|(_, place)| record.get(*place))
                .and_then(|cell| decode(self.charset, self.mended, cell))
                .is_some_and(|cell| holds(rule, &cell))
        })
    }

    fn order(&self, record: &ByteRecord, frame: &Frame<'_>) -> Result<IncomingOrder, Vec<RowProblem>> {
        let mut row = Row {
            line: frame.line,
            limits: self.limits,
            mapping: self.mapping,
            cells: Vec::with_capacity(self.used.len()),
            problems: Vec::new(),
        };
        for (name, place) in &self.used {
            match self.cell(record.get(*place).unwrap_or_default()) {
                Ok(cell) => row.cells.push((name, cell)),
                Err(fault) => row.problems.push(fault.at(frame.line, Some(name))),
            }
        }
        if !row.problems.is_empty() {
            return Err(row.problems);
        }
        let order = row.order(Sha256::digest(frame.raw).into());
        if row.problems.is_empty() { Ok(order) } else { Err(row.problems) }
    }

    fn cell<'c>(&self, cell: &'c [u8]) -> Result<Cow<'c, str>, Fault> {
        if cell.len() > self.limits.max_field_bytes {
            return Err(Fault::FieldTooLong { bytes: cell.len(), limit: self.limits.max_field_bytes });
        }
        if cell.contains(&0) {
            return Err(Fault::NulByte);
        }
        decode(self.charset, self.mended, cell).ok_or(Fault::BadCharset)
    }
}

fn shape_fault(frame: &Frame<'_>, expected: u64) -> Option<Fault> {
    let (last_line, found) = (frame.last_line, frame.columns);
    match frame.quotes {
        Quotes::Open => Some(Fault::UnbalancedQuote { last_line }),
        Quotes::Stray => Some(Fault::StrayQuote { last_line }),
        Quotes::Sound if found < expected && !frame.ended => Some(Fault::CutOff { expected, found }),
        Quotes::Sound => (found != expected).then_some(Fault::ColumnCount { expected, found }),
    }
}

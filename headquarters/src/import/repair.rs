//! Gives refused records back as a file to be mended: the clerk's own columns, and why beside them.
//!
//! Invariant: nothing of a refused record is lost, whatever its bytes; and no cell can run as a
//! formula where the file is opened. The mended file is read with the same mapping: it keeps the
//! mapping's charset and delimiter, the mapping names columns and does not count them, and what was
//! put before a cell here is taken away again there ([`is_mended`]). Rejected: giving the raw lines back; the spreadsheet that broke
//! them would break them again, and the reasons would stand elsewhere.

use super::charset::{self, Charset};
use super::frame::{Frame, Frames, Quotes};
use super::mapping::Mapping;
use super::read::split;
use super::{ImportError, ImportOutcome};
use std::borrow::Cow;

/// What the added columns are called.
const ADDED: [&str; 3] = ["导入行号 line", "导入问题", "import problem"];

/// Puts an apostrophe before a cell that a spreadsheet would run or a reader could take for more
/// than text.
pub fn neutral(cell: &str) -> Cow<'_, str> {
    // Spreadsheets pass over what leads and cannot be seen, also wide blanks.
    let unseen = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}';
    let runs = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    let breaks = |c: char| matches!(c, '\t' | '\r' | '\n');
    let rest = cell.trim_start_matches(unseen);
    let lead = cell.strip_suffix(rest).unwrap_or_default();
    if rest.starts_with(runs) || lead.contains(breaks) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// Takes away what [`neutral`] put before a cell.
pub(super) fn original(cell: Cow<'_, str>) -> Cow<'_, str> {
    match cell.strip_prefix('\'') {
        Some(rest) if matches!(neutral(rest), Cow::Owned(_)) => Cow::Owned(rest.to_owned()),
        _ => cell,
    }
}

/// Says whether these are the first columns of a file that [`repair_csv`] made.
pub(super) fn is_mended<'n>(names: impl Iterator<Item = &'n [u8]>, charset: Charset) -> bool {
    let names = names.take(ADDED.len()).map(|name| charset.decode(name));
    names.eq(ADDED.map(|name| Some(Cow::Borrowed(name))))
}

/// Makes a CSV of the records that `outcome` refused, which must come from the same file and
/// mapping: in GB18030 where the mapping asks for it (a character that it lacks becomes a reference
/// such as `&#58853;`), else in UTF-8 with a byte order mark. Bytes that are not of the file's charset are written as
/// `\xNN`; a record whose quotes or columns are wrong stands whole in its first cell.
///
/// # Errors
/// Where the file's header cannot be read; then there were no records to refuse either.
pub fn repair_csv(bytes: &[u8], mapping: &Mapping, outcome: &ImportOutcome) -> Result<Vec<u8>, ImportError> {
    let (charset, body) = charset::detect(bytes, mapping.charset)?;
    let header = Frames::new(body, mapping.delimiter).next().ok_or(ImportError::Empty)?;
    let unreadable = ImportError::HeaderUnreadable { line: header.line };
    let names = split(&header, mapping.delimiter).ok_or(unreadable)?;
    let mut out =
        csv::WriterBuilder::new().flexible(true).delimiter(mapping.delimiter).from_writer(Vec::new());
    // A file that was mended once has these columns; they are written anew.
    let own = if is_mended(names.iter(), charset) { ADDED.len() } else { 0 };
    let head = ADDED.into_iter().map(Cow::Borrowed);
    // Writing into memory fails only where memory does.
    let _ = write(&mut out, head.chain(names.iter().skip(own).map(|name| readable(charset, name))));
    for refused in &outcome.refused {
        let raw = bytes.get(refused.place.clone()).unwrap_or_default();
        // Problems stand in the order of the file, as the refused do.
        let first = outcome.problems.partition_point(|p| p.line < refused.line);
        let problems = outcome.problems.iter().skip(first).take_while(|p| p.line == refused.line);
        let (zh, en): (Vec<_>, Vec<_>) =
            problems.map(|p| (p.message_zh.as_str(), p.message_en.as_str())).unzip();
        let frame = Frames::new(raw, mapping.delimiter).next();
        let cells = frame.as_ref().filter(|f| is_sound(f, raw, header.columns));
        let cells = cells.and_then(|f| split(f, mapping.delimiter));
        let cells: Vec<Cow<'_, str>> = match &cells {
            Some(record) => record.iter().skip(own).map(|cell| readable(charset, cell)).collect(),
            None => vec![readable(charset, raw)],
        };
        let added = [refused.line.to_string(), zh.join("; "), en.join("; ")];
        let _ = write(&mut out, added.into_iter().map(Cow::Owned).chain(cells));
    }
    Ok(mapping.charset.encode(&String::from_utf8_lossy(&out.into_inner().unwrap_or_default())))
}

fn write<'a>(
    out: &mut csv::Writer<Vec<u8>>,
    cells: impl Iterator<Item = Cow<'a, str>>,
) -> Result<(), csv::Error> {
    for cell in cells {
        out.write_field(neutral(&original(cell)).as_bytes())?;
    }
    out.write_record(None::<&[u8]>)
}

fn is_sound(frame: &Frame<'_>, raw: &[u8], columns: u64) -> bool {
    frame.quotes == Quotes::Sound && frame.columns == columns && frame.raw.len() == raw.len()
}

/// Decodes a cell; what is no text of the charset becomes `\xNN`.
fn readable(charset: Charset, cell: &[u8]) -> Cow<'_, str> {
    charset.decode(cell).unwrap_or_else(|| {
        let mut text = String::with_capacity(cell.len());
        for chunk in cell.utf8_chunks() {
            text.push_str(chunk.valid());
            chunk.invalid().iter().for_each(|b| text.push_str(&format!("\\x{b:02x}")));
        }
        Cow::Owned(text)
    })
}

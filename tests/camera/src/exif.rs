//! What a camera writes beside the pixels.
//!
//! Invariant: writes what it is told, also what contradicts itself; nothing here checks.
//! Rejected: an EXIF writing library: none of the kept ones writes both byte orders, and a test
//! wants the wrong values too.

use chrono::{DateTime, Utc};

/// A satellite fix as a camera writes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gps {
    /// Degrees, south is negative.
    pub lat: f64,
    /// Degrees, west is negative.
    pub lon: f64,
    /// Time of the fix, UTC ms.
    pub time_ms: Option<i64>,
    /// Map datum, such as `WGS-84`; empty = no tag.
    pub datum: String,
    /// Horizontal error in metres.
    pub error_m: Option<f64>,
}

/// The EXIF block of a photo; empty texts and `None` write no tag.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExifBlock {
    /// Civil time of the exposure in ms, counted as if it were UTC.
    pub local_ms: Option<i64>,
    /// The camera's offset from UTC in minutes.
    pub offset_min: Option<i32>,
    /// Where and when the satellites saw it.
    pub gps: Option<Gps>,
    /// Maker.
    pub make: String,
    /// Model.
    pub model: String,
    /// Software.
    pub software: String,
    /// Orientation tag; 1 to 8 are meant, others are lies.
    pub orientation: Option<u8>,
    /// Most significant byte first (`MM`) instead of last (`II`).
    pub big_endian: bool,
}

/// A value and its TIFF type.
enum Value {
    Bytes(Vec<u8>),
    Ascii(String),
    Short(u16),
    Rationals(Vec<[u32; 2]>),
    /// Offset of another directory.
    Link(u32),
}

type Entry = (u16, Value);

impl ExifBlock {
    /// Returns the TIFF structure: what follows `Exif\0\0` in a JPEG.
    #[must_use]
    pub fn tiff(&self) -> Vec<u8> {
        let mut file = Tiff { bytes: Vec::new(), big_endian: self.big_endian };
        file.bytes.extend(if self.big_endian { *b"MM" } else { *b"II" });
        file.u16(42);
        file.u32(8);
        let photo = self.photo_entries();
        let gps = self.gps.as_ref().map(Gps::entries).unwrap_or_default();
        let mut main = Vec::new();
        for (tag, text) in [(0x010F, &self.make), (0x0110, &self.model)] {
            text_entry(&mut main, tag, text);
        }
        if let Some(turn) = self.orientation {
            main.push((0x0112, Value::Short(turn.into())));
        }
        text_entry(&mut main, 0x0131, &self.software);
        let here = 8 + size(&main) + 12 * u32::from(!photo.is_empty()) + 12 * u32::from(!gps.is_empty());
        let there = here + size(&photo) * u32::from(!photo.is_empty());
        if !photo.is_empty() {
            main.push((0x8769, Value::Link(here)));
        }
        if !gps.is_empty() {
            main.push((0x8825, Value::Link(there)));
        }
        file.directory(&main);
        for part in [photo, gps].iter().filter(|part| !part.is_empty()) {
            file.directory(part);
        }
        file.bytes
    }

    fn photo_entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        if let Some(time) = self.local_ms {
            // The standard's unknown time is blanks.
            let text = civil(time, "%Y:%m:%d %H:%M:%S").unwrap_or_else(|| "    :  :     :  :  ".to_owned());
            entries.push((0x9000, Value::Bytes(b"0232".to_vec())));
            entries.push((0x9003, Value::Ascii(text)));
        }
        if let Some(offset) = self.offset_min {
            let (sign, away) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
            entries.push((0x9011, Value::Ascii(format!("{sign}{:02}:{:02}", away / 60, away % 60))));
        }
        if let Some(time) = self.local_ms {
            entries.push((0x9291, Value::Ascii(format!("{:03}", time.rem_euclid(1000)))));
        }
        entries
    }
}

impl Gps {
    fn entries(&self) -> Vec<Entry> {
        let mut entries = vec![
            (0, Value::Bytes(vec![2, 3, 0, 0])),
            (1, Value::Ascii(if self.lat < 0.0 { "S" } else { "N" }.to_owned())),
            (2, degrees(self.lat)),
            (3, Value::Ascii(if self.lon < 0.0 { "W" } else { "E" }.to_owned())),
            (4, degrees(self.lon)),
        ];
        if let Some(time) = self.time_ms {
            let day = u32::try_from(time.rem_euclid(86_400_000)).unwrap_or(0);
            let parts = [[day / 3_600_000, 1], [day / 60_000 % 60, 1], [day % 60_000, 1000]];
            entries.push((7, Value::Rationals(parts.to_vec())));
        }
        text_entry(&mut entries, 0x12, &self.datum);
        if let Some(date) = self.time_ms.and_then(|time| civil(time, "%Y:%m:%d")) {
            entries.push((0x1D, Value::Ascii(date)));
        }
        if let Some(error) = self.error_m {
            // `as` saturates; an error below 0 or unknown becomes 0.
            entries.push((0x1F, Value::Rationals(vec![[(error * 100.0).round() as u32, 100]])));
        }
        entries
    }
}

fn civil(ms: i64, format: &str) -> Option<String> {
    let text = DateTime::<Utc>::from_timestamp_millis(ms)?.format(format).to_string();
    (!text.starts_with(['+', '-'])).then_some(text)
}

fn text_entry(entries: &mut Vec<Entry>, tag: u16, text: &str) {
    if !text.is_empty() {
        entries.push((tag, Value::Ascii(text.to_owned())));
    }
}

/// Degrees, minutes and seconds of ten thousandths (3 mm on the ground).
fn degrees(value: f64) -> Value {
    let all = (value.abs() * 36_000_000.0).round() as u64;
    let part = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Value::Rationals(vec![
        [part(all / 36_000_000), 1],
        [part(all / 600_000 % 60), 1],
        [part(all % 600_000), 10_000],
    ])
}

/// Returns the bytes a directory takes with its values.
fn size(entries: &[Entry]) -> u32 {
    let values: usize = entries.iter().map(|(_, value)| value.apart()).sum();
    u32::try_from(6 + 12 * entries.len() + values).unwrap_or(u32::MAX)
}

impl Value {
    /// Returns type and count.
    fn kind(&self) -> (u16, u32) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        match self {
            Self::Bytes(bytes) if bytes.first() == Some(&b'0') => (7, count(bytes.len())),
            Self::Bytes(bytes) => (1, count(bytes.len())),
            Self::Ascii(text) => (2, count(text.len() + 1)),
            Self::Short(_) => (3, 1),
            Self::Rationals(all) => (5, count(all.len())),
            Self::Link(_) => (4, 1),
        }
    }

    fn long(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Ascii(text) => text.len() + 1,
            Self::Short(_) => 2,
            Self::Rationals(all) => all.len() * 8,
            Self::Link(_) => 4,
        }
    }

    /// Returns the bytes kept outside the entry: none up to four, then an even number.
    fn apart(&self) -> usize {
        if self.long() <= 4 { 0 } else { self.long().next_multiple_of(2) }
    }
}

struct Tiff {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Tiff {
    fn u16(&mut self, n: u16) {
        self.bytes.extend(if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    fn u32(&mut self, n: u32) {
        self.bytes.extend(if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    fn directory(&mut self, entries: &[Entry]) {
        let place = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut next = self.bytes.len() + 6 + 12 * entries.len();
        self.u16(u16::try_from(entries.len()).unwrap_or(u16::MAX));
        for (tag, value) in entries {
            let (kind, count) = value.kind();
            self.u16(*tag);
            self.u16(kind);
            self.u32(count);
            if value.apart() > 0 {
                self.u32(place(next));
                next += value.apart();
            } else {
                let end = self.bytes.len() + 4;
                self.value(value);
                self.bytes.resize(end, 0);
            }
        }
        self.u32(0);
        for (_, value) in entries.iter().filter(|(_, value)| value.apart() > 0) {
            self.value(value);
            self.bytes.resize(self.bytes.len().next_multiple_of(2), 0);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Bytes(bytes) => self.bytes.extend(bytes),
            Value::Ascii(text) => {
                self.bytes.extend(text.as_bytes());
                self.bytes.push(0);
            }
            Value::Short(n) => self.u16(*n),
            Value::Link(n) => self.u32(*n),
            Value::Rationals(all) => all.iter().flatten().for_each(|n| self.u32(*n)),
        }
    }
}

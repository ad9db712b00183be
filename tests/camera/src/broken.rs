//! Files that are not the photos they claim to be.
//!
//! Invariant: made from one good JPEG without drawing a number elsewhere, none above 1 MiB more
//! than the good one, and every name says what is wrong. Rejected: a folder of found files, whose
//! faults nobody can name and whose licences nobody knows.

mod exif;
mod other;
mod segments;

/// A name that says what is wrong, and the file.
pub type Case = (&'static str, Vec<u8>);

/// Returns every broken or foreign file, made from a good baseline JPEG.
///
/// Those named `exif-` are good pictures whose EXIF block is broken. Those named `odd-` a reader may
/// take or refuse, but neither may cost it seconds or memory. Every other one must be refused.
#[must_use]
pub fn all(good: &[u8]) -> Vec<Case> {
    let mut cases = segments::cases(good);
    cases.extend(exif::cases(good));
    cases.extend(other::cases(good));
    cases
}

/// Returns good photos with bytes behind them that real phones write.
#[must_use]
pub fn trailers(good: &[u8]) -> Vec<Case> {
    let samsung: &[u8] = b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1700000000000SEFH\x6a\0\0\0\x01\0\0\0\
        \0\0\x01\x0a\x23\0\0\0\x23\0\0\0\x18\0\0\0SEFT";
    let film: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42\0\0\0\x10mdat\0\0\0\0\0\0\0\0";
    vec![
        ("trailer-zeros", [good, &[0; 4096]].concat()),
        ("trailer-second-jpeg", [good, good].concat()),
        ("trailer-samsung", [good, samsung].concat()),
        ("trailer-motion-photo", [good, film].concat()),
    ]
}

/// Returns the place of the first segment with one of these markers: its 0xFF byte.
fn find(file: &[u8], markers: &[u8]) -> usize {
    let mut at = 2;
    while let Some(&[0xFF, marker, high, low]) = file.get(at..at + 4) {
        if markers.contains(&marker) {
            return at;
        }
        if marker == 0xDA {
            break;
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    file.len()
}

/// Returns the file with `new` in the place of `remove` bytes at `at`, as far as there are any.
fn splice(file: &[u8], at: usize, remove: usize, new: &[u8]) -> Vec<u8> {
    let (head, rest) = file.split_at(at.min(file.len()));
    let (_, tail) = rest.split_at(remove.min(rest.len()));
    [head, new, tail].concat()
}

/// Returns a segment with its length.
fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let long = u16::try_from(body.len() + 2).unwrap_or(u16::MAX);
    [&[0xFF, marker][..], &long.to_be_bytes(), body].concat()
}

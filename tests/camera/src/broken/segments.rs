//! JPEG files whose segments lie, are missing, or come too often.

use super::{Case, find, segment, splice};
use crate::dice::Dice;

const SOF: [u8; 3] = [0xC0, 0xC1, 0xC2];
const SOS: u8 = 0xDA;

pub(super) fn cases(good: &[u8]) -> Vec<Case> {
    let long = good.len();
    let cut = |n: usize| good.get(..n.min(long)).unwrap_or_default().to_vec();
    let frame = find(good, &SOF);
    let scan = find(good, &[SOS]);
    // Behind the marker: length 2, precision 1, height 2, width 2, components 1, then 3 each.
    let put = |at: usize, new: &[u8]| splice(good, frame + at, new.len(), new);
    let header = good.get(frame..scan).unwrap_or_default();
    let comments = segment(0xFE, b"").repeat(40_000);
    let profiles = segment(0xE2, &[&b"ICC_PROFILE\0\x01\xFF"[..], &[7; 4000]].concat()).repeat(200);
    let mut cases = vec![
        ("cut-to-3", cut(3)),
        ("cut-in-frame", cut(frame + 6)),
        ("cut-before-scan", cut(scan)),
        ("cut-in-scan-header", cut(scan + 5)),
        ("cut-half", cut(long / 2)),
        ("cut-last-64", cut(long.saturating_sub(64))),
        ("cut-end-marker", cut(long.saturating_sub(2))),
        ("size-height-0", put(5, &[0, 0])),
        ("size-width-0", put(7, &[0, 0])),
        ("size-65535x65535", put(5, &[255; 4])),
        ("size-twice-as-high", put(5, &doubled(good, frame + 5))),
        ("frame-12-bits", put(4, &[12])),
        ("frame-no-components", put(9, &[0])),
        ("frame-5-components", put(9, &[5])),
        ("frame-sampling-0", put(11, &[0])),
        ("frame-sampling-15", put(11, &[0xFF])),
        ("frame-table-9", put(12, &[9])),
        ("frame-lossless", put(1, &[0xC3])),
        ("frame-arithmetic", put(1, &[0xC9])),
        ("frame-twice", splice(good, frame, 0, header)),
        ("frame-missing", splice(good, frame, header.len(), &[])),
        ("quantization-missing", without(good, 0xDB)),
        ("odd-huffman-missing", without(good, 0xC4)),
        ("huffman-too-many-codes", splice(good, scan, 0, &segment(0xC4, &[255; 64]))),
        ("scan-missing", splice(good, scan, long.saturating_sub(scan + 2), &[])),
        ("scan-unknown-component", splice(good, scan + 5, 1, &[0x77])),
        ("segment-length-0", splice(good, scan, 0, &[0xFF, 0xE5, 0, 0])),
        ("segment-length-1", splice(good, scan, 0, &[0xFF, 0xE5, 0, 1])),
        ("segment-length-beyond-end", splice(&cut(scan), scan, 0, &[0xFF, 0xE5, 0xFF, 0xFF, 1, 2])),
        ("odd-flood-of-comments", splice(good, 2, 0, &comments)),
        ("odd-flood-of-profiles", splice(good, 2, 0, &profiles)),
        ("odd-flood-of-fill-bytes", splice(good, scan, 0, &[0xFF; 500_000])),
        ("odd-flood-of-restarts", splice(good, long.saturating_sub(2), 0, &[0xFF, 0xD0].repeat(100_000))),
        ("odd-progressive-2646-scans", scans()),
        ("odd-scan-data-of-noise", noise(good, scan)),
    ];
    let names = [
        "odd-flips-1",
        "odd-flips-2",
        "odd-flips-3",
        "odd-flips-4",
        "odd-flips-5",
        "odd-flips-6",
        "odd-flips-7",
        "odd-flips-8",
    ];
    cases.extend(names.into_iter().zip(1..).map(|(name, seed)| (name, flipped(good, seed))));
    cases
}

fn doubled(file: &[u8], at: usize) -> [u8; 2] {
    let height = file.get(at..at + 2).and_then(|n| n.try_into().ok()).map_or(1, u16::from_be_bytes);
    height.saturating_mul(2).to_be_bytes()
}

/// Returns the file with one bit in about 2,000 flipped, at least one.
fn flipped(good: &[u8], seed: u64) -> Vec<u8> {
    let (mut file, mut dice) = (good.to_vec(), Dice::new(seed));
    let last = i32::try_from(file.len()).unwrap_or(i32::MAX) - 1;
    for _ in 0..=file.len() / 250 {
        let at = usize::try_from(dice.range(0, last)).unwrap_or(0);
        if let Some(byte) = file.get_mut(at) {
            *byte ^= 1 << dice.range(0, 7);
        }
    }
    file
}

/// Returns the file with random bytes (no markers among them) for its scan.
fn noise(good: &[u8], scan: usize) -> Vec<u8> {
    let (mut file, mut dice) = (good.to_vec(), Dice::new(9));
    let end = file.len().saturating_sub(2);
    for byte in file.iter_mut().take(end).skip(scan + 14) {
        *byte = u8::try_from(dice.range(0, 254)).unwrap_or(0);
    }
    file
}

/// Returns the file without any segment of a kind.
fn without(good: &[u8], marker: u8) -> Vec<u8> {
    let mut file = good.to_vec();
    loop {
        let at = find(&file, &[marker]);
        let Some(&[high, low]) = file.get(at + 2..at + 4) else { return file };
        file = splice(&file, at, 2 + usize::from(u16::from_be_bytes([high, low])), &[]);
    }
}

/// Returns a flat 4000 × 3000 picture that is told in the most scans the format allows: 14 bit
/// planes for each of 63 frequencies of three components, each passing over all blocks and saying
/// nothing. Every scan is legal; together they are 500 million blocks to visit.
fn scans() -> Vec<u8> {
    const BLOCKS: usize = 500 * 375;
    let mut file = vec![0xFF, 0xD8];
    file.extend(segment(0xDB, &[&[0][..], &[16; 64]].concat()));
    let [[h, i], [w, x]] = [3000_u16.to_be_bytes(), 4000_u16.to_be_bytes()];
    file.extend(segment(0xC2, &[8, h, i, w, x, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]));
    // One code of one bit, 0, in each table: a difference of 0; a run of 2^14 + 14 bits blocks.
    for (table, symbol) in [(0x00, 0x00), (0x10, 0xE0)] {
        file.extend(segment(0xC4, &[&[table, 1][..], &[0; 15], &[symbol]].concat()));
    }
    file.extend(segment(SOS, &[3, 1, 0, 2, 0, 3, 0, 0, 0, 0]));
    file.extend([0; BLOCKS * 3 / 8]);
    // The last 4 of 562,500 bits, then ones.
    file.push(0x0F);
    // Six runs of 31,250 blocks: the code and 14 bits each, 90 bits in all, then ones.
    let runs = (0..6).fold(0_u128, |bits, _| bits << 15 | (31_250 - (1 << 14)));
    let data = (runs << 6 | 0x3F).to_be_bytes();
    for component in 1..=3 {
        for frequency in 1..=63 {
            for plane in (0..14).rev() {
                let before = if plane == 13 { 0 } else { plane + 1 };
                file.extend(segment(SOS, &[1, component, 0, frequency, frequency, before << 4 | plane]));
                file.extend(data.iter().skip(4));
            }
        }
    }
    file.extend([0xFF, 0xD9]);
    file
}

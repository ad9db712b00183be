//! Files of other kinds, two kinds in one, and pictures that grow without end.

use super::{Case, splice};
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc, FlushCompress};
use std::io::Write;

const PDF: &[u8] = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";
const HTML: &[u8] = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>\n";
/// An archive with one empty file named `a`.
const ZIP: &[u8] = b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0a\
PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a\
PK\x05\x06\0\0\0\0\x01\0\x01\0\x2f\0\0\0\x1f\0\0\0\0\0";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

pub(super) fn cases(good: &[u8]) -> Vec<Case> {
    let behind = |more: &[u8]| [good, more].concat();
    let before = |more: &[u8]| [more, good].concat();
    let iso = |brand: &[u8; 4]| [b"\0\0\0\x18ftyp", &brand[..], b"\0\0\0\0mif1heic", &[0; 64]].concat();
    let frame = |width, height, depth, color| {
        chunk(b"IHDR", &[header(width, height), vec![depth, color, 0, 0, 0]].concat())
    };
    let zeros = |n: usize| zlib(&vec![0; n]);
    let png = |chunks: &[Vec<u8>]| [PNG.to_vec(), chunks.concat(), chunk(b"IEND", &[])].concat();
    let text = [&b"Comment\0\0"[..], &repeated(1 << 28)].concat();
    let small = chunk(b"IDAT", &zeros(8 * 25));
    vec![
        ("empty", Vec::new()),
        ("one-byte", vec![0xFF]),
        ("two-bytes", vec![0xFF, 0xD8]),
        ("start-and-end-only", vec![0xFF, 0xD8, 0xFF, 0xD9]),
        ("zeros", vec![0; 4096]),
        ("text", "不是照片\n".repeat(100).into_bytes()),
        ("zip", ZIP.to_vec()),
        ("pdf", PDF.to_vec()),
        ("html", HTML.to_vec()),
        ("svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>".to_vec()),
        ("gif", GIF.to_vec()),
        ("bmp", [&b"BM"[..], &[0; 60]].concat()),
        ("tiff", [&b"II*\0\x08\0\0\0"[..], &[0; 60]].concat()),
        ("heic", iso(b"heic")),
        ("heif-sequence", iso(b"msf1")),
        ("avif", iso(b"avif")),
        ("mp4", iso(b"mp42")),
        ("jpeg-xl", b"\xFF\x0A\xFA\x7F\x01\x90\x08\x06\x01".to_vec()),
        ("jpeg-2000", b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 \0\0\0\0jp2 ".to_vec()),
        ("webp-header-only", b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0".to_vec()),
        ("webp-length-of-4-thousand-million", b"RIFF\xFF\xFF\xFF\xFFWEBPVP8 \xFF\xFF\xFF\xFF".to_vec()),
        ("png-header-only", PNG.to_vec()),
        ("png-no-data", png(&[frame(8, 8, 8, 2)])),
        ("png-size-0", png(&[frame(0, 8, 8, 2), small.clone()])),
        ("png-size-of-4-thousand-million", png(&[frame(u32::MAX, u32::MAX, 8, 2), small.clone()])),
        ("png-too-little-data", png(&[frame(800, 800, 8, 2), small.clone()])),
        ("png-wrong-checksum", {
            let file = png(&[frame(8, 8, 8, 2), small.clone()]);
            splice(&file, PNG.len() + 21, 4, &[1, 2, 3, 4])
        }),
        (
            "png-bomb-60000x60000",
            png(&[frame(60_000, 60_000, 1, 0), chunk(b"IDAT", &repeated(60_000 * 7501))]),
        ),
        ("odd-png-bomb-in-text", png(&[frame(8, 8, 8, 2), chunk(b"zTXt", &text), small.clone()])),
        ("odd-png-data-beyond-picture", png(&[frame(8, 8, 8, 2), chunk(b"IDAT", &repeated(1 << 28))])),
        ("polyglot-zip-behind", behind(ZIP)),
        ("polyglot-zip-before", before(ZIP)),
        ("polyglot-pdf-behind", behind(PDF)),
        ("polyglot-pdf-before", before(PDF)),
        ("polyglot-html-behind", behind(HTML)),
        ("polyglot-html-before", before(HTML)),
        ("polyglot-script-behind", behind(b"<?php system($_GET['c']); ?>")),
        ("polyglot-program-behind", behind(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0")),
        ("polyglot-windows-program-behind", behind(b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0")),
        ("polyglot-gif-behind", behind(GIF)),
        ("polyglot-rar-behind", behind(b"Rar!\x1a\x07\x01\0")),
        ("polyglot-7z-behind", behind(b"7z\xbc\xaf\x27\x1c\0\x04")),
    ]
}

fn header(width: u32, height: u32) -> Vec<u8> {
    [width.to_be_bytes(), height.to_be_bytes()].concat()
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut sum = Crc::new();
    sum.update(kind);
    sum.update(data);
    let long = u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&long[..], kind, data, &sum.sum().to_be_bytes()].concat()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(data).and_then(|()| encoder.finish());
    written.expect("memory takes every byte")
}

/// Returns `many` zero bytes as a zlib stream: about a thousandth of it, without compressing all.
///
/// A block that ends at a full flush says the same wherever it stands, so one is repeated.
fn repeated(many: usize) -> Vec<u8> {
    const BLOCK: usize = 1 << 20;
    let raw = |n: usize, flush| {
        let mut compress = flate2::Compress::new(Compression::best(), false);
        let mut out = Vec::with_capacity(8192);
        compress.compress_vec(&vec![0; n], &mut out, flush).expect("zeros compress");
        out
    };
    let mut stream = vec![0x78, 0xDA];
    stream.extend(raw(BLOCK, FlushCompress::Full).repeat(many / BLOCK));
    stream.extend(raw(many % BLOCK, FlushCompress::Finish));
    // Adler-32 of zeros: the sum of bytes stays 1, the sum of sums counts them.
    let sums = u32::try_from(many % 65_521).unwrap_or(0) << 16 | 1;
    stream.extend(sums.to_be_bytes());
    stream
}

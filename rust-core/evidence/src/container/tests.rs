#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;

fn made(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in files {
        begin_file(&mut out, name, bytes.len() as u64).unwrap();
        out.extend_from_slice(bytes);
        end_file(&mut out, bytes.len() as u64).unwrap();
    }
    end(&mut out).unwrap();
    out
}

fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ContainerError> {
    let mut reader = Reader::new(bytes);
    let mut out = Vec::new();
    while let Some(next) = reader.next()? {
        let content = reader.whole(&next, 1 << 20)?;
        out.push((next.name, content));
    }
    Ok(out)
}

#[test]
fn what_is_written_reads_back() {
    let photo = format!("photos/{}.jpg", "0f".repeat(32));
    let files: [(&str, &[u8]); 4] =
        [("manifest.json", b"{}"), ("evidence.json", &[7; 512]), (&photo, &[9; 1025]), ("READ-ME.txt", b"")];
    let bytes = made(&files);
    assert_eq!(bytes.len() % BLOCK, 0);
    let back = read(&bytes).unwrap();
    assert_eq!(back.len(), 4);
    for ((name, content), (n, c)) in back.iter().zip(files) {
        assert_eq!((name.as_str(), content.as_slice()), (n, c));
    }
}

/// A tar that any other tool makes of the same file is another spelling, and refused.
#[test]
fn the_header_is_the_standards() {
    let block = header("manifest.json", 1_234);
    assert_eq!(&block[257..265], b"ustar\x0000");
    assert_eq!(&block[124..136], b"00000002322\0");
    let sum: u32 = block[..148].iter().chain(&block[156..]).map(|b| u32::from(*b)).sum::<u32>() + 8 * 32;
    assert_eq!(&block[148..156], format!("{sum:06o}\0 ").as_bytes());
}

#[test]
fn names_from_outside_the_set_are_refused() {
    let hash = "ab".repeat(32);
    for name in [
        "../manifest.json",
        "/etc/passwd",
        "photos/../evidence.json",
        "photos/x.jpg",
        "manifest.json ",
        "MANIFEST.JSON",
        "",
        &format!("photos/{hash}"),
        &format!("photos/{hash}.exe"),
        &format!("photos/{}.jpg", hash.to_uppercase()),
        &format!("photos/{hash}.jpg/x"),
    ] {
        assert!(!known_name(name), "{name}");
        let refused = read(&made(&[(name, b"x")])).unwrap_err();
        // An empty name is a block that is no header.
        assert!(matches!(refused, ContainerError::Name(_) | ContainerError::Shape(_)), "{name}: {refused}");
    }
}

/// A length that is not there, or a gigabyte of it, costs nothing.
#[test]
fn absurd_lengths_end_at_once() {
    for bytes in [1 << 20, (1 << 20) + 1, 0o77_777_777_777] {
        let mut out = Vec::new();
        begin_file(&mut out, "manifest.json", bytes).unwrap();
        out.extend([0; 4 * BLOCK]);
        assert!(read(&out).is_err(), "{bytes}");
    }
    let mut reader = Reader::new(io::repeat(0));
    assert!(reader.next().is_err(), "zeros for ever");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = read(&bytes);
    }

    /// There is one byte string for a list of files.
    #[test]
    fn a_bent_container_is_refused_or_has_other_content(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let files: [(&str, &[u8]); 2] = [("manifest.json", b"first"), ("checkpoint.txt", b"second")];
        let good = made(&files);
        let mut bent = good.clone();
        bent[at.index(good.len())] ^= 1 << bit;
        if let Ok(back) = read(&bent) {
            let same = back.iter().zip(files).all(|((n, c), (name, content))| n == name && c == content);
            prop_assert!(!same);
        }
    }
}

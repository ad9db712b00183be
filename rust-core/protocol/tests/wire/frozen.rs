//! Bytes that never change: files under `fixtures/`, and how they are read and blessed.

use lanewalk_model::id::to_hex;
use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// Says whether files are to be written anew instead of compared.
pub(crate) fn blessing() -> bool {
    std::env::var_os("LANEWALK_BLESS").is_some_and(|v| v == "1")
}

/// Compares text with a file, or writes the file when blessing.
pub(crate) fn check_text(name: &str, text: &str) -> String {
    let path = file(name);
    if blessing() {
        std::fs::write(&path, text).unwrap();
    }
    let frozen = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert!(
        frozen == text,
        "the bytes of fixtures/{name} would change. Peers in the field speak the old ones, so this is\n\
         a new protocol version or a bug. LANEWALK_BLESS=1 writes the fixtures anew.\n\
         frozen:\n{frozen}\nnow:\n{text}"
    );
    frozen
}

/// Compares bytes with a hex file (`#` starts a comment line) and returns the file's bytes.
pub(crate) fn check(name: &str, what: &str, bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<String> = bytes.chunks(32).map(to_hex).collect();
    parse(&check_text(name, &format!("# {what}\n{}\n", lines.join("\n"))))
}

/// Returns a hex file's bytes; writes it first when blessing or when there is none yet. For bytes
/// that another release of a library may write in another way, which only have to be readable.
pub(crate) fn keep(name: &str, what: &str, bytes: &[u8]) -> Vec<u8> {
    let path = file(name);
    match std::fs::read_to_string(&path) {
        Ok(frozen) if !blessing() => parse(&frozen),
        _ => check(name, what, bytes),
    }
}

fn parse(text: &str) -> Vec<u8> {
    let hex: String = text.lines().filter(|l| !l.starts_with('#')).collect();
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

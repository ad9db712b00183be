//! The demonstration, run as a newcomer runs it, and whether its check would notice a loss.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::process::{Command, Output};

fn demo(more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lanewalk"))
        .args(["demo", "--quick", "--seed", "7"])
        .args(more)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

#[test]
fn nothing_is_lost_on_a_bad_network_with_two_phones_killed() {
    let out = demo(&[]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}\n{}", String::from_utf8_lossy(&out.stderr));
    for wanted in [
        "100 rows: 100 new",
        "没有丢失 / nothing was lost",
        "kill -9 of gw-02's phone in the middle of saving",
        "kill -9 of gw-03's phone after headquarters had answered",
        "while it sends a photo",
        "photos are at headquarters, byte for byte",
        "verified_facts",
        "您的角色不能提出此申请",
        "your right in this grid was revoked",
    ] {
        assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
    }
    assert_eq!(text.matches('✓').count(), 7, "{text}");
    // The order that was moved to another grid behind the worker's back took the note all the same.
    assert!(!text.contains("outside_grid"), "{text}");
    assert!(!text.contains('✗') && !text.contains('\x1b'), "{text}");
}

#[test]
fn a_lost_entry_is_noticed() {
    let out = demo(&["--lose-one"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(1), "{text}");
    assert_eq!(text.matches('✗').count(), 1, "{text}");
    assert!(text.contains("something is wrong"), "{text}");
}

//! Every parser of bytes of others as a function that must hold whatever the bytes: [`TARGETS`].
//!
//! Invariant: one list says what is fuzzed; libFuzzer (`run`) and the ordinary tests, which replay
//! each target's corpus as it is and bent, go by it. A check panics where something does not hold.
//! Rejected: a program a target, as cargo-fuzz has it: each links all of headquarters, and what is
//! instrumented there is every library too, which takes minutes and leads the fuzzer into code of
//! others.
#![allow(clippy::panic, clippy::indexing_slicing, reason = "a check says what is wrong by panicking")]

mod bundle;
mod change;
mod csv;
mod entry;
mod exchange;
mod exif;
mod form;
mod header;
mod mapping;
mod note;
mod office;
mod open311;
mod receipt;
mod reference;
mod signature;
mod sync;
mod ticket;
mod tus;

/// A parser, or several that the same bytes reach.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of its corpus.
    pub name: &'static str,
    /// Panics where something does not hold.
    pub check: fn(&[u8]),
    /// Bent files that the ordinary tests try.
    pub bent: u64,
}

const fn target(name: &'static str, check: fn(&[u8]), bent: u64) -> Target {
    Target { name, check, bent }
}

/// All targets; `README.md` says what each reads.
pub const TARGETS: &[Target] = &[
    target("bundle", bundle::check, 20_000),
    target("change", change::check, 50_000),
    target("csv", csv::check, 20_000),
    target("entry", entry::check, 50_000),
    target("exchange", exchange::check, 1_000),
    target("exif", exif::check, 50_000),
    target("form", form::check, 50_000),
    target("header", header::check, 20_000),
    target("mapping", mapping::check, 20_000),
    target("note", note::check, 20_000),
    target("open311", open311::check, 5_000),
    target("receipt", receipt::check, 50_000),
    target("reference", reference::check, 20_000),
    target("signature", signature::check, 20_000),
    target("sync", sync::check, 20_000),
    target("ticket", ticket::check, 20_000),
    target("tus", tus::check, 50_000),
];

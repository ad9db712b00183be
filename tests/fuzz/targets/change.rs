#![no_main]

#[path = "../checks/change.rs"]
mod change;

libfuzzer_sys::fuzz_target!(|data: &[u8]| change::check(data));

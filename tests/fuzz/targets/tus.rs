#![no_main]

#[path = "../checks/tus.rs"]
mod tus;

libfuzzer_sys::fuzz_target!(|data: &[u8]| tus::check(data));

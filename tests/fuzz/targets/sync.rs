#![no_main]

#[path = "../checks/sync.rs"]
mod sync;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sync::check(data));

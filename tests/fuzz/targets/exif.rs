#![no_main]

#[path = "../checks/exif.rs"]
mod exif;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exif::check(data));

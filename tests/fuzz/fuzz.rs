//! libFuzzer on one target, named by the variable `FUZZ_TARGET`; `run` starts it.
#![no_main]

use lanewalk_fuzz::{TARGETS, Target};
use std::sync::LazyLock;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    TARGETS.iter().find(|target| target.name == name).expect("a target of the list")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.check)(data));

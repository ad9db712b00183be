//! Every stable code that can reach a phone is explained in docs/protocol.md.

use crate::handbook;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Calls whose first text argument is a code.
const CALLS: [&str; 5] = ["Refusal::new(", "Rejection::new(", "reject(", "unauthorized(", "refuse("];

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Finds the codes given as literals in a source file, outside its tests.
fn codes_in(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let mut found = Vec::new();
    for call in CALLS {
        for rest in source.split(call).skip(1) {
            let argument = rest.split(')').next().unwrap();
            found.extend(argument.split('"').nth(1).map(str::to_owned));
        }
    }
    // `Self::Variant => "code"`, `#[error("code")]` of a denial, `const NAME: &str = "code"`.
    for line in source.lines().map(str::trim) {
        let arm = line.strip_prefix("Self::").or(line.strip_prefix("SchemaProblem::"));
        let arm = arm.and_then(|l| l.split_once("=> \"")).map(|(_, l)| l);
        let constant =
            line.strip_prefix("pub const ").and_then(|l| l.split_once(": &str = \"")).map(|(_, l)| l);
        let error = line.strip_prefix("#[error(\"");
        found.extend(
            [arm, constant, error]
                .into_iter()
                .flatten()
                .filter_map(|l| l.split('"').next())
                .map(str::to_owned),
        );
    }
    found.retain(|code| is_code(code));
    found
}

fn walk(dir: &Path, into: &mut BTreeMap<String, PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            into.extend(codes_in(&source).into_iter().map(|code| (code, path.clone())));
        }
    }
}

#[test]
fn every_code_is_in_the_handbook() {
    let mut codes = BTreeMap::new();
    let hq = root().join("headquarters/src");
    for file in [
        "ask.rs",
        "push.rs",
        "chain.rs",
        "core.rs",
        "hq.rs",
        "auth.rs",
        "enrol.rs",
        "error.rs",
        "pull.rs",
        "photos/reach.rs",
        "photos/stage.rs",
        "photos/settle.rs",
    ] {
        let path = hq.join(file);
        let source = std::fs::read_to_string(&path).unwrap();
        codes.extend(codes_in(&source).into_iter().map(|code| (code, path.clone())));
    }
    walk(&hq.join("gate"), &mut codes);
    for file in [
        "model/src/chunk/error.rs",
        "model/src/policy.rs",
        "model/src/order/refusal.rs",
        "protocol/src/httpsig/error.rs",
        "protocol/src/upload/error.rs",
    ] {
        let path = root().join("rust-core").join(file);
        let source = std::fs::read_to_string(&path).unwrap();
        codes.extend(codes_in(&source).into_iter().map(|code| (code, path.clone())));
    }
    // The search itself must find what is known to be there.
    for known in [
        "chain_gap",
        "wrong_author",
        "not_next",
        "schema_shrinks",
        "bad_leb128",
        "outside_grid",
        "nonce",
        "code_used",
        "gate_timeout",
        "digest_mismatch",
        "gate_unavailable",
        "upload_gone",
        "too_many_uploads",
        "upload_offset",
        "no_single_match",
    ] {
        assert!(codes.contains_key(known), "{known}");
    }
    let text = handbook::text();
    for (code, path) in &codes {
        assert!(
            text.contains(&format!("`{code}`")),
            "docs/protocol.md does not explain `{code}` of {}",
            path.display()
        );
    }
}

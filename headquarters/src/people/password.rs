//! Passwords: Argon2id, at least eight characters, none that everybody uses.
//!
//! Invariant: nothing else is asked of a password, and it never has to be changed. Rejected: rules
//! about digits and signs, and changes every three months: both make people write them down.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};

const MIN_CHARS: usize = 8;
/// Longer ones only cost time.
const MAX_BYTES: usize = 512;

/// What everybody tries first, in lower case.
const COMMON: &[&str] = &[
    "12345678",
    "123456789",
    "1234567890",
    "11111111",
    "00000000",
    "88888888",
    "66666666",
    "87654321",
    "password",
    "password1",
    "passw0rd",
    "qwertyui",
    "qwertyuiop",
    "1qaz2wsx",
    "asdfghjk",
    "abcd1234",
    "abc12345",
    "a1234567",
    "a12345678",
    "aa123456",
    "aaa12345",
    "admin123",
    "admin888",
    "admin1234",
    "iloveyou",
    "5201314520",
    "woaini1314",
    "woaini520",
    "123123123",
    "12344321",
    "1q2w3e4r",
    "147258369",
    "zaq12wsx",
    "wf123456",
    "weifang123",
    "rexian12345",
    "12345678a",
    "lanewalk",
    "lanewalk1",
];

/// Says what is wrong with a password, in both languages; `None` when it may be used.
pub(super) fn weakness(password: &str, staff: &str, name: &str) -> Option<&'static str> {
    let lower = password.to_lowercase();
    let first = password.chars().next();
    if password.chars().count() < MIN_CHARS {
        Some("密码至少要 8 个字符 / at least 8 characters")
    } else if password.len() > MAX_BYTES {
        Some("密码太长 / too long")
    } else if COMMON.contains(&lower.as_str())
        || password.chars().all(|c| Some(c) == first)
        || lower.contains(&staff.to_lowercase()) && lower.chars().count() < staff.chars().count() + 4
        || name.chars().count() >= 2 && lower == name.to_lowercase().repeat(2)
    {
        Some("这个密码太常见,容易被猜到 / too common, easily guessed")
    } else {
        None
    }
}

/// Hashes a password with Argon2id (19 MiB, two passes, one lane).
pub(super) fn hash(password: &str, salt: &[u8; 16]) -> Option<String> {
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), salt).ok()?;
    Some(hash.to_string())
}

/// Says whether a password is the one of a hash. Without a hash the same work is done in vain, so
/// that nobody learns from the time who has an account.
pub(super) fn is(password: &str, stored: Option<&str>) -> bool {
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$bGFuZXdhbGstbm9ib2R5$8Ql5XgVTuJhyMj0mq3Zr0bUvO6bwv4v1yU3r0oQK8aE";
    let password = password.get(..MAX_BYTES).unwrap_or(password);
    let known = PasswordHash::new(stored.unwrap_or(NOBODY));
    let same = known.is_ok_and(|h| Argon2::default().verify_password(password.as_bytes(), &h).is_ok());
    same && stored.is_some()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn weak_passwords_are_named_and_others_are_free() {
        for (password, weak) in [
            ("1234567", true),
            ("12345678", true),
            ("Password1", true),
            ("zzzzzzzzzz", true),
            ("hc-01123", true),
            ("街道热线办公室", true),
            ("街道热线办公室的门", false),
            ("blue kettle lane", false),
        ] {
            assert_eq!(weakness(password, "hc-01", "马静").is_some(), weak, "{password}");
        }
    }

    #[test]
    fn a_hash_knows_its_password_and_nobody_has_one() {
        let stored = hash("blue kettle lane", &[7; 16]).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(is("blue kettle lane", Some(&stored)));
        assert!(!is("blue kettle lanes", Some(&stored)) && !is("", Some(&stored)));
        assert!(!is("blue kettle lane", None) && !is("blue kettle lane", Some("rubbish")));
        // The hash that stands for nobody must cost the same work.
        assert!(PasswordHash::new("$argon2id$v=19$m=19456,t=2,p=1$bGFuZXdhbGstbm9ib2R5$8Ql5XgVTuJhyMj0mq3Zr0bUvO6bwv4v1yU3r0oQK8aE").is_ok());
    }
}

//! One-time codes of an authenticator app (RFC 6238: SHA-1, six digits, 30 seconds).
//!
//! Invariant: a code is good for its own step and the neighbours, and only once. Rejected: codes by
//! SMS; an inner network sends none.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

const STEP_MS: i64 = 30_000;
/// Bytes of a secret.
pub(super) const SECRET: usize = 20;

/// Makes the code of a step.
fn code(secret: &[u8], step: i64) -> Option<u32> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).ok()?;
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest.last()? & 0x0F);
    let four: [u8; 4] = digest.get(offset..offset + 4)?.try_into().ok()?;
    Some((u32::from_be_bytes(four) & 0x7FFF_FFFF) % 1_000_000)
}

/// Returns the step a typed code belongs to, if it is later than the last that was used.
pub(super) fn step_of(secret: &[u8], typed: &str, now_ms: i64, last: i64) -> Option<i64> {
    let digits: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let wanted: u32 = (digits.len() == 6).then(|| digits.parse().ok()).flatten()?;
    let now = now_ms.div_euclid(STEP_MS);
    [now - 1, now, now + 1].into_iter().find(|step| *step > last && code(secret, *step) == Some(wanted))
}

/// Makes the address that an authenticator app reads from a QR code.
pub(super) fn address(secret: &[u8], staff: &str) -> String {
    format!("otpauth://totp/Lanewalk:{staff}?secret={}&issuer=Lanewalk", base32(secret))
}

/// Writes bytes in base 32 without padding, as people type it into an app.
pub(super) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut out, mut held, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            let index = usize::try_from((held >> bits) & 31).unwrap_or(0);
            out.push(LETTERS.get(index).map_or('A', |l| char::from(*l)));
        }
    }
    if bits > 0 {
        let index = usize::try_from((held << (5 - bits)) & 31).unwrap_or(0);
        out.push(LETTERS.get(index).map_or('A', |l| char::from(*l)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    /// RFC 6238 appendix B, the last six of its eight digits.
    #[test]
    fn the_rfc_s_codes_are_ours() {
        for (seconds, want) in [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ] {
            assert_eq!(code(SECRET, seconds / 30), Some(want));
        }
    }

    #[test]
    fn a_code_is_good_once_and_not_for_long() {
        let at = |seconds: i64, last| step_of(SECRET, "287 082", seconds * 1_000, last);
        assert_eq!(at(59, 0), Some(1));
        assert_eq!(at(89, 0), Some(1));
        assert_eq!(at(91, 0), None);
        assert_eq!(at(59, 1), None);
        assert_eq!(step_of(SECRET, "28708", 59_000, 0), None);
    }

    /// RFC 4648 section 10.
    #[test]
    fn base_32() {
        for (bytes, want) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(bytes.as_bytes()), want);
        }
    }
}

//! Digests, plain and keyed.

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// HMAC-SHA-256.
#[must_use]
pub fn keyed(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes)
        .as_ref()
        .to_vec()
}

/// What a release is on this server. Each part is told apart by its length, so that no two lists of parts are alike.
#[must_use]
pub fn of_release(key: &[u8], parts: &[&str]) -> String {
    let text: String = parts.iter().map(|part| format!("{}:{part};", part.len())).collect();
    hex(&keyed(key, text.as_bytes()))
}

/// A share of `whole` that is the same for the same name each time.
#[must_use]
pub fn share(name: &str, whole: std::time::Duration) -> std::time::Duration {
    let bytes = digest::digest(&digest::SHA256, name.as_bytes());
    let first = bytes
        .as_ref()
        .iter()
        .take(4)
        .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
    std::time::Duration::from_millis(millis.saturating_mul(first) >> 32)
}

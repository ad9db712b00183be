//! Placeholder.
/// Policy.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'";
/// Page.
pub fn page(_: &std::path::Path, _: &str) -> (u16, String) { (404, String::new()) }

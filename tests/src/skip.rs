//! Tests that cannot be made everywhere.

/// Says that a test is left out because the system does not let it have what it needs. Where that is known to be had, and
/// nothing may be left out, it is a failure.
pub fn skip(why: &str) {
    #[expect(clippy::disallowed_methods, reason = "the one switch between leaving out and failing")]
    let none_may_be = std::env::var_os("VIBETEA_NO_SKIPS").is_some();
    assert!(!none_may_be, "cannot be tested here: {why}");
    eprintln!("skipped: {why}");
}

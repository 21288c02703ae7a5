//! Lengths of time as the operator writes them.

use std::time::Duration;

/// A whole number of days, hours or minutes, such as `90d`, `12h` or `30m`.
pub fn read_span(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return None,
    };
    let number = text.strip_suffix(unit)?;
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_plain)?;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_plain_number_with_a_unit() {
        for (text, minutes) in [("0m", 0), ("30m", 30), ("12h", 720), ("90d", 129_600)] {
            assert_eq!(read_span(text), Some(Duration::from_mins(minutes)), "{text}");
        }
        for wrong in
            ["", "d", "-1d", "+1d", "1.5d", "90", "90 d", "1y", "300s", "1D", "99999999999999999999d", "1ü"]
        {
            assert_eq!(read_span(wrong), None, "{wrong:?}");
        }
    }
}

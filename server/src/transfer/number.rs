//! One spelling for every decimal number, of any length and without rounding.

use std::fmt::Write as _;

/// Plain digits up to this length are preferred to an exponent, in characters.
const READABLE: i64 = 24;

/// A JSON number as sign, digits and power of ten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    negative: bool,
    /// Neither the first nor the last is 0; empty for zero.
    digits: String,
    exponent: i64,
}

impl Number {
    /// Reads a JSON number; nothing where the text is none.
    pub fn read(text: &str) -> Option<Self> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let is_number =
            is_digits(whole) && (whole == "0" || !whole.starts_with('0')) && fraction.is_none_or(is_digits);
        if !is_number {
            return None;
        }
        let fraction = fraction.unwrap_or_default();
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0').trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        let zeros = all.len() - all.trim_end_matches('0').len();
        let exponent = exponent.saturating_add(length(zeros)).saturating_sub(length(fraction.len()));
        Some(Self { negative, digits, exponent })
    }

    /// Appends plain digits while they are few, otherwise the shortest spelling.
    pub fn write_readable(&self, out: &mut String) {
        if self.plain_length() <= READABLE {
            self.write_plain(out);
        } else {
            self.write_short(out);
        }
    }

    /// Appends the shortest spelling: of equally long ones plain digits before whole digits with an exponent, and
    /// those before one digit, a point and the rest. No JSON number of this value is shorter.
    pub fn write_short(&self, out: &mut String) {
        let digits = length(self.digits.len());
        let scaled = format!("{}e{}", self.digits, self.exponent);
        let point = format!(".{}e{}", self.digits.get(1..).unwrap_or_default(), self.exponent + digits - 1);
        if self.plain_length() <= length(scaled.len().min(point.len() + 1)) {
            return self.write_plain(out);
        }
        self.write_sign(out);
        if digits == 1 || scaled.len() <= point.len() + 1 {
            out.push_str(&scaled);
        } else {
            out.push_str(&self.digits[..1]);
            out.push_str(&point);
        }
    }

    /// Characters of the plain spelling, the sign apart.
    fn plain_length(&self) -> i64 {
        let digits = length(self.digits.len());
        match self.exponent {
            _ if digits == 0 => 1,
            exponent if exponent >= 0 => exponent.saturating_add(digits),
            exponent if -exponent < digits => digits + 1,
            exponent => exponent.saturating_neg().saturating_add(2),
        }
    }

    fn write_sign(&self, out: &mut String) {
        if self.negative {
            out.push('-');
        }
    }

    fn write_plain(&self, out: &mut String) {
        self.write_sign(out);
        let digits = self.digits.as_str();
        let shift = usize::try_from(self.exponent.unsigned_abs()).unwrap_or(usize::MAX);
        if digits.is_empty() {
            out.push('0');
        } else if self.exponent >= 0 {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', shift));
        } else if shift < digits.len() {
            let (whole, fraction) = digits.split_at(digits.len() - shift);
            // writing to a String cannot fail
            let _ = write!(out, "{whole}.{fraction}");
        } else {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', shift - digits.len()));
            out.push_str(digits);
        }
    }
}

fn length(characters: usize) -> i64 {
    i64::try_from(characters).unwrap_or(i64::MAX)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Bounded, so that sums with lengths never overflow: no store holds a number beyond.
fn read_exponent(text: &str) -> Option<i64> {
    const FAR: i64 = i64::MAX / 4;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let size = is_digits(digits).then(|| digits.parse::<i64>().unwrap_or(FAR).min(FAR))?;
    Some(if text.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn readable(text: &str) -> String {
        let mut out = String::new();
        Number::read(text).unwrap().write_readable(&mut out);
        out
    }

    fn short(text: &str) -> String {
        let mut out = String::new();
        Number::read(text).unwrap().write_short(&mut out);
        out
    }

    #[test]
    fn numbers_have_one_readable_spelling() {
        for (text, plain) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("0e99999999999999999999", "0"),
            ("1e2", "100"),
            ("1.50", "1.5"),
            ("-12.30E+1", "-123"),
            ("1500", "1500"),
            ("0.001", "0.001"),
            ("1234567.5e-3", "1234.5675"),
            ("9007199254740993", "9007199254740993"),
            ("1e23", "100000000000000000000000"),
            ("1e24", "1e24"),
            ("12e-22", "0.0000000000000000000012"),
            ("12e-23", "12e-23"),
            ("1.2345e-100", "12345e-104"),
        ] {
            assert_eq!(readable(text), plain, "{text}");
        }
    }

    #[test]
    fn the_shortest_spelling_may_have_an_exponent() {
        for (text, spelling) in [
            ("1000", "1e3"),
            ("100", "100"),
            ("0.001", "1e-3"),
            ("0.01", "0.01"),
            ("0", "0"),
            ("-1e5", "-1e5"),
        ] {
            assert_eq!(short(text), spelling, "{text}");
        }
        // so many digits that the point is cheaper than the digits of the exponent
        let digits = "1".repeat(950);
        assert_eq!(short(&format!("{digits}e-1000")), format!("1.{}e-51", &digits[1..]));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["", "-", "01", "1.", ".5", "1e", "1e+", "+1", "1.5.2", "1 ", "0x1", "NaN", "--1", "1e1.5"]
        {
            assert_eq!(Number::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn spellings_keep_the_value_and_none_is_shorter(
            text in "-?(0|[1-9][0-9]{0,6})(\\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?",
        ) {
            let number = Number::read(&text).unwrap();
            prop_assert_eq!(Number::read(&readable(&text)).unwrap(), number.clone());
            let spelling = short(&text);
            prop_assert_eq!(Number::read(&spelling).unwrap(), number);
            prop_assert!(spelling.len() <= text.len(), "{} became {}", text, spelling);
        }
    }
}

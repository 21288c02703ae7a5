//! A cursor in JSON text that passes over what nobody asks for at the speed of looking for its quotes.
//!
//! Parsers check every escape and control character of every string. In a transcript nearly everything is strings that
//! are passed over, and whether these are well-formed inside, or text at all, is nobody's concern; where they end is.

use super::quotes::closing_quote;

/// The text is no JSON where the cursor stands.
pub(super) struct NoJson;

/// What a value begins with tells what it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    List,
    Text,
    /// A number, `true`, `false` or `null`.
    Scalar,
}

/// Where reading is.
pub(super) struct Json<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Json<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The number of bytes that were read.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// The next byte that is no white space, which is not read yet.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let rest = self.text.get(self.at..)?;
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.at += blank;
        rest.get(blank).copied()
    }

    pub(super) fn kind(&mut self) -> Result<Kind, NoJson> {
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::List),
            Some(b'"') => Ok(Kind::Text),
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => Ok(Kind::Scalar),
            _ => Err(NoJson),
        }
    }

    /// Reads this byte if it is the next one.
    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Result<(), NoJson> {
        if self.take(byte) { Ok(()) } else { Err(NoJson) }
    }

    /// Goes into an object or a list.
    pub(super) fn enter(&mut self) {
        self.peek();
        self.at += 1;
    }

    /// Goes to the next item of an object or a list that ends with `close`, or out of it; whether there is one.
    pub(super) fn item(&mut self, first: bool, close: u8) -> Result<bool, NoJson> {
        if self.take(close) {
            return Ok(false);
        }
        if !first {
            self.expect(b',')?;
        }
        Ok(true)
    }

    /// The name of the next field as it stands between its quotes; its value is next.
    pub(super) fn name(&mut self) -> Result<&'a [u8], NoJson> {
        if self.peek() != Some(b'"') {
            return Err(NoJson);
        }
        let name = self.string()?;
        self.expect(b':')?;
        Ok(name)
    }

    /// What stands between the quotes of a string, escapes and all.
    pub(super) fn string(&mut self) -> Result<&'a [u8], NoJson> {
        let inner = self.text.get(self.at + 1..).unwrap_or_default();
        let Some(end) = closing_quote(inner) else {
            self.at = self.text.len();
            return Err(NoJson);
        };
        self.at += end + 2;
        Ok(&inner[..end])
    }

    /// A number, `true`, `false` or `null`, as it stands.
    pub(super) fn scalar(&mut self) -> Result<&'a [u8], NoJson> {
        let rest = &self.text[self.at..];
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let scalar = &rest[..rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len())];
        let known = matches!(scalar, b"true" | b"false" | b"null") || is_number(scalar);
        self.at += if known { scalar.len() } else { 0 };
        if known { Ok(scalar) } else { Err(NoJson) }
    }

    /// Passes over the next value, however deep it is.
    pub(super) fn skip(&mut self) -> Result<(), NoJson> {
        // what ends each object and list that is open
        let mut open: Vec<u8> = Vec::new();
        loop {
            let first = match self.kind()? {
                Kind::Text => self.string().map(|_| false)?,
                Kind::Scalar => self.scalar().map(|_| false)?,
                kind @ (Kind::Object | Kind::List) => {
                    self.enter();
                    open.push(if kind == Kind::Object { b'}' } else { b']' });
                    true
                }
            };
            let mut first = first;
            loop {
                let Some(close) = open.last().copied() else { return Ok(()) };
                if self.item(first, close)? {
                    if close == b'}' {
                        self.name()?;
                    }
                    break;
                }
                open.pop();
                first = false;
            }
        }
    }
}

fn is_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    digits.first().is_some_and(u8::is_ascii_digit)
        && digits.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
}

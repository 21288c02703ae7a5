//! Who may see the figures.

use super::METRICS_TOKEN;
use super::reader::Reader;
use crate::auth::Token;

/// The token of those who read `/metrics`; without one everybody may.
pub(super) fn read_metrics_token(reader: &mut Reader<'_>) -> Option<Token> {
    let allowed = "printable ASCII without spaces, best 32 random characters or more";
    reader.parse(&METRICS_TOKEN, None, allowed, |text| {
        let text = text.trim();
        text.bytes().all(|byte| byte.is_ascii_graphic()).then(|| Some(Token::new(text)))
    })
}

//! What a peer is told whose frames cannot be read.

use axum::extract::ws::close_code;
use tungstenite::error::{Error, ProtocolError};

/// The code of RFC 6455, 7.4.1, with a few words; `None` where there is nobody to tell.
pub(super) fn farewell(error: axum::Error) -> Option<(u16, &'static str)> {
    let error = error.into_inner();
    match error.downcast_ref::<Error>()? {
        Error::Capacity(_) => Some((close_code::SIZE, "the message is too large")),
        Error::Utf8(_) => Some((close_code::INVALID, "the text is no UTF-8")),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some((close_code::PROTOCOL, "the frame is against the protocol")),
        _ => None,
    }
}

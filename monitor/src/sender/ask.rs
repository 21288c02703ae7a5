//! One request that is no delivery: what a server says when it is asked about a key.

use std::path::Path;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use url::Url;

use super::Timing;
use super::answer::code_word;
use super::http::{ClientError, Signer, post, start_of_body};
use super::probe::why;

const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The status.
    pub status: u16,
    /// The code word of an error answer.
    pub code: Option<String>,
    /// Seconds that the server asks to wait.
    pub wait: Option<u64>,
    /// The first 4 KiB of the body.
    pub body: Vec<u8>,
}

/// Nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There was no connection, so nothing was sent.
    #[error("{0} does not answer: {1}")]
    NotSent(Url, String),
    /// Whether the server carried it out is not known.
    #[error("{0} has not answered: {1}; whether it has done what it was asked is not known")]
    Unknown(Url, String),
}

/// Posts `body`, signed if there is somebody to sign. No redirect is followed.
pub async fn ask(
    url: &Url,
    ca_cert: Option<&Path>,
    body: String,
    signer: Option<&Signer>,
) -> Result<Told, AskError> {
    let timing = Timing { request: PATIENCE, ..Timing::default() };
    let response = post(url, ca_cert, timing, body, signer)?.send().await.map_err(|error| {
        let why = why(&error, PATIENCE);
        if error.is_connect() {
            AskError::NotSent(url.clone(), why)
        } else {
            AskError::Unknown(url.clone(), why)
        }
    })?;
    let status = response.status().as_u16();
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let body = tokio::time::timeout(timing.answer_body, start_of_body(response)).await.unwrap_or_default();
    Ok(Told { status, code: code_word(&body), wait, body })
}

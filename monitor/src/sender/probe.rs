//! One request that stores nothing: what a destination says to an empty batch.
//!
//! A server looks at source and signature before it looks at the body, so its refusal of the empty batch says that
//! both are good.

use std::path::Path;
use std::time::Duration;

use reqwest::header::DATE;
use url::Url;
use vibetea_protocol::Timestamp;

use super::Timing;
use super::answer::code_word;
use super::http::{ClientError, Signer, cause, post, start_of_body};

const EMPTY_BATCH: &str = "[]";
const PATIENCE: Duration = Duration::from_secs(10);

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The status, or why there is none, in a few words.
    pub status: Result<u16, String>,
    /// The code word of an error answer.
    pub code: Option<String>,
    /// The server's time.
    pub date: Option<Timestamp>,
}

/// Sends an empty batch to `url`, signed if there is somebody to sign.
pub async fn probe(
    url: &Url,
    ca_cert: Option<&Path>,
    signer: Option<&Signer>,
) -> Result<Probed, ClientError> {
    let timing = Timing { request: PATIENCE, ..Timing::default() };
    let response = match post(url, ca_cert, timing, EMPTY_BATCH.to_owned(), signer)?.send().await {
        Ok(response) => response,
        Err(error) => {
            return Ok(Probed { status: Err(why(&error, PATIENCE)), code: None, date: None });
        }
    };
    let status = response.status().as_u16();
    let date = response.headers().get(DATE).and_then(|value| read_date(value.to_str().ok()?));
    let body = tokio::time::timeout(timing.answer_body, start_of_body(response)).await;
    Ok(Probed { status: Ok(status), code: body.ok().and_then(|body| code_word(&body)), date })
}

/// Why nothing came back, in a few words.
pub(super) fn why(error: &reqwest::Error, patience: Duration) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", patience.as_secs());
    }
    cause(error).unwrap_or_else(|| "the connection broke".to_owned())
}

fn read_date(value: &str) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Timestamp::from_micros(date.as_microsecond())
}

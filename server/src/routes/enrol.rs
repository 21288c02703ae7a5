//! `POST /api/v1/enrol`: a monitor joins with its code. It needs no token: the code is what it may show once.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use vibetea_protocol::enrol::{Code, EnrolRequest, Enrolled, MAX_AUDIENCE_CHARS, MAX_BODY};
use vibetea_protocol::signing::PublicKey;
use vibetea_protocol::{ErrorCode, Problem, SourceId};

use super::body::secret_object;
use crate::access::ChangeError;
use crate::app::{App, AppState};
use crate::auth;
use crate::callers::{Block, Caller};
use crate::config::PublicUrl;
use crate::error::Refusal;
use crate::store::{AccessError, Refused};

pub(super) async fn post(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Enrolled>, Refusal> {
    let body = auth::receive_unsigned(&app.unverified, &headers, body, MAX_BODY).await?;
    let joining = Joining::check(&app, &secret_object(&body)?)?;
    let from = Block::of(caller.address);
    app.guesses.count(from, Instant::now()).map_err(|seconds| {
        app.metrics.rate_limited.inc();
        Refusal::code_limited(seconds)
    })?;
    // whoever leaves before the answer has used the code all the same
    let redeemed = tokio::spawn(redeem(Arc::clone(&app), from, joining)).await;
    let source = redeemed.map_err(|_| Refusal::internal())??;
    Ok(Json(Enrolled { source }))
}

/// A request that is sound in itself.
struct Joining {
    code: Code,
    key: PublicKey,
    wanted: Option<SourceId>,
}

impl Joining {
    fn check(app: &AppState, request: &EnrolRequest) -> Result<Self, Problem> {
        let wrong = |message: String| Problem::new(ErrorCode::InvalidRequest, message);
        let key = PublicKey::from_base64(&request.public_key)
            .map_err(|error| wrong(format!("The field publicKey cannot be used: {error}")))?;
        let wanted = request.source.as_deref().map(str::parse).transpose();
        let wanted = wanted.map_err(|_| wrong("The field source is no name of a source".to_owned()))?;
        let code: Code = request.code.parse().map_err(|_| invalid_code())?;
        check_audience(app, &request.audience)?;
        if !request.is_proven(&code, &key) {
            return Err(Problem::new(
                ErrorCode::InvalidSignature,
                "The field proof is not this key's signature over code, key and audience",
            ));
        }
        Ok(Self { code, key, wanted })
    }
}

/// A proof that was made for another server is not taken. Where this one does not know by which name it is called, any
/// will do; a monitor on the same machine calls it by a name that means nothing elsewhere.
fn check_audience(app: &AppState, audience: &str) -> Result<(), Problem> {
    let wrong = |message: &'static str| Err(Problem::new(ErrorCode::InvalidRequest, message));
    let named = Some(audience).filter(|text| text.len() <= MAX_AUDIENCE_CHARS).and_then(PublicUrl::parse);
    let Some(named) = named.filter(|url| url.origin() == audience) else {
        return wrong("The field audience is no scheme and host, such as https://tea.example.org");
    };
    let is_here =
        app.public_url.as_ref().is_none_or(|public| public.origin() == audience || named.is_loopback());
    if is_here { Ok(()) } else { wrong("The proof was made for another address than the one of this server") }
}

async fn redeem(app: App, from: Block, joining: Joining) -> Result<String, Refusal> {
    let Joining { code, key, wanted } = joining;
    let outcome = app.access.redeem_code(code.as_str(), key, wanted).await;
    // every other outcome says nothing to somebody who guesses
    if !matches!(outcome, Err(ChangeError::Access(AccessError::Refused(Refused::InvalidCode)))) {
        app.guesses.forgive(from, Instant::now());
    }
    let source = outcome?;
    tracing::info!(source = source.as_str(), "a monitor has joined");
    Ok(source.as_str().to_owned())
}

/// The same as for a code that could be one.
fn invalid_code() -> Problem {
    Problem::new(ErrorCode::InvalidCode, Refused::InvalidCode.to_string())
}

//! `POST /api/v1/rotate`: a monitor changes its key. The request is signed as events are, with a key in force, which vouches
//! for the new one; the new one proves that somebody holds it.

use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use vibetea_protocol::enrol::{MAX_BODY, RotateRequest, Rotated};
use vibetea_protocol::signing::PublicKey;
use vibetea_protocol::{ErrorCode, Problem};

use super::body::secret_object;
use crate::app::App;
use crate::auth;
use crate::error::Refusal;

/// How long the other keys are still taken.
const OVERLAP: Duration = Duration::from_hours(24);
/// What a change costs of the source's rate of events.
const COST: usize = 10;

pub(super) async fn post(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Rotated>, Refusal> {
    let signed = auth::receive(&app.access, &app.unverified, &headers, body, MAX_BODY).await?;
    let source = signed.source.clone();
    app.admit(&source)?;
    app.rate.debit(&source, COST, Instant::now());
    let request: RotateRequest = secret_object(&signed.body)?;
    let new = PublicKey::from_base64(&request.new_public_key).map_err(|error| {
        Problem::new(ErrorCode::InvalidRequest, format!("The field newPublicKey cannot be used: {error}"))
    })?;
    let Some(old) = signed.key else {
        return Err(Refusal::new(
            ErrorCode::Conflict,
            "This server asks for no signatures, so there is no key to change",
        ));
    };
    if !request.is_proven(&source, &old, &new) {
        return Err(Refusal::new(
            ErrorCode::InvalidSignature,
            "The field proof is not the new key's signature over source, old key and new key",
        ));
    }
    if app.access.is_configured(&source) {
        return Err(Refusal::new(
            ErrorCode::Conflict,
            format!(
                "The source '{source}' stands in the server's VIBETEA_PUBLIC_KEYS, which its operator alone changes: let \
                 the monitor join by `vibetea-server enroll`, take the source out of VIBETEA_PUBLIC_KEYS, and rotate then"
            ),
        ));
    }
    let overlap = if request.end_others { Duration::ZERO } else { OVERLAP };
    let change = tokio::spawn(async move {
        let end = app.access.add_key_vouched((*source).clone(), old, new, overlap).await;
        end.map_err(Refusal::from).map(|others_expire| {
            tracing::info!(source = source.as_str(), "a monitor has changed its key");
            Rotated { source: source.as_str().to_owned(), others_expire }
        })
    });
    Ok(Json(change.await.map_err(|_| Refusal::internal())??))
}

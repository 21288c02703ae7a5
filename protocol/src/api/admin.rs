//! `/api/v1/viewer` and `/api/v1/admin/…`: who may send and who may watch. The admin routes answer to an admin token alone.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// Whose token was shown: `GET /api/v1/viewer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Viewer {
    /// Whether the admin routes answer.
    pub admin: bool,
    /// The sources that are shown; `null` for all.
    pub sources: Option<Vec<String>>,
    /// Which of the tokens of `GET /api/v1/admin/tokens` it is; `null` for that of the configuration.
    pub token: Option<String>,
}

/// Answer of `GET /api/v1/admin/sources`, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegisteredSources {
    /// Every source that is or was registered.
    pub sources: Vec<RegisteredSource>,
}

/// One source that may send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegisteredSource {
    /// Its name.
    pub name: String,
    /// Whether it stands in the server's configuration, where alone it can be changed.
    pub configured: bool,
    /// Its keys in force.
    pub keys: Vec<RegisteredKey>,
    /// When it was revoked; none while it may send.
    #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
    pub revoked: Option<Timestamp>,
    /// When a signed request of it was last let in.
    #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
    pub last_seen: Option<Timestamp>,
    /// Time of its latest event.
    #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
    pub last_event: Option<Timestamp>,
    /// The release its monitor tells.
    pub version: Option<String>,
}

/// One public key of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegisteredKey {
    /// The first 16 hexadecimal digits of the key's SHA-256.
    pub fingerprint: String,
    /// When it was registered; none for a key of the configuration.
    #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
    pub added: Option<Timestamp>,
    /// When it ceases to be taken, where another one has replaced it.
    #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
    pub expires: Option<Timestamp>,
}

/// Body of `POST /api/v1/admin/enrolments`: makes a code with which one monitor joins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEnrolment {
    /// The name under which that monitor will send.
    pub source: String,
}

/// A code that lets one monitor register its key, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Enrolment {
    /// The name under which that monitor will send.
    pub source: String,
    /// Eight characters, `XXXX-XXXX`.
    pub code: String,
    /// What to paste on the monitor's machine.
    pub command: String,
    /// How long the code can be used.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub expires_in_seconds: u64,
}

/// Body of `PATCH /api/v1/admin/sources/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenameSource {
    /// The new name.
    pub name: String,
}

/// Answer of `GET /api/v1/admin/tokens`, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ViewerTokens {
    /// Every token that was not revoked.
    pub tokens: Vec<ViewerToken>,
}

/// One token of those who watch; the token itself is shown once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ViewerToken {
    /// What it is called by in other requests.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// Whether it opens the admin routes.
    pub admin: bool,
    /// The sources it shows; `null` for all.
    pub sources: Option<Vec<String>>,
    /// When it was made.
    #[cfg_attr(feature = "typescript", ts(type = "string"))]
    pub created: Timestamp,
    /// When it ceases to be taken.
    #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
    pub expires: Option<Timestamp>,
    /// When it was last shown, to the minute.
    #[cfg_attr(feature = "typescript", ts(type = "string | null"))]
    pub last_used: Option<Timestamp>,
}

/// Body of `POST /api/v1/admin/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewViewerToken {
    /// Whose it is: 1 to 64 characters without control characters.
    pub name: String,
    /// Whether it opens the admin routes; such a token shows all sources.
    #[serde(default)]
    pub admin: bool,
    /// The sources it shows; without it all.
    #[serde(default)]
    pub sources: Option<Vec<String>>,
    /// After how many days it ceases to be taken, 1 to 3650; without it never.
    #[serde(default)]
    pub expires_in_days: Option<u32>,
}

/// Answer of `POST /api/v1/admin/tokens` and `POST /api/v1/admin/tokens/{id}/rotate`: the token, shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IssuedToken {
    /// The token.
    pub token: String,
    /// What is kept of it.
    pub entry: ViewerToken,
}

//! Bodies of single JSON objects, with no field that is not known.

use serde::de::DeserializeOwned;
use vibetea_protocol::{ErrorCode, Problem};

/// An object with the fields of `T` and no others; `why` tells what is wrong with any other text.
pub(super) fn object<T: DeserializeOwned>(
    body: &[u8],
    why: impl FnOnce(&serde_json::Error) -> String,
) -> Result<T, Problem> {
    // a list of the fields' values would be read as well
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::new(ErrorCode::InvalidRequest, "The body is no JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| Problem::new(ErrorCode::InvalidRequest, why(&error)))
}

/// The same, and nothing that the body holds is repeated: it may be secret.
pub(super) fn secret_object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    object(body, |error| {
        let (line, column) = (error.line(), error.column());
        format!(
            "The body is not the JSON object that this route takes: see line {line}, column {column}, and \
             /api/v1/openapi.json"
        )
    })
}

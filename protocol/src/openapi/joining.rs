//! The routes of monitors: joining, and changing the key.

use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::{PathItem, Ref, RefOr};

use super::admin::taking;
use super::{json, refusal, text};
use crate::enrol::{ENROL_PATH, EnrolRequest, Enrolled, ROTATE_PATH, RotateRequest, Rotated};
use crate::{SIGNATURE_HEADER, SOURCE_HEADER};

pub(super) fn add(paths: PathsBuilder) -> PathsBuilder {
    let enrol = post::<EnrolRequest, Enrolled>("A monitor joins with a code that is good once")
        .response("401", refusal("The code is wrong, used or expired, or the proof is not this key's"))
        .response("422", refusal("The code was made for another source than the one that asks"));
    let rotate = post::<RotateRequest, Rotated>("A monitor changes its key; a key in force signs the body")
        .response("401", refusal("No key of the source signed the body, or the proof is not the new key's"))
        .response("409", refusal("The source stands in the server's configuration"));
    let rotate = rotate
        .parameter(text(ParameterIn::Header, SOURCE_HEADER, "The source whose key is changed"))
        .parameter(text(
            ParameterIn::Header,
            SIGNATURE_HEADER,
            "Its Ed25519 signature over the body, base64",
        ));
    paths
        .path(ENROL_PATH, PathItem::new(HttpMethod::Post, enrol))
        .path(ROTATE_PATH, PathItem::new(HttpMethod::Post, rotate))
}

fn post<Body: ToSchema, Answer: ToSchema>(summary: &str) -> OperationBuilder {
    taking::<Body>(OperationBuilder::new())
        .summary(Some(summary))
        .response("200", json(summary, RefOr::Ref(Ref::from_schema_name(Answer::name()))))
        .response("400", refusal("The body is not what the route takes"))
        .response("default", refusal("Any other refusal"))
}

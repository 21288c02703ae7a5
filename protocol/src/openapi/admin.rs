//! The routes that tell and change who may send and who may watch.

use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterIn, PathItemBuilder, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, ResponseBuilder};

use super::{SCHEME, get, json, of_get, refusal, text};
use crate::api;

pub(super) fn add(paths: PathsBuilder) -> PathsBuilder {
    let rename = taking::<api::RenameSource>(done("Gives a source another name"));
    let rename = rename.response("409", refusal("The name is taken, or the source is configured"));
    let revoke =
        done("Takes nothing more from a source").response("409", refusal("The source is configured"));
    let sources = PathItemBuilder::new()
        .operation(HttpMethod::Patch, at(rename, "name", "The source's name"))
        .operation(HttpMethod::Delete, at(revoke, "name", "The source's name"));
    let list = administrating("The tokens of those who watch").response("200", schema::<api::ViewerTokens>());
    let create = administrating("Makes a token").response("200", schema::<api::IssuedToken>());
    let create = taking::<api::NewViewerToken>(create).response("409", refusal("The name is taken"));
    let rotate =
        administrating("Puts a new token in the place of one").response("200", schema::<api::IssuedToken>());
    let rotate = rotate.response("404", refusal("There is no such token"));
    let enrol =
        administrating("Makes a code with which a monitor joins").response("200", schema::<api::Enrolment>());
    let listed =
        administrating("The sources that may send").response("200", schema::<api::RegisteredSources>());
    let token = |operation| at(operation, "id", "The token's id");
    paths
        .path("/api/v1/viewer", of_get(get::<api::Viewer, ()>("What the token opens")))
        .path("/api/v1/admin/sources", of_get(listed))
        .path("/api/v1/admin/sources/{name}", sources.build())
        .path("/api/v1/admin/enrolments", of_post(taking::<api::NewEnrolment>(enrol)).build())
        .path("/api/v1/admin/tokens", of_post(create).operation(HttpMethod::Get, list).build())
        .path(
            "/api/v1/admin/tokens/{id}",
            PathItemBuilder::new().operation(HttpMethod::Delete, token(done("Ends a token"))).build(),
        )
        .path("/api/v1/admin/tokens/{id}/rotate", of_post(token(rotate)).build())
}

fn of_post(operation: OperationBuilder) -> PathItemBuilder {
    PathItemBuilder::new().operation(HttpMethod::Post, operation)
}

/// An operation for admin tokens.
fn administrating(summary: &str) -> OperationBuilder {
    OperationBuilder::new()
        .summary(Some(summary))
        .security(SecurityRequirement::new(SCHEME, Vec::<String>::new()))
        .response("400", refusal("A parameter or the body is wrong"))
        .response("401", refusal("The token is missing or wrong"))
        .response("403", refusal("The token opens no admin routes"))
        .response("503", refusal("The store is away, or this server keeps no history"))
        .response("default", refusal("Any other refusal"))
}

/// One that answers without a word.
fn done(summary: &str) -> OperationBuilder {
    administrating(summary)
        .response("204", ResponseBuilder::new().description("Done: every server knows of it").build())
        .response("404", refusal("There is none of that name"))
}

pub(super) fn taking<Body: ToSchema>(operation: OperationBuilder) -> OperationBuilder {
    let schema = RefOr::Ref(Ref::from_schema_name(Body::name()));
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
    operation.request_body(Some(body.build()))
}

fn schema<Answer: ToSchema>() -> ResponseBuilder {
    json("The answer", RefOr::Ref(Ref::from_schema_name(Answer::name())))
}

fn at(operation: OperationBuilder, name: &str, description: &str) -> OperationBuilder {
    operation.parameter(text(ParameterIn::Path, name, description))
}

//! The description of `/api/v1` (`OpenAPI` 3.1), written to `server/assets/openapi.json` by `cargo xtask gen`.

mod admin;
mod joining;

use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, Info, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Ref, RefOr,
    Required, ResponseBuilder, Schema,
};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::api;
use crate::enrol::{EnrolRequest, Enrolled, RotateRequest, Rotated};
use crate::event::EventId;
use crate::problem::Problem;
use crate::timestamp::Timestamp;

const SCHEME: &str = "token";

/// The whole document, as pretty JSON.
pub fn document() -> String {
    let mut json = describe().to_pretty_json().unwrap_or_default();
    json.push('\n');
    json
}

fn describe() -> OpenApi {
    let mut info = Info::new("VibeTea", "1");
    info.description = Some("What the dashboard and scripts ask a VibeTea server.".to_owned());
    let session =
        get::<api::Session, api::SessionQuery>("A session").response("404", refusal("No source has it"));
    let session = session.parameter(text(ParameterIn::Path, "id", "The session's id"));
    let document = OperationBuilder::new()
        .summary(Some("This document"))
        .response("200", json("The document", RefOr::T(Schema::Object(ObjectBuilder::new().build()))))
        .response("default", refusal("Any other refusal"));
    let paths = PathsBuilder::new()
        .path("/api/v1/capabilities", of_get(get::<api::Capabilities, ()>("What the server can do")))
        .path("/api/v1/totals", of_get(get::<api::Totals, ()>("What the store holds")))
        .path("/api/v1/events", of_get(get::<api::EventPage, api::EventsQuery>("Events, the newest first")))
        .path(
            "/api/v1/sessions",
            of_get(get::<api::SessionPage, api::SessionsQuery>("Sessions, latest event first")),
        )
        .path("/api/v1/sessions/{id}", of_get(session))
        .path(
            "/api/v1/counts",
            of_get(get::<api::Counts, api::CountsQuery>(
                "Events by hour, day or hour of the week in a time zone",
            )),
        )
        .path(
            "/api/v1/breakdowns",
            of_get(get::<api::Breakdowns, api::BreakdownsQuery>("Events by tool, project, source and type")),
        )
        .path(
            "/api/v1/ticket",
            PathItem::new(
                HttpMethod::Post,
                get::<api::Ticket, ()>("A single-use ticket for the live stream at `/ws`"),
            ),
        )
        .path("/api/v1/openapi.json", of_get(document));
    let paths = joining::add(admin::add(paths));
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components().security_scheme(SCHEME, bearer).build()))
        .build()
}

fn of_get(operation: OperationBuilder) -> PathItem {
    PathItem::new(HttpMethod::Get, operation)
}

/// An operation that asks for the token, with what every such operation answers.
fn get<Answer: ToSchema, Query: Parameters>(summary: &str) -> OperationBuilder {
    let parameters = Query::parameters();
    let mut operation = OperationBuilder::new()
        .summary(Some(summary))
        .security(SecurityRequirement::new(SCHEME, Vec::<String>::new()))
        .response("200", json(summary, RefOr::Ref(Ref::from_schema_name(Answer::name()))))
        .response("401", refusal("The token is missing or wrong"))
        .response("503", refusal("The store is away, or this server keeps no history"))
        .response("default", refusal("Any other refusal"));
    if !parameters.is_empty() {
        operation = operation.response("400", refusal("A parameter is wrong"));
    }
    for parameter in parameters {
        operation = operation.parameter(parameter);
    }
    operation
}

/// What a query type says about itself; `()` is a route without parameters.
trait Parameters {
    fn parameters() -> Vec<Parameter>;
}

impl Parameters for () {
    fn parameters() -> Vec<Parameter> {
        Vec::new()
    }
}

macro_rules! parameters {
    ($($query:ty),*) => {
        $(impl Parameters for $query {
            fn parameters() -> Vec<Parameter> {
                <Self as IntoParams>::into_params(|| Some(ParameterIn::Query))
            }
        })*
    };
}

parameters!(api::EventsQuery, api::SessionsQuery, api::SessionQuery, api::CountsQuery, api::BreakdownsQuery);

/// A text that has to be there.
fn text(place: ParameterIn, name: &str, description: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(String::schema()))
}

fn json(description: &str, schema: RefOr<Schema>) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(description)
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build())
}

fn refusal(description: &str) -> ResponseBuilder {
    json(description, RefOr::Ref(Ref::from_schema_name(Problem::name())))
}

fn components() -> ComponentsBuilder {
    let mut schemas = Vec::new();
    macro_rules! add {
        ($($kind:ty),*) => {
            $(schemas.push((<$kind>::name().into_owned(), <$kind>::schema()));
            <$kind>::schemas(&mut schemas);)*
        };
    }
    add!(
        api::Capabilities,
        api::Ticket,
        api::Totals,
        api::EventPage,
        api::SessionPage,
        api::Counts,
        api::CountsBy,
        api::CountsSplit,
        api::Breakdowns,
        api::Viewer,
        api::RegisteredSources,
        api::RenameSource,
        api::NewEnrolment,
        api::Enrolment,
        api::ViewerTokens,
        api::NewViewerToken,
        api::IssuedToken,
        EnrolRequest,
        Enrolled,
        RotateRequest,
        Rotated,
        Problem
    );
    ComponentsBuilder::new().schemas_from_iter(schemas)
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339 with an offset, in the years 1970 to 9999; UTC in answers"))
            .into()
    }
}

impl ToSchema for Timestamp {}

impl PartialSchema for EventId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^evt_[A-Za-z0-9]{20}$")).into()
    }
}

impl ToSchema for EventId {}

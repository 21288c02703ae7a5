//! TypeScript declarations of what the browser sees, written to `client/src/protocol/` by `cargo xtask gen`.

use ts_rs::TS;

use crate::{api, event_type, history, payload, problem};

/// The whole generated file.
pub fn declarations() -> String {
    let mut file =
        String::from("// Generated from the crate `vibetea-protocol` by `cargo xtask gen`. Do not edit.\n");
    let mut add = |declaration: String| {
        file.push_str("\nexport ");
        file.push_str(&declaration);
        file.push('\n');
    };
    add(event_type::EventType::decl());
    add(payload::SessionAction::decl());
    add(payload::SessionPayload::decl());
    add(payload::ActivityPayload::decl());
    add(payload::ToolStatus::decl());
    add(payload::ToolPayload::decl());
    add(payload::AgentState::decl());
    add(payload::AgentPayload::decl());
    add(payload::SummaryPayload::decl());
    add(payload::ErrorPayload::decl());
    add(history::HourlyAggregate::decl());
    add(history::QueryMeta::decl());
    add(history::QueryAnswer::decl());
    add(history::IngestAnswer::decl());
    add(problem::ErrorCode::decl());
    add(problem::Problem::decl());
    add("type EventBase<T extends EventType, P> = { id: string; source: string; timestamp: string; type: T; payload: P };".to_owned());
    add(concat!(
        "type VibeTeaEvent =\n",
        "  | EventBase<\"session\", SessionPayload>\n",
        "  | EventBase<\"activity\", ActivityPayload>\n",
        "  | EventBase<\"tool\", ToolPayload>\n",
        "  | EventBase<\"agent\", AgentPayload>\n",
        "  | EventBase<\"summary\", SummaryPayload>\n",
        "  | EventBase<\"error\", ErrorPayload>;"
    )
    .to_owned());
    for declaration in api_declarations() {
        add(declaration);
    }
    add("type ControlFrame = { control: \"reset\" };".to_owned());
    file
}

fn api_declarations() -> Vec<String> {
    vec![
        api::Capabilities::decl(),
        api::Ticket::decl(),
        api::Totals::decl(),
        api::EventsQuery::decl(),
        api::EventPage::decl(),
        api::SessionsQuery::decl(),
        api::SessionQuery::decl(),
        api::SessionState::decl(),
        api::ToolUse::decl(),
        api::AgentUse::decl(),
        api::Session::decl(),
        api::SessionPage::decl(),
        api::CountsQuery::decl(),
        api::CountsBy::decl(),
        api::CountsSplit::decl(),
        api::CountBucket::decl(),
        api::HourOfWeek::decl(),
        api::CountsMeta::decl(),
        api::Counts::decl(),
        api::BreakdownsQuery::decl(),
        api::ToolBreakdown::decl(),
        api::ProjectCount::decl(),
        api::SourceCount::decl(),
        api::TypeCount::decl(),
        api::BreakdownsMeta::decl(),
        api::Breakdowns::decl(),
        api::Viewer::decl(),
        api::RegisteredKey::decl(),
        api::RegisteredSource::decl(),
        api::RegisteredSources::decl(),
        api::NewEnrolment::decl(),
        api::Enrolment::decl(),
        api::RenameSource::decl(),
        api::ViewerToken::decl(),
        api::ViewerTokens::decl(),
        api::NewViewerToken::decl(),
        api::IssuedToken::decl(),
    ]
}

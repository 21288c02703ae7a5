use vibetea_protocol::names::{AgentId, AgentType, BaseName, ErrorCategory, SessionId, ToolName};
use vibetea_protocol::payload::ActivityPayload;
use vibetea_protocol::safe::Safe;

fn leaves<T: Safe>() {}

fn main() {
    leaves::<ToolName>();
    leaves::<AgentType>();
    leaves::<ErrorCategory>();
    leaves::<SessionId>();
    leaves::<Option<AgentId>>();
    leaves::<Option<BaseName>>();
    leaves::<Option<u64>>();
    let session_id = SessionId::new("0ccf1a04-1b4c-43b6-8aa5-79e41db43a68").unwrap();
    let _ = ActivityPayload { session_id, project: BaseName::new("shop") };
}

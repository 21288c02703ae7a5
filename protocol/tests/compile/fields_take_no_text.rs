use vibetea_protocol::names::SessionId;
use vibetea_protocol::payload::ActivityPayload;

fn main() {
    let session_id = SessionId::new("0ccf1a04-1b4c-43b6-8aa5-79e41db43a68").unwrap();
    let _ = ActivityPayload { session_id, project: Some("what was typed".to_owned()) };
    let _ = ActivityPayload { session_id, project: None, text: "what was typed".to_owned() };
}

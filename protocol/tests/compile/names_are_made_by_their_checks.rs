use vibetea_protocol::names::{AgentId, BaseName, ToolName};

fn main() {
    let _ = BaseName("a/path".to_owned());
    let _ = AgentId("what was typed".to_owned());
    let _ = ToolName("what was typed");
}

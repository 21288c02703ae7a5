use vibetea_protocol::safe::Safe;

struct Text(String);

impl Safe for Text {
    const HOLDS: &'static str = "anything";
}

fn main() {}

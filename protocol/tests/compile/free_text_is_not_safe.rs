use vibetea_protocol::safe::Safe;

fn leaves<T: Safe>() {}

fn main() {
    leaves::<String>();
    leaves::<&'static str>();
    leaves::<Option<String>>();
    leaves::<Vec<u8>>();
    leaves::<serde_json::Value>();
}

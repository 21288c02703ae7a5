//! Command lines, which every account of the machine can read.

use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vibetea_tests::place::{Place, TOKEN};
use vibetea_tests::wait::until;

const DEADLINE: Duration = Duration::from_secs(30);

/// Those of the secrets that stand in the command line of a process or of one that it has started; none of a process
/// that is not there, or only about to become its program.
fn shown(process: u32, secrets: &[String]) -> Option<Vec<String>> {
    let line = |id: &str| std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let own = line(&process.to_string());
    if own.is_empty() {
        return None;
    }
    let children =
        std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let lines = children.split_whitespace().map(line).chain([own]);
    let text: String = lines.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
    Some(secrets.iter().filter(|secret| text.contains(secret.as_str())).cloned().collect())
}

/// The private key of a place, as somebody might write it, and the token of its viewers.
fn secrets(place: &Place, token: &str) -> Vec<String> {
    let key = place.private_key();
    let hex = key.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    vec![token.to_owned(), STANDARD.encode(key), hex]
}

#[test]
fn no_key_and_no_token_stands_in_a_command_line() {
    let place = Place::new();
    let public = place.make_keys();
    let server = place.start_server(&public);
    let monitor = place.start_monitor(&[]);
    let known = secrets(&place, TOKEN);
    for program in [&server, &monitor] {
        let found = until(DEADLINE, "the program runs", || shown(program.id(), &known));
        assert_eq!(found, Vec::<String>::new());
    }
    let alone = Place::new();
    let up = alone.start("vibetea", &["up", "--port", "0"], &[("VIBETEA_SUBSCRIBER_TOKEN", "")]);
    let said = until(DEADLINE, "it says where the page is", || {
        let said = up.stdout();
        said.ends_with('\n').then_some(said)
    });
    let (_, token) = said.trim().split_once("#token=").expect("it has made a token of its own");
    assert_eq!(shown(up.id(), &secrets(&alone, token)), Some(Vec::new()));
}

/// The twin: a program that is given one as an argument, and one that hands it to another.
#[test]
fn a_secret_in_a_command_line_is_seen_by_the_check() {
    let known = [TOKEN.to_owned()];
    for (script, argument) in [("read line", TOKEN), ("sh -c 'read line' sh \"$SECRET\"; true", "sh")] {
        let mut careless = Command::new("sh")
            .args(["-c", script, argument])
            .env("SECRET", TOKEN)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        until(DEADLINE, "it is seen", || shown(careless.id(), &known).filter(|found| !found.is_empty()));
        // without a line to read they end
        drop(careless.stdin.take());
        careless.wait().unwrap();
    }
}

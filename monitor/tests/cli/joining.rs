use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;
use vibetea_protocol::enrol::{Code, EnrolRequest};
use vibetea_protocol::signing::PublicKey;

use super::{Ended, Home, Server, fs, mode, set_mode};

const CODE: &str = "7K2M-9QXA";
const CONFIG: &str = ".config/vibetea/monitor.toml";
/// No name but the host's.
const NO_NAME: (&str, &str) = ("VIBETEA_SOURCE_ID", "");

/// A server that takes every code, for this name.
fn taking(source: &str) -> Server {
    answering("200 OK", &format!(r#"{{"source":"{source}"}}"#))
}

fn answering(status: &str, body: &str) -> Server {
    Server::saying(&format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

fn refusing(status: &str, code: &str) -> Server {
    answering(status, &format!(r#"{{"error":"{code}","message":"hunter2"}}"#))
}

impl Home {
    fn enroll(&self, url: &str, more: &[&str], environment: &[(&str, &str)]) -> Ended {
        let line: Vec<&str> = ["enroll", url, "--code", CODE].iter().chain(more).copied().collect();
        self.run(&line, environment)
    }

    fn config(&self) -> Option<String> {
        fs::read_to_string(self.path(CONFIG)).ok()
    }

    fn write_settings(&self, text: &str) {
        fs::create_dir_all(self.path(".config/vibetea")).unwrap();
        fs::write(self.path(CONFIG), text).unwrap();
    }

    fn public_key(&self) -> PublicKey {
        PublicKey::from_base64(fs::read_to_string(self.path(".vibetea/key.pub")).unwrap().trim()).unwrap()
    }
}

#[test]
fn a_monitor_makes_its_key_proves_that_it_holds_it_and_writes_its_settings() {
    let (home, server) = (Home::new(), taking("laptop"));
    let ended = home.enroll(&server.url, &[], &[NO_NAME]);
    assert_eq!((ended.status, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
    assert_eq!(mode(&home.path(".vibetea")), 0o700);
    assert_eq!(mode(&home.path(".vibetea/key.priv")), 0o600);

    let bodies = server.bodies();
    let [body] = bodies.as_slice() else { panic!("{} requests", bodies.len()) };
    let request: EnrolRequest = serde_json::from_str(body).unwrap();
    let code: Code = CODE.parse().unwrap();
    assert_eq!((request.code.as_str(), request.source.as_deref()), (CODE, None));
    assert_eq!(request.audience, server.url);
    assert_eq!(request.public_key, home.public_key().to_base64());
    assert!(request.is_proven(&code, &home.public_key()));

    assert_eq!(home.config().unwrap(), format!("server_url = \"{}/\"\nsource_id = \"laptop\"\n", server.url));
    for said in ["Key pair written", "as 'laptop'", CONFIG, "vibetea-monitor service install"] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    let shown = home.run(&["config", "show", "--json"], &[NO_NAME]);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["settings"]["source_id"]["value"], "laptop");
}

#[test]
fn the_key_that_is_there_is_used_and_joining_again_changes_nothing() {
    let (home, server) = (Home::with_key(), taking("laptop"));
    let key = fs::read(home.path(".vibetea/key.priv")).unwrap();
    assert_eq!(home.enroll(&server.url, &[], &[NO_NAME]).status, 0);
    let before = home.config().unwrap();
    let ended = home.enroll(&format!("{}/", server.url), &[], &[NO_NAME]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("says so already"), "{}", ended.stderr);
    assert_eq!(home.config().unwrap(), before);
    assert_eq!(fs::read(home.path(".vibetea/key.priv")).unwrap(), key);
    set_mode(&home.path(".vibetea/key.priv"), 0o644);
    assert_eq!(home.enroll(&server.url, &[], &[NO_NAME]).status, 78, "a key that others can read is no key");
}

#[test]
fn a_server_below_a_path_is_asked_there() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tools/tea/", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let read = stream.read(&mut head).unwrap();
        let body = r#"{"source":"laptop"}"#;
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        String::from_utf8_lossy(&head[..read]).into_owned()
    });
    let ended = home.enroll(&url, &[], &[NO_NAME]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let asked = asked.join().unwrap();
    assert!(asked.starts_with("POST /tools/tea/api/v1/enrol HTTP/1.1\r\n"), "{asked}");
    assert!(home.config().unwrap().contains("/tools/tea\"\n"), "{:?}", home.config());
}

#[test]
fn another_server_in_the_file_is_replaced_only_with_force_and_nothing_else_is_touched() {
    let (home, server) = (Home::new(), taking("laptop"));
    let before = "# by hand\nhistory = \"30d\"\nserver_url = \"https://other.example\" # the old one\n";
    home.write_settings(before);
    let ended = home.enroll(&server.url, &[], &[NO_NAME]);
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("--force") && ended.stderr.contains(CONFIG), "{}", ended.stderr);
    assert!(server.bodies().is_empty(), "the code is not used up");
    assert_eq!(home.config().unwrap(), before);

    assert_eq!(home.enroll(&server.url, &["--force"], &[NO_NAME]).status, 0);
    let expected = before.replace("https://other.example", &format!("{}/", server.url));
    assert_eq!(home.config().unwrap(), format!("source_id = \"laptop\"\n{expected}"));
}

#[test]
fn a_name_that_is_set_goes_with_the_code_and_another_one_is_not_taken_silently() {
    let (home, server) = (Home::new(), refusing("422 X", "source_mismatch"));
    home.write_settings("source_id = \"desk top\"\n");
    let ended = home.enroll(&server.url, &[], &[NO_NAME]);
    assert_eq!(ended.status, 1);
    let request: EnrolRequest = serde_json::from_str(&server.bodies()[0]).unwrap();
    assert_eq!(request.source.as_deref(), Some("desk top"));
    for said in ["'desk top'", "--force", "vibetea-server enroll \"desk top\""] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    let server = taking("laptop");
    assert_eq!(home.enroll(&server.url, &["--force"], &[NO_NAME]).status, 0);
    let request: EnrolRequest = serde_json::from_str(&server.bodies()[0]).unwrap();
    assert_eq!(request.source, None);
    assert!(home.config().unwrap().contains("source_id = \"laptop\""), "{:?}", home.config());
}

#[test]
fn what_wins_over_the_file_in_this_shell_is_said() {
    let (home, server) = (Home::new(), taking("laptop"));
    let shell = [("VIBETEA_SERVER_URL", "https://other.example"), ("VIBETEA_SOURCE_ID", "other")];
    let ended = home.enroll(&server.url, &["--force"], &shell);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    for said in ["VIBETEA_SERVER_URL is \"https://other.example\"", "VIBETEA_SOURCE_ID is \"other\""] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
}

#[test]
fn a_code_does_not_travel_unencrypted_unless_told_so() {
    let home = Home::new();
    let ended = home.enroll("http://tea.example.invalid", &[], &[NO_NAME]);
    assert_eq!(ended.status, 78);
    assert!(ended.stderr.contains("--insecure-http") && ended.stderr.contains("https"), "{}", ended.stderr);
    assert!(!home.path(".vibetea").exists() && home.config().is_none(), "nothing was begun");
    // told so, it tries: there is no machine of that name
    let ended = home.enroll("http://tea.example.invalid", &["--insecure-http"], &[NO_NAME]);
    assert!(ended.stderr.contains("does not answer"), "{}", ended.stderr);
    for url in ["tea.example.org", "ftp://tea.example.org", "https://t/?code=1", "https://u:hunter2@t/"] {
        let ended = home.enroll(url, &[], &[NO_NAME]);
        assert_eq!(ended.status, 78, "{url}");
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
    let ended = home.run(&["enroll", "https://tea.example.org", "--code", "7K2M"], &[]);
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("8 letters and digits"), "{}", ended.stderr);
}

#[test]
fn each_refusal_says_what_to_do_and_nothing_is_written() {
    for (server, words) in [
        (refusing("401 X", "invalid_code"), &["vibetea-server enroll", "15 minutes"][..]),
        (answering("404 Not Found", "<html>"), &["no enrolment", "hosted deployment", "VIBETEA_PUBLIC_KEYS"]),
        (refusing("404 Not Found", "not_found"), &["no enrolment"]),
        (answering("308 X", ""), &["a redirect", "none is followed"]),
        (refusing("503 X", "unavailable"), &["503 unavailable", "in a while"]),
        (refusing("400 X", "invalid_request"), &["400 invalid_request"]),
        (answering("200 OK", "<html>welcome</html>"), &["not as a VibeTea server"]),
        (answering("200 OK", r#"{"source":"a\nb"}"#), &["not as a VibeTea server"]),
    ] {
        let home = Home::new();
        let ended = home.enroll(&server.url, &[], &[NO_NAME]);
        assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{words:?}");
        for word in words {
            assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("hunter2") && !ended.stderr.contains(CODE), "{}", ended.stderr);
        assert_eq!(home.config(), None, "{words:?}");
    }
    let body = r#"{"error":"rate_limited","message":"m"}"#;
    let server = Server::saying(&format!(
        "HTTP/1.1 429 X\r\nretry-after: 17\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    let ended = Home::new().enroll(&server.url, &[], &[NO_NAME]);
    assert!(ended.stderr.contains("17 s") && ended.stderr.contains("stays good"), "{}", ended.stderr);
}

#[test]
fn an_answer_without_end_is_not_waited_for() {
    let endless = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n{\"source\":\"lap");
    let began = Instant::now();
    let ended = Home::new().enroll(&endless.url, &[], &[NO_NAME]);
    assert_eq!(ended.status, 1);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_settings_file_that_cannot_be_used_is_found_before_the_code_is_used() {
    let (home, server) = (Home::new(), taking("laptop"));
    for text in ["server_url = \n", "no_such_setting = 1\n", "source_id = \"\\u0001\"\n"] {
        home.write_settings(text);
        let ended = home.enroll(&server.url, &["--force"], &[NO_NAME]);
        assert_eq!(ended.status, 78, "{text}: {}", ended.stderr);
        assert_eq!(home.config().unwrap(), text);
    }
    assert!(server.bodies().is_empty());
}

#[test]
fn a_settings_file_that_is_named_and_not_there_is_made() {
    let (home, server) = (Home::new(), taking("laptop"));
    let path = home.path("elsewhere/tea.toml");
    let named = [NO_NAME, ("VIBETEA_CONFIG", path.to_str().unwrap())];
    assert_eq!(home.run(&["config", "show"], &named).status, 78, "for everything else it must be there");
    let ended = home.enroll(&server.url, &[], &named);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(fs::read_to_string(&path).unwrap().contains("source_id = \"laptop\""));
    assert_eq!(home.config(), None);
}

#[cfg(target_os = "linux")]
#[test]
fn the_service_is_installed_when_asked_for() {
    let (home, server) = (Home::new(), taking("laptop"));
    let unit = home.path(".config/systemd/user/vibetea-monitor.service");
    let shell = [NO_NAME, ("PATH", "/nowhere"), ("USER", "nobody-of-that-name")];
    assert_eq!(home.enroll(&server.url, &["--no-service"], &shell).status, 0);
    assert!(!unit.exists());
    let ended = home.enroll(&server.url, &["--install-service"], &shell);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(unit.exists(), "{}", ended.stderr);
    assert_eq!(home.enroll(&server.url, &["--no-service", "--install-service"], &shell).status, 2);
}

//! Beyond loopback. A server that others could reach is started in a network of its own alone.

use std::process::Command;
use std::time::Duration;

use vibetea_testkit::Authority;
use vibetea_tests::place::{Place, SOURCE};
use vibetea_tests::program::Program;
use vibetea_tests::skip::skip;
use vibetea_tests::wait::until;

const MISCONFIGURED: i32 = 78;
/// In a network that has nothing but its own loopback.
const ALONE: [&str; 5] = ["unshare", "-rn", "sh", "-c", "ip link set lo up; exec \"$0\" \"$@\""];

fn can_be_alone() -> bool {
    let tried = Command::new("unshare").args(["-rn", "true"]).status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        skip("no network of its own can be made here");
    }
    can
}

fn server(place: &Place, more: &[(&'static str, &str)]) -> Program {
    let keys = format!("{SOURCE}:{}", place.make_keys());
    let mut all = vec![("PORT", "0"), ("VIBETEA_HOST", "0.0.0.0"), ("VIBETEA_PUBLIC_KEYS", keys.as_str())];
    all.push(("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    all.extend_from_slice(more);
    let environment = place.environment_and(&all);
    Program::start_under(&ALONE, "vibetea-server", [] as [&str; 0], environment, &place.logs())
}

#[test]
fn a_server_that_others_could_reach_does_not_start_unprotected() {
    if !can_be_alone() {
        return;
    }
    let ended = server(&Place::new(), &[]).wait(Duration::from_secs(20));
    assert_eq!(ended.status.code(), Some(MISCONFIGURED), "{}", ended.stderr);
    for word in ["VIBETEA_HOST is 0.0.0.0", "VIBETEA_TLS_CERT", "VIBETEA_BEHIND_PROXY"] {
        assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
    }
}

/// The twin: with either of the two it starts.
#[test]
fn with_tls_or_behind_a_proxy_it_does() {
    if !can_be_alone() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = Authority::new().issue(&["tea.example.org"], folder.path());
    let (certificate, key) = (files.certificate.to_string_lossy(), files.key.to_string_lossy());
    for settings in [
        vec![("VIBETEA_TLS_CERT", certificate.as_ref()), ("VIBETEA_TLS_KEY", key.as_ref())],
        vec![("VIBETEA_BEHIND_PROXY", "private")],
    ] {
        let place = Place::new();
        let mut server = server(&place, &settings);
        until(Duration::from_secs(30), "it listens", || {
            if let Some(status) = server.ended() {
                panic!("it ended with {status}: {}", server.stderr());
            }
            server.stderr().contains("\"listening\"").then_some(())
        });
        server.terminate();
        assert!(server.wait(Duration::from_secs(10)).status.success());
    }
}

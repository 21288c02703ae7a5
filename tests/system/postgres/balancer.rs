//! Servers behind nginx, with the very configuration that the documentation gives.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use vibetea_testkit::Cluster;
use vibetea_testkit::lack::skip;
use vibetea_tests::answers::{self, bearer};
use vibetea_tests::place::TOKEN;
use vibetea_tests::program::{free_port, loopback};
use vibetea_tests::socket::Viewer;
use vibetea_tests::wait::until_so;

use super::replica::{Replica, SOURCES, event, id, send};

const DEADLINE: Duration = Duration::from_secs(30);

/// nginx in a folder of its own.
struct Nginx {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    /// `None`, with a word, where it is not installed.
    fn start(replicas: &[&Replica; 2], change: impl Fn(String) -> String) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let address = loopback(free_port());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut site = snippet("nginx");
        for (documented, ours) in ["10.0.0.11:8080", "10.0.0.12:8080"].iter().zip(replicas) {
            site = replaced(&site, documented, &ours.address().to_string());
        }
        site = replaced(&site, "listen 443 ssl;", &format!("listen {address};"));
        site = replaced(&site, "ssl_certificate     /etc/ssl/tea.example.org.pem;", "");
        site = replaced(&site, "ssl_certificate_key /etc/ssl/tea.example.org.key;", "");
        site = replaced(&site, "/var/log/nginx/vibetea.log", &path("access.log"));
        let mut temporary = String::new();
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            // writing to a String cannot fail
            let _ = writeln!(temporary, "{kind}_temp_path {};", path(kind));
        }
        let whole = format!(
            "daemon off;\nmaster_process off;\npid {};\nerror_log {} warn;\nevents {{}}\nhttp {{\n{temporary}{}\n}}\n",
            path("pid"),
            path("error.log"),
            change(site),
        );
        std::fs::write(folder.path().join("nginx.conf"), whole).unwrap();
        let started = Command::new("nginx")
            .args(["-e", &path("error.log"), "-c", &path("nginx.conf")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        let Ok(child) = started else {
            skip("nginx", "nginx is not installed");
            return None;
        };
        let mut nginx = Self { child, address, _folder: folder };
        until_so(DEADLINE, "nginx answers", || {
            assert!(nginx.child.try_wait().unwrap().is_none(), "nginx does not take the configuration");
            answers::get(address, "/livez", &[]).is_some_and(|answer| answer.status == 200)
        });
        Some(nginx)
    }

    fn ticket(&self) -> String {
        let answer = answers::post(self.address, "/api/v1/ticket", &bearer(TOKEN), b"{}").unwrap();
        answer.json()["ticket"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the documentation does not say {from:?}");
    text.replace(from, to)
}

/// The code of that language in the documentation of stores.
fn snippet(language: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/STORES.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(&format!("```{language}\n")).expect("the documentation has a snippet");
    rest.split_once("\n```").expect("the snippet ends").0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_nginx_a_ticket_of_one_server_opens_a_socket_of_another_and_one_may_die() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let (one, mut other) = (Replica::start(&database.url()), Replica::start(&database.url()));
    let Some(nginx) = Nginx::start(&[&one, &other], |site| site) else { return };
    let mut viewers = Vec::new();
    for _ in 0..6 {
        viewers.push(Viewer::open_with_ticket(nginx.address, &nginx.ticket()).await);
    }
    send(nginx.address, "/events", SOURCES[0], &[event(SOURCES[0], 1)], DEADLINE);
    for viewer in &mut viewers {
        assert_eq!(viewer.next(DEADLINE).await["id"], id(1));
    }
    other.kill();
    for number in 2..12 {
        send(nginx.address, "/events", SOURCES[0], &[event(SOURCES[0], number)], DEADLINE);
    }
    let answer = answers::get(nginx.address, "/query", &bearer(TOKEN)).unwrap();
    assert_eq!(answer.json()["aggregates"][0]["eventCount"], 11, "{answer:?}");
}

#[test]
fn a_proxy_that_passes_no_upgrade_on_is_noticed() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let (one, other) = (Replica::start(&database.url()), Replica::start(&database.url()));
    let forgetful = |site: String| replaced(&site, "proxy_set_header Upgrade $http_upgrade;", "");
    let Some(nginx) = Nginx::start(&[&one, &other], forgetful) else { return };
    let path = format!("/ws?ticket={}", nginx.ticket());
    let upgrade =
        ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
    let answer = answers::get(nginx.address, &path, &upgrade.map(str::to_owned)).unwrap();
    assert_eq!(answer.status, 400, "{answer:?}");
}

//! Servers behind nginx and Caddy, with the very configurations that the documentation gives.

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

/// A proxy in a folder of its own.
struct Proxy {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Proxy {
    /// `None`, with a word, where nginx is not installed.
    fn nginx(replicas: &[&Replica; 2], change: impl Fn(String) -> String) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let address = loopback(free_port());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut site = site("nginx", replicas);
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
        std::fs::write(path("nginx.conf"), whole).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-e", &path("error.log"), "-c", &path("nginx.conf")]);
        Self::start("nginx", command, address, folder)
    }

    /// `None`, with a word, where Caddy is not installed.
    fn caddy(replicas: &[&Replica; 2], change: impl Fn(String) -> String) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let address = loopback(free_port());
        let site = site("caddyfile", replicas);
        let ours = format!("http://{address} {{\n    bind {}", address.ip());
        let site = replaced(&site, "tea.example.org {", &ours);
        let whole = format!("{{\n    admin off\n}}\n{}\n", change(site));
        let file = folder.path().join("Caddyfile");
        std::fs::write(&file, whole).unwrap();
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
        for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env(variable, folder.path());
        }
        Self::start("caddy", command, address, folder)
    }

    fn start(program: &str, mut command: Command, address: SocketAddr, folder: TempDir) -> Option<Self> {
        let null = Stdio::null;
        let Ok(child) = command.stdin(null()).stdout(null()).stderr(null()).spawn() else {
            skip(program, &format!("{program} is not installed"));
            return None;
        };
        let mut proxy = Self { child, address, _folder: folder };
        until_so(DEADLINE, "the proxy answers", || {
            assert!(proxy.child.try_wait().unwrap().is_none(), "{program} does not take the configuration");
            answers::get(address, "/livez", &[]).is_some_and(|answer| answer.status == 200)
        });
        Some(proxy)
    }

    fn ticket(&self) -> String {
        let answer = answers::post(self.address, "/api/v1/ticket", &bearer(TOKEN), b"{}").unwrap();
        answer.json()["ticket"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    }

    /// The status of the answer to a request to open a socket.
    fn upgrades(&self) -> u16 {
        let path = format!("/ws?ticket={}", self.ticket());
        let upgrade = [
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        answers::get(self.address, &path, &upgrade.map(str::to_owned)).unwrap().status
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the documentation does not say {from:?}");
    text.replace(from, to)
}

/// The first code of that language in the documentation of stores.
pub(super) fn snippet(language: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/STORES.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(&format!("```{language}\n")).expect("the documentation has a snippet");
    rest.split_once("```").expect("the snippet ends").0.trim_end().to_owned()
}

/// The configuration that the documentation gives, for these servers.
fn site(language: &str, replicas: &[&Replica; 2]) -> String {
    let mut site = snippet(language);
    for (documented, ours) in ["10.0.0.11:8080", "10.0.0.12:8080"].iter().zip(replicas) {
        site = replaced(&site, documented, &ours.address().to_string());
    }
    site
}

/// A ticket of one server opens a socket of another, and one of them may die.
async fn shares(start: impl Fn(&[&Replica; 2]) -> Option<Proxy>) {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let (one, mut other) = (Replica::start(&database.url()), Replica::start(&database.url()));
    let Some(proxy) = start(&[&one, &other]) else { return };
    let mut viewers = Vec::new();
    for _ in 0..6 {
        viewers.push(Viewer::open_with_ticket(proxy.address, &proxy.ticket()).await);
    }
    send(proxy.address, "/events", SOURCES[0], &[event(SOURCES[0], 1)], DEADLINE);
    for viewer in &mut viewers {
        assert_eq!(viewer.next(DEADLINE).await["id"], id(1));
    }
    other.kill();
    for number in 2..12 {
        send(proxy.address, "/events", SOURCES[0], &[event(SOURCES[0], number)], DEADLINE);
    }
    let answer = answers::get(proxy.address, "/query", &bearer(TOKEN)).unwrap();
    assert_eq!(answer.json()["aggregates"][0]["eventCount"], 11, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_behind_nginx_share_what_comes_and_one_may_die() {
    shares(|replicas| Proxy::nginx(replicas, |site| site)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_behind_caddy_share_what_comes_and_one_may_die() {
    shares(|replicas| Proxy::caddy(replicas, |site| site)).await;
}

/// Planted bug: the configuration passes no upgrade on.
#[test]
fn a_proxy_that_passes_no_upgrade_on_is_noticed() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let (one, other) = (Replica::start(&database.url()), Replica::start(&database.url()));
    let replicas = [&one, &other];
    let without_header = |site: String| replaced(&site, "proxy_set_header Upgrade $http_upgrade;", "");
    let removing = |site: String| replaced(&site, "lb_policy", "header_up -Upgrade\n        lb_policy");
    let (nginx, caddy) = (Proxy::nginx(&replicas, without_header), Proxy::caddy(&replicas, removing));
    for proxy in nginx.iter().chain(&caddy) {
        assert_eq!(proxy.upgrades(), 400);
    }
}

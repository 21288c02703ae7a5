//! `/metrics`: what it names, what it never names, and Debian's Prometheus reading it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;
use vibetea_protocol::Clock;
use vibetea_protocol::signing::sign_body;
use vibetea_testkit::lack::skip;
use vibetea_tests::answers::{self, bearer};
use vibetea_tests::place::{Place, SOURCE, TOKEN};
use vibetea_tests::program::{free_port, loopback};
use vibetea_tests::wait::{until, until_so};

const DEADLINE: Duration = Duration::from_mins(1);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Sends `count` live events from number `first` on; answers the status.
fn send(place: &Place, route: &str, first: usize, count: usize) -> u16 {
    let events: Vec<Value> = (first..first + count)
        .map(|number| {
            json!({
                "id": format!("evt_{number:020}"), "source": SOURCE, "timestamp": Clock::System.now(), "type": "tool",
                "payload": {"sessionId": format!("session-{number}"), "project": format!("project-{number}"),
                    "tool": "Read", "status": "started", "context": format!("file-{number}.rs")},
            })
        })
        .collect();
    let body = serde_json::to_vec(&events).unwrap();
    let key = SigningKey::from_bytes(&place.private_key());
    let headers = [format!("X-Source-ID: {SOURCE}"), format!("X-Signature: {}", sign_body(&key, &body))];
    answers::post(loopback(place.port), route, &headers, &body).unwrap().status
}

/// One of everything that is counted.
fn make_everything_happen(place: &Place) {
    let address = loopback(place.port);
    assert_eq!(send(place, "/ingest", 0, 60), 200);
    assert_eq!(send(place, "/ingest", 0, 60), 200);
    assert_eq!(send(place, "/events", 100, 20), 202);
    assert_eq!(answers::get(address, "/query", &bearer(TOKEN)).unwrap().status, 200);
    assert_eq!(answers::get(address, "/query", &bearer("wrong")).unwrap().status, 401);
    let unsigned = [format!("X-Source-ID: {SOURCE}"), "X-Signature: AAAA".to_owned()];
    assert_eq!(answers::post(address, "/events", &unsigned, b"[]").unwrap().status, 401);
}

fn figures(place: &Place) -> String {
    let answer = answers::get(loopback(place.port), "/metrics", &[]).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

fn samples(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

/// The names of all samples.
fn told(text: &str) -> BTreeSet<String> {
    samples(text).map(|line| line.split(['{', ' ']).next().unwrap_or_default().to_owned()).collect()
}

/// Every name with our prefix in a text.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("vibetea_")).map(str::to_owned).collect()
}

/// The queries of all panels, with the values that stand for the board's variables.
fn queries() -> Vec<String> {
    let board: Value = serde_json::from_str(&read("deploy/grafana/vibetea.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let of = |target: &Value| target["expr"].as_str().unwrap().to_owned();
    targets.map(|target| of(target).replace("$instance", ".*").replace("$__rate_interval", "10s")).collect()
}

/// A histogram is documented by its own name; its samples have more.
fn base(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].into_iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

#[test]
fn the_dashboard_the_alerts_and_the_page_name_figures_that_a_server_tells() {
    let place = Place::new();
    let key = place.make_keys();
    let _server = place.start_server(&key);
    make_everything_happen(&place);
    let told = told(&figures(&place));
    let unknown =
        |text: &str| named(text).into_iter().filter(|name| !told.contains(name)).collect::<Vec<_>>();
    assert!(queries().len() > 20);
    assert_eq!(unknown(&queries().join("\n")), Vec::<String>::new(), "{told:?}");
    assert_eq!(unknown(&read("deploy/prometheus/alerts.yml")), Vec::<String>::new());
    // the twin: a name with a slip in it
    assert_eq!(unknown("rate(vibetea_events_stord_total[5m])"), ["vibetea_events_stord_total"]);

    let page = read("docs/OPERATIONS.md");
    let (_, metrics) = page.split_once("\n## Metrics\n").expect("the page has a section on metrics");
    let table: BTreeSet<String> = metrics
        .split("\n## ")
        .next()
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name.to_owned()))
        .filter(|name| name.starts_with("vibetea_"))
        .collect();
    let told: BTreeSet<String> = told.iter().map(|name| base(name).to_owned()).collect();
    assert_eq!(table, told, "the table of docs/OPERATIONS.md (left) and a server (right)");
}

/// Label names, and what stands in the text that a sender chose.
fn unbounded(text: &str) -> Vec<String> {
    const BOUNDED: [&str; 7] = ["method", "route", "status", "code", "type", "version", "le"];
    let mut found = Vec::new();
    for line in samples(text) {
        let labels =
            line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(labels, _)| labels);
        let names = labels.split("\",").filter_map(|label| label.split_once("=\"")).map(|(name, _)| name);
        if names.clone().any(|name| !BOUNDED.contains(&name)) {
            found.push(line.to_owned());
        }
    }
    found
}

#[test]
fn labels_come_from_closed_lists_whatever_is_asked_and_sent() {
    let place = Place::new();
    let key = place.make_keys();
    let _server = place.start_server(&key);
    make_everything_happen(&place);
    let address = loopback(place.port);
    // a first round makes the series that there are to be
    answers::get(address, "/secret-path/0?secret-query", &[]).unwrap();
    answers::get(address, "/api/v1/sessions/session-0", &bearer(TOKEN)).unwrap();
    figures(&place);
    let series = |text: &str| {
        samples(text).map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect::<BTreeSet<_>>()
    };
    let before = series(&figures(&place));
    for number in 1..60 {
        answers::get(address, &format!("/secret-path/{number}?secret-query"), &[]).unwrap();
        answers::get(address, &format!("/api/v1/sessions/session-{number}"), &bearer(TOKEN)).unwrap();
        assert_eq!(send(&place, "/ingest", 1000 + number * 10, 10), 200);
    }
    let after = figures(&place);
    assert_eq!(series(&after), before, "new series (left) came of what was asked");
    for secret in ["secret", "session-", "project-", "file-", SOURCE, TOKEN] {
        assert!(!after.contains(secret), "{secret} stands in the figures");
    }
    assert_eq!(unbounded(&after), Vec::<String>::new());
    // the twin: a figure by source
    let worse = "vibetea_events_stored_total{route=\"events\",source=\"laptop\"} 4";
    assert_eq!(unbounded(&format!("{after}{worse}")), [worse]);
}

/// A Prometheus of its own; it is killed when this value goes.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// With the files of `deploy/prometheus`, but a look every second; none where it is not installed.
    fn start(place: &Place) -> Option<Self> {
        let folder: PathBuf = place.home().join("prometheus");
        std::fs::create_dir_all(&folder).unwrap();
        let config = read("deploy/prometheus/prometheus.yml");
        let config = config.replace("127.0.0.1:8080", &loopback(place.port).to_string()).replace("15s", "1s");
        std::fs::write(folder.join("prometheus.yml"), config).unwrap();
        std::fs::write(folder.join("alerts.yml"), read("deploy/prometheus/alerts.yml")).unwrap();
        let port = free_port();
        let spawned = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={}", loopback(port)))
            .arg("--log.level=error")
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .spawn();
        let prometheus = Self { child: spawned.ok()?, port };
        until_so(DEADLINE, "Prometheus is ready", || {
            answers::get(loopback(port), "/-/ready", &[]).is_some_and(|answer| answer.status == 200)
        });
        Some(prometheus)
    }

    fn ask(&self, path: &str) -> Value {
        let answer = answers::get(loopback(self.port), &format!("/api/v1/{path}"), &[]).unwrap().json();
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].clone()
    }

    /// The series of a query with their values.
    fn query(&self, query: &str) -> Vec<(Value, String)> {
        let encoded: String = byte_serialize(query.as_bytes()).collect();
        let data = self.ask(&format!("query?query={encoded}"));
        let series = data["result"].as_array().unwrap();
        series
            .iter()
            .map(|one| (one["metric"].clone(), one["value"][1].as_str().unwrap().to_owned()))
            .collect()
    }
}

#[test]
fn debians_prometheus_scrapes_a_server_and_every_panel_of_the_dashboard_shows_something() {
    let place = Place::new();
    let key = place.make_keys();
    let _server = place.start_server(&key);
    make_everything_happen(&place);
    let Some(prometheus) = Prometheus::start(&place) else {
        skip("prometheus", "no Prometheus on this system (Debian: `apt-get install prometheus`)");
        return;
    };
    let value = |query: &str| prometheus.query(query).first().map(|(_, value)| value.clone());
    until_so(DEADLINE, "the server is scraped", || value("up{job=\"vibetea\"}").as_deref() == Some("1"));
    for (query, expected) in [
        ("vibetea_events_stored_total{route=\"ingest\"}", "60"),
        ("vibetea_events_duplicate_total{route=\"ingest\"}", "60"),
        ("vibetea_events_stored_total{route=\"events\"}", "20"),
        ("sum(vibetea_store_events)", "80"),
        ("vibetea_store_writable", "1"),
        ("vibetea_http_refusals_total{code=\"invalid_signature\"}", "1"),
        ("vibetea_store_write_duration_seconds_count", "3"),
    ] {
        assert_eq!(value(query).as_deref(), Some(expected), "{query}");
    }
    for query in queries() {
        until(DEADLINE, &format!("a value of {query}"), || value(&query));
    }
    let rules = prometheus.ask("rules");
    let rules = rules["groups"][0]["rules"].as_array().unwrap().clone();
    assert!(rules.len() >= 7 && rules.iter().all(|rule| rule["lastError"].is_null()), "{rules:?}");
    // the second scrape sees what came after the first
    assert_eq!(send(&place, "/events", 500, 7), 202);
    until_so(DEADLINE, "the next events are seen", || {
        value("vibetea_events_stored_total{route=\"events\"}").as_deref() == Some("27")
    });
}

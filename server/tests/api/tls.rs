//! TLS by the server itself.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use reqwest::Certificate;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion, version};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};
use vibetea_testkit::Authority;
use vibetea_testkit::certificates::Files;

use crate::harness::{DEADLINE, SOURCE, Server, Setup, TOKEN, body, event, eventually, id, read_to_close};

const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// An authority, the files it issued, and a server that shows them.
struct Rig {
    authority: Authority,
    files: Files,
    folder: TempDir,
}

impl Rig {
    fn new() -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let files = authority.issue(&NAMES, folder.path());
        Self { authority, files, folder }
    }

    fn setup(&self) -> Setup {
        Setup::new()
            .with("VIBETEA_TLS_CERT", self.files.certificate.to_str().unwrap())
            .with("VIBETEA_TLS_KEY", self.files.key.to_str().unwrap())
    }

    async fn start(&self) -> Server {
        self.setup().start().await
    }
}

/// A client that trusts this authority alone.
fn trusting(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&str],
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn connect(server: &Server, client: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(server.address).await?;
    client.connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// The usual client.
fn usual(authority: &Authority) -> TlsConnector {
    trusting(authority, &[&version::TLS13, &version::TLS12], &["http/1.1"])
}

/// What a request on an open connection is answered with: its first line.
async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    let length = tokio::time::timeout(DEADLINE, stream.read(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer[..length]).lines().next().unwrap_or_default().to_owned()
}

/// The certificate that a new connection is shown; `None` where it is not trusted.
async fn shown(server: &Server, authority: &Authority) -> Option<CertificateDer<'static>> {
    let stream = connect(server, &usual(authority)).await.ok()?;
    Some(stream.get_ref().1.peer_certificates()?.first()?.clone().into_owned())
}

#[tokio::test]
async fn requests_and_streams_come_encrypted() {
    let rig = Rig::new();
    let server = rig.start().await;
    let trusted = Certificate::from_pem(rig.authority.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
    let url = |path: &str| format!("https://localhost:{}{path}", server.address.port());
    let health = client.get(url("/health")).send().await.unwrap();
    assert_eq!(health.status(), 200);
    assert!(health.headers().contains_key("content-security-policy"));

    let tls = connect(&server, &usual(&rig.authority)).await.unwrap();
    let uri = format!("wss://localhost:{}/ws", server.address.port()).parse().unwrap();
    let request = ClientRequestBuilder::new(uri).with_header("Authorization", format!("Bearer {TOKEN}"));
    let (mut stream, _) = client_async(request, tls).await.unwrap();
    let text = body(&[event(1)]);
    let signature = vibetea_protocol::signing::sign_body(&crate::harness::key_of(SOURCE), &text);
    let posted = client
        .post(url("/events"))
        .header("x-source-id", SOURCE)
        .header("x-signature", signature)
        .body(text)
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), 202);
    let Some(Ok(Message::Text(frame))) = tokio::time::timeout(DEADLINE, stream.next()).await.unwrap() else {
        panic!("no frame")
    };
    assert!(frame.contains(&id(1)), "{frame}");
    server.ask_to_stop();
    loop {
        match tokio::time::timeout(DEADLINE, stream.next()).await.unwrap() {
            Some(Ok(Message::Close(frame))) => break assert_eq!(u16::from(frame.unwrap().code), 1001),
            Some(Ok(_)) => {}
            other => panic!("no close frame: {other:?}"),
        }
    }
}

#[tokio::test]
async fn only_who_trusts_the_authority_and_asks_for_the_name_gets_through() {
    let rig = Rig::new();
    let server = rig.start().await;
    assert!(connect(&server, &usual(&rig.authority)).await.is_ok());
    assert!(connect(&server, &usual(&Authority::new())).await.is_err(), "another authority");
    let stream = TcpStream::connect(server.address).await.unwrap();
    let other = ServerName::try_from("tea.example.org").unwrap();
    assert!(usual(&rig.authority).connect(other, stream).await.is_err(), "another name");
}

#[tokio::test]
async fn both_present_versions_are_spoken_and_no_other_protocol() {
    let rig = Rig::new();
    let server = rig.start().await;
    for (offered, spoken) in
        [(&version::TLS12, ProtocolVersion::TLSv1_2), (&version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let client = trusting(&rig.authority, &[offered], &["h2", "http/1.1"]);
        let mut stream = connect(&server, &client).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(spoken));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
        assert_eq!(ask(&mut stream).await, "HTTP/1.1 200 OK");
    }
    let only_two = trusting(&rig.authority, &[&version::TLS13], &["h2"]);
    assert!(connect(&server, &only_two).await.is_err(), "HTTP/2 is not spoken");
    let plain = server.raw("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(!plain.contains("uptime_seconds"), "{plain}");
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_restart_and_no_connection_is_cut() {
    let rig = Rig::new();
    let server = rig.start().await;
    let first = shown(&server, &rig.authority).await.unwrap();
    let mut open = connect(&server, &usual(&rig.authority)).await.unwrap();
    assert_eq!(ask(&mut open).await, "HTTP/1.1 200 OK");
    rig.authority.issue(&NAMES, rig.folder.path());
    let (server, first, authority) = (&server, &first, &rig.authority);
    eventually("the new certificate is shown", || async move {
        // an open connection is kept busy, as an idle one is closed
        shown(server, authority).await.filter(|now| now != first)
    })
    .await;
    assert_eq!(ask(&mut open).await, "HTTP/1.1 200 OK", "what was open is still served");
}

#[tokio::test]
async fn a_broken_new_pair_leaves_the_one_before_it_in_use() {
    let rig = Rig::new();
    let server = rig.start().await;
    let first = shown(&server, &rig.authority).await.unwrap();
    let (chain, key) =
        (std::fs::read(&rig.files.certificate).unwrap(), std::fs::read(&rig.files.key).unwrap());
    std::fs::write(&rig.files.certificate, &chain[..chain.len() / 2]).unwrap();
    // longer than it takes to look twice
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        assert_eq!(shown(&server, &rig.authority).await.as_ref(), Some(&first));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // the way back: the files of before, then a good pair
    std::fs::write(&rig.files.certificate, chain).unwrap();
    std::fs::write(&rig.files.key, key).unwrap();
    assert_eq!(shown(&server, &rig.authority).await.as_ref(), Some(&first));
    rig.authority.issue(&NAMES, rig.folder.path());
    let (server, first, authority) = (&server, &first, &rig.authority);
    eventually("a good pair is taken after broken ones", || async move {
        shown(server, authority).await.filter(|now| now != first)
    })
    .await;
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_given_up() {
    let rig = Rig::new();
    let server = rig.start().await;
    let begun = Instant::now();
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut partial = TcpStream::connect(server.address).await.unwrap();
    partial.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await.unwrap();
    // a handshake without a request after it
    let mut mute = connect(&server, &usual(&rig.authority)).await.unwrap();
    let mute = async {
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(DEADLINE, mute.read_to_end(&mut rest)).await.expect("it is closed");
        rest
    };
    let (_, _, rest) = tokio::join!(read_to_close(&mut silent), read_to_close(&mut partial), mute);
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    assert!(!String::from_utf8_lossy(&rest).contains("200"));
}

#[tokio::test]
async fn handshakes_that_do_not_come_leave_room_for_those_that_do() {
    let rig = Rig::new();
    let server = rig.setup().with("VIBETEA_MAX_CONNECTIONS", "8").start().await;
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(TcpStream::connect(server.address).await.unwrap());
    }
    let (server, client) = (&server, &usual(&rig.authority));
    let answer = eventually("an honest request is answered", || async move {
        Some(ask(&mut connect(server, client).await.ok()?).await)
    })
    .await;
    assert_eq!(answer, "HTTP/1.1 200 OK");
    drop(idle);
}

fn refusal(certificate: Option<&Path>, key: Option<&Path>) -> String {
    let mut setup = Setup::new();
    for (name, path) in [("VIBETEA_TLS_CERT", certificate), ("VIBETEA_TLS_KEY", key)] {
        if let Some(path) = path {
            setup = setup.with(name, path.to_str().unwrap());
        }
    }
    setup.load().err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_pair_that_cannot_be_used_is_refused_with_the_reason() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::new();
    let (certificate, key) = (rig.files.certificate.as_path(), rig.files.key.as_path());
    assert_eq!(refusal(Some(certificate), Some(key)), "", "a good pair");
    let alone = refusal(Some(certificate), None);
    assert!(alone.contains("VIBETEA_TLS_KEY is not set while VIBETEA_TLS_CERT is"), "{alone}");
    let alone = refusal(None, Some(key));
    assert!(alone.contains("VIBETEA_TLS_CERT is not set while VIBETEA_TLS_KEY is"), "{alone}");
    let missing = refusal(Some(Path::new("/nowhere/chain.pem")), Some(key));
    assert!(
        missing.contains("VIBETEA_TLS_CERT cannot be used: /nowhere/chain.pem cannot be read"),
        "{missing}"
    );
    let swapped = refusal(Some(key), Some(certificate));
    assert!(swapped.contains("holds no certificate"), "{swapped}");
    let no_key = refusal(Some(certificate), Some(certificate));
    assert!(
        no_key.contains("VIBETEA_TLS_KEY cannot be used") && no_key.contains("no private key"),
        "{no_key}"
    );
    let elsewhere = tempfile::tempdir().unwrap();
    let other = rig.authority.issue(&NAMES, elsewhere.path());
    let foreign = refusal(Some(certificate), Some(&other.key));
    assert!(foreign.contains("are no pair"), "{foreign}");
    for mode in [0o640, 0o604, 0o620, 0o644] {
        std::fs::set_permissions(key, std::fs::Permissions::from_mode(mode)).unwrap();
        let exposed = refusal(Some(certificate), Some(key));
        assert!(exposed.contains("VIBETEA_TLS_KEY") && exposed.contains("chmod 600"), "{mode:o}: {exposed}");
    }
    let text = std::fs::read_to_string(key).unwrap();
    let secret = text.lines().nth(1).unwrap();
    for told in [alone, missing, swapped, no_key, foreign] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[test]
fn beyond_this_machine_nothing_is_listened_to_unprotected() {
    let rig = Rig::new();
    for host in ["0.0.0.0", "::", "192.168.1.7", "fe80::1"] {
        let refused = Setup::new().with("VIBETEA_HOST", host).refused();
        for word in ["VIBETEA_HOST is", host, "VIBETEA_TLS_CERT", "VIBETEA_TLS_KEY", "VIBETEA_BEHIND_PROXY"] {
            assert!(refused.contains(word), "{word}: {refused}");
        }
        assert_eq!(refused.lines().count(), 2, "one sentence: {refused}");
        let off = Setup::new().with("VIBETEA_HOST", host).with("VIBETEA_BEHIND_PROXY", "false");
        assert!(off.load().is_err());
        // the twins: with either of the two it is
        assert!(rig.setup().with("VIBETEA_HOST", host).load().is_ok());
        for proxies in ["true", "loopback", "private", "10.0.0.5, 172.18.0.0/16"] {
            let behind = Setup::new().with("VIBETEA_HOST", host).with("VIBETEA_BEHIND_PROXY", proxies);
            assert!(behind.load().is_ok(), "{proxies}");
        }
    }
    let wrong = Setup::new().with("VIBETEA_BEHIND_PROXY", "tea.example.org").refused();
    assert!(wrong.contains("VIBETEA_BEHIND_PROXY holds \"tea.example.org\""), "{wrong}");
}

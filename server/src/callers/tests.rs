use axum::http::{HeaderName, HeaderValue};

use super::*;
use crate::config::{AddressRate, PerAddress};

const PROXY: &str = "10.0.0.5";

fn callers(proxies: Option<&str>, rate: (u32, u32)) -> Callers {
    Callers::new(&Exposure {
        tls: None,
        proxies: proxies.map(|text| TrustedProxies::parse(text).unwrap()),
        address_rate: AddressRate { per_second: rate.0, burst: rate.1, on_loopback: false },
        per_address: PerAddress { most: 2, on_loopback: false },
    })
}

fn peer(address: &str) -> Peer {
    Peer { address: address.parse().unwrap(), encrypted: false }
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let pairs = lines.iter().map(|(name, value)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    });
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

fn address(callers: &Callers, from: &str, lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
    callers.caller(peer(from), &headers(&lines)).address.to_string()
}

#[test]
fn behind_a_trusted_proxy_the_nearest_stranger_is_the_caller() {
    let callers = callers(Some("10.0.0.0/8,fd00::1"), (1, 1));
    for (lines, caller) in [
        (&["203.0.113.7"] as &[&str], "203.0.113.7"),
        (&["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (&["1.1.1.1", "203.0.113.7"], "203.0.113.7"),
        (&["203.0.113.7, 10.9.9.9"], "203.0.113.7"),
        (&["203.0.113.7:4711"], "203.0.113.7"),
        (&["[2001:db8::7]:4711"], "2001:db8::7"),
        (&["[2001:db8::7]"], "2001:db8::7"),
        (&["2001:db8::7, fd00::1"], "2001:db8::7"),
        (&["::ffff:203.0.113.7"], "203.0.113.7"),
        (&["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        (&[], PROXY),
        (&["203.0.113.7, unknown"], PROXY),
        (&["203.0.113.7, "], PROXY),
        (&["203.0.113.7, garbage, 10.2.2.2"], "10.2.2.2"),
    ] {
        assert_eq!(address(&callers, PROXY, lines), caller, "{lines:?}");
    }
    assert_eq!(address(&callers, "::ffff:10.0.0.5", &["203.0.113.7"]), "203.0.113.7");
}

/// The twin stands beside it: the same words from a trusted proxy do change something.
#[test]
fn what_a_stranger_writes_about_its_address_changes_nothing() {
    let forged = headers(&[("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "https")]);
    for proxies in [None, Some("10.0.0.5"), Some("loopback")] {
        let callers = callers(proxies, (1, 1));
        let caller = callers.caller(peer("198.51.100.1"), &forged);
        let plain = callers.caller(peer("198.51.100.1"), &HeaderMap::new());
        assert_eq!(caller, plain, "{proxies:?}");
        assert!(!caller.secure && !caller.forwarded);
    }
    let caller = callers(Some("10.0.0.5"), (1, 1)).caller(peer(PROXY), &forged);
    assert!(caller.secure && caller.forwarded && caller.address.is_loopback());
}

#[test]
fn the_scheme_is_the_word_of_the_nearest_proxy() {
    let callers = callers(Some(PROXY), (1, 1));
    let secure = |lines: &[&str]| {
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-proto", *line)).collect();
        callers.caller(peer(PROXY), &headers(&lines)).secure
    };
    assert!(secure(&["https"]) && secure(&["HTTPS"]) && secure(&["http, https"]));
    assert!(!secure(&["http"]) && !secure(&["https, http"]) && !secure(&["https", "http"]) && !secure(&[]));
}

#[test]
fn an_address_that_asks_too_often_waits_and_no_other_does() {
    let callers = callers(Some("loopback"), (10, 3));
    let now = Instant::now();
    let caller = |address: &str| callers.caller(peer("127.0.0.1"), &headers(&[("x-forwarded-for", address)]));
    let asks = |address: &str| callers.admit(&caller(address), now);
    let taken = (0..10).take_while(|_| asks("203.0.113.7").is_ok()).count();
    assert_eq!(taken, 3);
    assert_eq!(asks("203.0.113.7"), Err(1));
    assert_eq!(asks("203.0.113.8"), Ok(()));
    // whoever has a network of its own has it as one
    for last in ["1", "2", "ffff:ffff:ffff:ffff"] {
        assert_eq!(asks(&format!("2001:db8:0:1::{last}").replace("::ffff:ffff", ":ffff:ffff")), Ok(()));
    }
    assert!(asks("2001:db8:0:1::4").is_err());
    assert_eq!(asks("2001:db8:0:2::1"), Ok(()));
}

#[test]
fn failing_to_show_who_one_is_costs_ten_requests() {
    let callers = callers(None, (10, 100));
    let now = Instant::now();
    let guesser = callers.caller(peer("203.0.113.7"), &HeaderMap::new());
    let mut tries = 0;
    while callers.admit(&guesser, now).is_ok() {
        callers.note_failure(&guesser, now);
        tries += 1;
    }
    assert_eq!(tries, 10);
}

#[test]
fn this_machine_is_not_limited_unless_it_is_said() {
    let asked = |on_loopback| {
        let mut callers = callers(None, (1, 1));
        (callers.rate_on_loopback, callers.held_on_loopback) = (on_loopback, on_loopback);
        let local = callers.caller(peer("::ffff:127.0.0.1"), &HeaderMap::new());
        let now = Instant::now();
        let requests = (0..100).take_while(|_| callers.admit(&local, now).is_ok()).count();
        let held: Vec<_> = (0..100).map_while(|_| callers.connect(local.address).ok()).collect();
        (requests, held.len())
    };
    assert_eq!(asked(false), (100, 100));
    assert_eq!(asked(true), (1, 2));
}

#[test]
fn connections_are_counted_by_peer_and_streams_behind_a_proxy_by_caller() {
    let callers = callers(Some(PROXY), (1, 1));
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let stranger = [(); 3].map(|()| callers.connect(address("203.0.113.7")));
    assert!(stranger[1].is_ok() && stranger[2].is_err());
    let proxy: Vec<_> = (0..50).map(|_| callers.connect(address(PROXY))).collect();
    assert!(proxy.iter().all(Result::is_ok), "a proxy brings many callers");
    let behind = callers.caller(peer(PROXY), &headers(&[("x-forwarded-for", "203.0.113.9")]));
    let streams = [(); 3].map(|()| callers.subscribe(&behind));
    assert!(streams[1].is_ok() && streams[2].is_err());
    let direct = callers.caller(peer("203.0.113.7"), &HeaderMap::new());
    assert!(callers.subscribe(&direct).is_ok(), "its connection is counted already");
}

#[test]
fn proxies_are_addresses_networks_and_two_words() {
    let holds = |text: &str, address: &str| {
        TrustedProxies::parse(text).is_some_and(|proxies| proxies.hold(address.parse().unwrap()))
    };
    assert!(holds("10.0.0.5", "10.0.0.5") && !holds("10.0.0.5", "10.0.0.6"));
    assert!(holds("10.0.0.5, 172.18.0.0/16", "172.18.255.1") && holds("fd00::/8", "fd12::1"));
    for word in ["loopback", "true", "Loopback"] {
        assert!(holds(word, "127.0.0.1") && holds(word, "::1") && !holds(word, "10.0.0.1"), "{word}");
    }
    assert!(
        holds("private", "172.31.0.1") && holds("private", "127.0.0.1") && !holds("private", "172.32.0.1")
    );
    for wrong in ["", ",", "proxy", "10.0.0.0/33", "10.0.0", "false", "*", "10.0.0.5;10.0.0.6"] {
        assert_eq!(TrustedProxies::parse(wrong), None, "{wrong}");
    }
}

/// Resident memory of this process; `None` where the system does not tell.
fn resident_bytes() -> Option<usize> {
    let pages: usize = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// What a million different names cost a table of at most `most`, in bytes.
fn cost_of_a_million(most: usize) -> Option<usize> {
    let limit = RateLimit::new(1, 1, most);
    let (before, now) = (resident_bytes()?, Instant::now());
    for number in 0..1_000_000_u32 {
        let block = if number % 2 == 0 { Block::V4(number) } else { Block::V6(u64::from(number) << 20) };
        limit.debit(&block, 5, now);
    }
    Some(resident_bytes()?.saturating_sub(before))
}

#[test]
fn a_million_addresses_cost_less_than_ten_mebibytes() {
    const TEN_MEBIBYTES: usize = 10 << 20;
    let Some(cost) = cost_of_a_million(MOST_ADDRESSES) else {
        eprintln!("skipped: this system does not tell how much memory a process holds");
        return;
    };
    assert!(cost < TEN_MEBIBYTES, "{cost} bytes");
    // the twin: a table without a bound is seen
    let cost = cost_of_a_million(usize::MAX).unwrap();
    assert!(cost > TEN_MEBIBYTES, "{cost} bytes");
}

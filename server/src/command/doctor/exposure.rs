//! From where the server can be reached, and what protects the way.

use vibetea_protocol::Timestamp;
use vibetea_protocol::timestamp::MICROS_PER_DAY;

use super::line::{Line, span};
use crate::config::Config;

const EXPOSURE: &str = "exposure";
const CERTIFICATE: &str = "certificate";
const PROXY: &str = "proxy";
/// Renewals that work leave more than this.
const SOON: i64 = 14 * MICROS_PER_DAY;

pub(super) fn check(config: &Config, now: Timestamp, lines: &mut Vec<Line>) {
    let (host, exposure) = (config.host, &config.exposure);
    lines.push(match (host.is_loopback(), exposure.tls.is_some(), exposure.proxies.is_some()) {
        (true, false, false) => {
            Line::pass(EXPOSURE, format!("listens on {host}, which only this machine reaches"))
        }
        (_, true, _) => Line::pass(EXPOSURE, format!("listens on {host} and speaks TLS")),
        (true, false, true) => {
            Line::pass(EXPOSURE, format!("listens on {host}, for a proxy on this machine"))
        }
        (false, false, _) => Line::warn(
            EXPOSURE,
            format!(
                "listens on {host} without TLS, for proxies: whoever reaches it past them is read on the way"
            ),
            "let a firewall keep everybody but the proxies out",
        ),
    });
    if let Some(pair) = &exposure.tls {
        lines.push(certificate(pair.ends(), now));
    }
    if exposure.proxies.is_some() {
        lines.push(Line::unchecked(PROXY, "whether the proxy speaks TLS is not seen from here"));
    }
}

fn certificate(ends: Option<Timestamp>, now: Timestamp) -> Line {
    let Some(ends) = ends else { return Line::unchecked(CERTIFICATE, "it does not tell when it ends") };
    let left = ends.since(now);
    let renew = "renew it: the server takes the new files by itself";
    match left {
        ..=0 => Line::fail(CERTIFICATE, format!("ended {} ago", span(left)), renew),
        1..SOON => Line::warn(CERTIFICATE, format!("ends in {}", span(left)), renew),
        _ => Line::pass(CERTIFICATE, format!("good for {}", span(left))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Verdict;
    use super::*;

    #[test]
    fn a_certificate_is_told_by_the_time_it_has_left() {
        let day = |number: i64| Timestamp::from_micros(number * MICROS_PER_DAY);
        let now = day(1000).unwrap();
        assert_eq!(certificate(day(1090), now).status, Verdict::Pass);
        assert_eq!(certificate(day(1013), now).status, Verdict::Warn);
        assert_eq!(certificate(day(1000), now).status, Verdict::Fail);
        assert_eq!(certificate(day(999), now).message, "ended 24 h ago");
        assert_eq!(certificate(None, now).status, Verdict::Unchecked);
    }
}

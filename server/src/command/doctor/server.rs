//! The server that runs with these settings: does it answer, and can it store?

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use super::super::ready::{Answer, Target};
use super::line::Line;
use crate::config::Config;

const CHECK: &str = "server";
/// Longer than a server takes that waits for its store.
const PATIENCE: Duration = Duration::from_secs(8);

pub(super) async fn check(config: &Config) -> Line {
    if config.port == 0 {
        return Line::unchecked(CHECK, "it takes any free port, so nobody knows where it runs");
    }
    let target = Target::configured(config);
    let address = target.address;
    let asked = tokio::task::spawn_blocking(move || target.ask(PATIENCE)).await;
    judge(address, asked.unwrap_or_else(|error| Err(io::Error::other(error))))
}

fn judge(address: SocketAddr, asked: io::Result<Answer>) -> Line {
    match asked {
        Ok(Answer::Ready) => Line::pass(CHECK, format!("runs at {address} and can store")),
        Ok(Answer::Unready(reasons)) => Line::fail(
            CHECK,
            format!("runs at {address} and is not ready: {reasons}"),
            "see the lines about the store below, and the server's log",
        ),
        Ok(Answer::Status(status)) => Line::unchecked(
            CHECK,
            format!("{address} answers {status}: another program, or a server with other settings"),
        ),
        Ok(Answer::Foreign) => Line::unchecked(
            CHECK,
            format!("{address} does not speak HTTP: another program, or a server with other settings"),
        ),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Line::warn(
            CHECK,
            format!("none answers at {address}"),
            "start it with `vibetea-server`, unless it is meant to be stopped",
        ),
        Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => Line::fail(
            CHECK,
            format!("{address} does not answer within {} s", PATIENCE.as_secs()),
            "its log says what it waits for; start it again if nothing else helps",
        ),
        Err(error) => Line::unchecked(CHECK, format!("{address} cannot be asked: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Verdict;
    use super::*;

    #[test]
    fn only_a_ready_server_passes_and_only_one_that_cannot_work_fails() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        let verdict = |asked| judge(address, asked).status;
        assert_eq!(verdict(Ok(Answer::Ready)), Verdict::Pass);
        assert_eq!(verdict(Ok(Answer::Status("404".to_owned()))), Verdict::Unchecked);
        assert_eq!(verdict(Ok(Answer::Foreign)), Verdict::Unchecked);
        assert_eq!(verdict(Err(ErrorKind::ConnectionRefused.into())), Verdict::Warn);
        assert_eq!(verdict(Err(ErrorKind::WouldBlock.into())), Verdict::Fail);
        assert_eq!(verdict(Err(ErrorKind::InvalidData.into())), Verdict::Unchecked);
        let told = judge(address, Ok(Answer::Unready("the disk is full".to_owned())));
        assert_eq!(told.status, Verdict::Fail);
        assert!(told.message.contains("the disk is full"), "{told:?}");
    }
}

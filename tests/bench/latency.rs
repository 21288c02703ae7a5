//! From a line appended to a transcript to its event in an open socket, durable in outbox and store on the way.

use std::time::{Duration, Instant};

use anyhow::Result;
use vibetea_protocol::Clock;
use vibetea_tests::place::TOKEN;
use vibetea_tests::socket::Viewer;
use vibetea_tests::transcript::{Appender, Session};

use crate::query::millis;
use crate::report::{Aim, Report, quantile};
use crate::servers::Server;

const LINES: usize = 200;
const APART: Duration = Duration::from_millis(50);
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    let server = Server::start();
    let mut session = Session::new(1, "shop");
    let mut file = Appender::open(&session.path(&server.place.claude()));
    let _monitor = server.place.start_monitor(&[]);
    let mut viewer = Viewer::open(server.address(), TOKEN, "").await;
    // the first line starts a session and gives two events
    file.line(&session.next_line(Clock::System.now()).text);
    viewer.next(DEADLINE).await;
    viewer.next(DEADLINE).await;
    let mut times = Vec::new();
    for _ in 0..LINES {
        tokio::time::sleep(APART).await;
        let line = session.next_line(Clock::System.now()).text;
        let start = Instant::now();
        file.line(&line);
        viewer.next(DEADLINE).await;
        times.push(millis(start.elapsed()));
    }
    report.add("line appended to event in a socket, p50", quantile(&mut times, 0.5), "ms", Aim::AtMost(5.0));
    report.add(
        "line appended to event in a socket, p99",
        quantile(&mut times, 0.99),
        "ms",
        Aim::AtMost(25.0),
    );
    Ok(())
}

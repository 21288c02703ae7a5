//! Memory of the programs idle and under load, and the size of the one-file program.

use std::time::Duration;

use anyhow::{Context as _, Result};
use vibetea_protocol::Clock;
use vibetea_tests::program::{Program, path_of};
use vibetea_tests::stored;
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::wait::until_so;

use crate::events::{Ids, Maker};
use crate::load;
use crate::report::{Aim, Report};
use crate::servers::Server;

const LINES: u32 = 40_000;
const SETTLED: Duration = Duration::from_secs(2);

pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    let server = Server::start();
    let monitor = server.place.start_monitor(&[("VIBETEA_SESSION_SILENCE_SECS", "31536000")]);
    tokio::time::sleep(SETTLED).await;
    report.add("server, idle", resident(&server.program)?, "MB", Aim::AtMost(40.0));
    report.add("monitor, idle", resident(&monitor)?, "MB", Aim::AtMost(20.0));

    let expected = write_lines(&server);
    until_so(Duration::from_mins(2), "every line is stored", || {
        stored::count(&server.place.database()) >= expected
    });
    report.add(format!("monitor, most while {LINES} lines came at once"), peak(&monitor)?, "MB", Aim::None);

    let requests = server.requests("/ingest", &mut Maker::live(Ids::HourFirst, 71), 200, 1000);
    load::send(server.address(), load::spread(requests, 16)).await?;
    report.add(
        "server, most under 200 batches of 1000 over 16 connections",
        peak(&server.program)?,
        "MB",
        Aim::None,
    );
    report.add("server, after the load", resident(&server.program)?, "MB", Aim::None);

    let bytes = std::fs::metadata(path_of("vibetea"))?.len();
    report.add("size of `vibetea`", megabytes(bytes), "MB", Aim::AtMost(20.0));
    Ok(())
}

/// Appends to eight sessions at once; answers how many events must come of it.
fn write_lines(server: &Server) -> u64 {
    let mut events = 0;
    for number in 0..8 {
        let mut session = Session::new(100 + number, "shop");
        let mut file = Appender::open(&session.path(&server.place.claude()));
        for _ in 0..LINES / 8 {
            let line = session.next_line(Clock::System.now());
            events += line.events.len() as u64;
            file.line(&line.text);
        }
    }
    events
}

fn resident(program: &Program) -> Result<f64> {
    program
        .resident_bytes()
        .map(megabytes)
        .context("this system does not tell how much memory a process holds")
}

/// The most memory that a program ever held, in megabytes.
pub(crate) fn peak(program: &Program) -> Result<f64> {
    program.peak_bytes().map(megabytes).context("this system does not tell how much memory a process held")
}

#[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

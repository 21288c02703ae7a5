//! How far the history is read, drawn on a terminal.

use std::io::{self, Write};
use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::pipeline::Progress;

const DRAW_EVERY: Duration = Duration::from_millis(200);
const TEMPLATE: &str = "Reading history {bar:20} {percent:>3} %  {bytes} of {total_bytes}  {msg}  {eta} left";

/// What is drawn on standard error, which the log is written to as well.
static ON_STDERR: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Where a bar on standard error is drawn.
pub(crate) fn on_stderr() -> MultiProgress {
    ON_STDERR.clone()
}

/// Standard error for whole lines: the bar makes room for each.
pub(crate) struct BesideTheBar;

impl Write for BesideTheBar {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        ON_STDERR.suspend(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Draws a bar until the history is read or `stop`, and leaves nothing behind.
pub(crate) async fn show(
    mut progress: watch::Receiver<Progress>,
    bars: MultiProgress,
    stop: CancellationToken,
) {
    let bar = bars.add(ProgressBar::no_length());
    loop {
        let now = *progress.borrow_and_update();
        if now.done || stop.is_cancelled() {
            break;
        }
        draw(&bar, now);
        tokio::select! {
            () = sleep(DRAW_EVERY) => {}
            () = stop.cancelled() => {}
        }
        // nothing new is no reason to draw; a closed channel is the end
        if !matches!(timeout(Duration::from_secs(1), progress.changed()).await, Ok(Ok(())) | Err(_)) {
            break;
        }
    }
    bar.finish_and_clear();
}

/// Nothing to read is nothing to draw.
fn draw(bar: &ProgressBar, now: Progress) {
    if now.total_bytes == 0 {
        return;
    }
    if bar.length().is_none()
        && let Ok(style) = ProgressStyle::with_template(TEMPLATE)
    {
        bar.set_style(style.progress_chars("=> "));
    }
    let Progress { files, total_files, events, .. } = now;
    bar.set_message(format!("{files} of {total_files} files  {events} events"));
    // a file that grows meanwhile gives more than was there at the start
    bar.set_length(now.total_bytes.max(now.bytes));
    bar.set_position(now.bytes);
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike as _};

    use super::*;

    fn drawn(now: Progress) -> String {
        let terminal = InMemoryTerm::new(4, 160);
        let bar =
            ProgressBar::with_draw_target(None, ProgressDrawTarget::term_like(Box::new(terminal.clone())));
        draw(&bar, now);
        terminal.contents()
    }

    #[test]
    fn the_bar_shows_files_bytes_events_and_the_time_left() {
        let now = Progress {
            total_files: 40,
            files: 12,
            total_bytes: 8 << 20,
            bytes: 2 << 20,
            events: 345,
            done: false,
        };
        let text = drawn(now);
        for part in ["25 %", "2.00 MiB of 8.00 MiB", "12 of 40 files", "345 events", "s left"] {
            assert!(text.contains(part), "no {part:?} in {text:?}");
        }
        assert_eq!(drawn(Progress { total_bytes: 0, ..now }), "");
    }

    #[tokio::test(start_paused = true)]
    async fn the_bar_goes_when_the_history_is_read() {
        let terminal = InMemoryTerm::new(4, 160);
        let reading = Progress { total_files: 2, total_bytes: 100, bytes: 50, ..Progress::default() };
        let (progress, seen) = watch::channel(reading);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let bars = MultiProgress::with_draw_target(target);
        let shown = tokio::spawn(show(seen, bars.clone(), CancellationToken::new()));
        tokio::task::yield_now().await;
        assert!(terminal.contents().contains("0 of 2 files"), "{:?}", terminal.contents());
        let bar_is_last =
            || terminal.contents().lines().last().is_some_and(|line| line.starts_with("Reading"));
        bars.suspend(|| terminal.write_line("a line of the log")).unwrap();
        assert!(terminal.contents().starts_with("a line of the log"), "{:?}", terminal.contents());
        assert!(bar_is_last(), "{:?}", terminal.contents());
        // planted bug: a line that the bar hears nothing of
        terminal.write_line("beside").unwrap();
        assert!(!bar_is_last(), "{:?}", terminal.contents());
        terminal.reset();
        progress.send_replace(Progress { done: true, ..reading });
        shown.await.unwrap();
        assert_eq!(terminal.contents(), "");
    }
}

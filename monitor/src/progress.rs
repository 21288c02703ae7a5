//! How far the history is read, drawn on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::pipeline::Progress;

const DRAW_EVERY: Duration = Duration::from_millis(200);
const TEMPLATE: &str = "Reading history {bar:20} {percent:>3} %  {bytes} of {total_bytes}  {msg}  {eta} left";

/// Draws a bar until the history is read or `stop`, and leaves nothing behind.
pub(crate) async fn show(
    mut progress: watch::Receiver<Progress>,
    target: ProgressDrawTarget,
    stop: CancellationToken,
) {
    let bar = ProgressBar::with_draw_target(None, target);
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
    use indicatif::InMemoryTerm;

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
        let shown = tokio::spawn(show(seen, target, CancellationToken::new()));
        tokio::task::yield_now().await;
        assert!(terminal.contents().contains("0 of 2 files"), "{:?}", terminal.contents());
        progress.send_replace(Progress { done: true, ..reading });
        shown.await.unwrap();
        assert_eq!(terminal.contents(), "");
    }
}

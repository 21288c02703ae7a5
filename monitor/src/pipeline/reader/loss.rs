//! While reading pauses, the transcripts hold what is not read; this keeps count of what goes away with them.

use std::time::Instant;

use tracing::warn;

use super::Loop;
use crate::tail::{Lost, Tail};

/// Bytes of unread files in which lines are counted between two looks at everything else.
const COUNT_BYTES: u64 = 8 << 20;

impl Loop {
    /// Whether files have to wait so long that some may be deleted before they are read. History always waits a
    /// little while earlier history is sent.
    pub(super) fn waits_long(&mut self) -> bool {
        let since = *self.history_waits.get_or_insert_with(Instant::now);
        self.reports.current_health().pause.is_some() || since.elapsed() >= self.config.rescan
    }

    /// Takes note of lines that went away unread: a counter, the health and the log.
    pub(super) fn note_lost(&mut self, tail: &mut Tail) {
        let Lost { files, lines } = tail.lost();
        if lines == 0 {
            return;
        }
        let now = self.clock.now();
        // while the disk is full they are kept in mind
        if self.outbox.turn(now, |turn| turn.count("lines_lost", lines)).is_ok() {
            tail.forget_lost();
            self.reports.health(|health| health.lost_lines += lines);
            warn!(files, lines, "transcripts were deleted while reading paused; their unread lines are lost");
        }
    }

    /// Counts on in the files that wait; whether there is more to count.
    pub(in crate::pipeline) fn count_unread(&mut self, tail: &mut Tail) -> bool {
        let more = tail.count_unread(COUNT_BYTES);
        self.reports.health(|health| health.waiting_lines = tail.unread_lines());
        more
    }

    /// Something was read, so nothing waits any more but for its turn.
    pub(super) fn read_on(&mut self) {
        if self.history_waits.take().is_some() {
            self.reports.health(|health| health.waiting_lines = 0);
        }
    }
}

//! A panic's message may quote the text at hand. While a line of a transcript is being understood, a panic is told
//! by its place in our source alone, and costs that line alone.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use tracing::error;

thread_local! {
    /// Whether this thread has text of a transcript at hand.
    static AT_HAND: Cell<bool> = const { Cell::new(false) };
}

/// Does what has text of a transcript at hand; nothing when it panics, whatever it has done until then.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let of_others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !AT_HAND.get() {
                return of_others(panic);
            }
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            error!(place, "a line of a transcript broke the program that reads it; the line is left out");
        }));
    });
    let outer = AT_HAND.replace(true);
    // what is half done is the caller's to know
    let answer = catch_unwind(AssertUnwindSafe(work)).ok();
    AT_HAND.set(outer);
    answer
}

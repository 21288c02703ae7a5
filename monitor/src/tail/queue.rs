//! The order in which files are read: live ones in turn, then history with the newest session first.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet, VecDeque};

/// How urgent a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Somebody is waiting to see it.
    Live,
    /// It can wait for everything live.
    History,
}

/// Newest session first, the session's own file before the files in its folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct HistoryKey {
    newest: Reverse<i64>,
    group: String,
    depth: usize,
    path: String,
}

/// Files that have something to read.
#[derive(Debug, Default)]
pub(super) struct Queue {
    live: VecDeque<String>,
    in_live: HashSet<String>,
    history: BTreeSet<HistoryKey>,
    in_history: std::collections::HashMap<String, HistoryKey>,
}

impl Queue {
    /// Puts a file at the end of its class; `newest` is the last change in its session. A file that waits as
    /// history moves up when it becomes live, and to its new place when its session changed.
    pub(super) fn push(&mut self, path: &str, class: Class, newest: i64) {
        if self.in_live.contains(path) {
            return;
        }
        if let Some(key) = self.in_history.remove(path) {
            self.history.remove(&key);
        }
        match class {
            Class::Live => {
                self.in_live.insert(path.to_owned());
                self.live.push_back(path.to_owned());
            }
            Class::History => {
                let key = HistoryKey {
                    newest: Reverse(newest),
                    group: group(path).to_owned(),
                    depth: path.matches('/').count(),
                    path: path.to_owned(),
                };
                self.in_history.insert(path.to_owned(), key.clone());
                self.history.insert(key);
            }
        }
    }

    pub(super) fn pop(&mut self, history: bool) -> Option<(String, Class)> {
        if let Some(path) = self.live.pop_front() {
            self.in_live.remove(&path);
            return Some((path, Class::Live));
        }
        if !history {
            return None;
        }
        let path = self.history.pop_first()?.path;
        self.in_history.remove(&path);
        Some((path, Class::History))
    }

    /// Every file that waits, in no order.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.in_live.iter().chain(self.in_history.keys()).map(String::as_str)
    }

    pub(super) fn history_len(&self) -> usize {
        self.history.len()
    }

    pub(super) fn live_len(&self) -> usize {
        self.live.len()
    }
}

/// What a session's files share: `project/session` of both `project/session.jsonl` and `project/session/…`.
pub(super) fn group(path: &str) -> &str {
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    match (slashes.next(), slashes.next()) {
        (Some(_), Some(second)) => &path[..second],
        _ => path.strip_suffix(".jsonl").unwrap_or(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_session_comes_first_and_its_own_file_before_its_subagents() {
        let mut queue = Queue::default();
        for (path, newest) in
            [("p/a.jsonl", 5), ("p/b/subagents/agent-1.jsonl", 9), ("p/b.jsonl", 9), ("q/c.jsonl", 7)]
        {
            queue.push(path, Class::History, newest);
        }
        queue.push("p/live.jsonl", Class::Live, 1);
        queue.push("p/a.jsonl", Class::Live, 5);
        assert_eq!(queue.pop(false).unwrap().0, "p/live.jsonl");
        let order: Vec<String> = std::iter::from_fn(|| queue.pop(true).map(|(path, _)| path)).collect();
        assert_eq!(order, ["p/a.jsonl", "p/b.jsonl", "p/b/subagents/agent-1.jsonl", "q/c.jsonl"]);
    }

    #[test]
    fn history_waits_when_it_is_not_wanted() {
        let mut queue = Queue::default();
        queue.push("p/a.jsonl", Class::History, 5);
        assert_eq!(queue.pop(false), None);
        assert_eq!(queue.history_len(), 1);
    }

    #[test]
    fn a_session_and_its_folder_are_one_group() {
        assert_eq!(group("p/s.jsonl"), "p/s");
        assert_eq!(group("p/s/subagents/workflows/wf_1/agent-2.jsonl"), "p/s");
        assert_eq!(group("s.jsonl"), "s");
    }
}

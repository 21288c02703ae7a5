//! Whether the system tells of changes in all folders. Where it does not, they are polled: nothing is lost, but
//! events come later and looking costs more.

use std::path::Path;

use super::Line;
use crate::commands::text::plural;
use crate::pipeline::Following;
use crate::running::Running;
use crate::tail::watch::{Hints, StartWatch, start};

const CHECK: &str = "file events";

pub(super) fn check(claude_dir: &Path, running: Option<&Running>, lines: &mut Vec<Line>) {
    let projects = claude_dir.join("projects");
    if !projects.is_dir() {
        lines.push(Line::unchecked(CHECK, "there is no folder to watch yet"));
        return;
    }
    let folders = walkdir::WalkDir::new(&projects)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_dir())
        .count() as u64;
    lines.push(match running.map(|running| running.health.following) {
        Some(Following::Polling) => limit_reached(folders, "the running monitor gets none from"),
        Some(Following::Events) => Line::pass(
            CHECK,
            format!(
                "the running monitor hears of changes in {}{}",
                plural(folders, "folder", "folders"),
                limits()
            ),
        ),
        Some(Following::Waiting) => {
            Line::unchecked(CHECK, "the running monitor has not found the folder yet")
        }
        None => attempt(&projects, folders, start),
    });
}

/// Watches for a moment, as a run would.
fn attempt(projects: &Path, folders: u64, start: StartWatch) -> Line {
    let (_watch, started) = start(projects, &Hints::default());
    match started {
        Ok(()) => {
            Line::pass(CHECK, format!("{} can be watched{}", plural(folders, "folder", "folders"), limits()))
        }
        Err(error) if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) => {
            limit_reached(folders, "not all can be watched of")
        }
        // its text may name a folder
        Err(_) => Line::warn(
            CHECK,
            "the folder cannot be watched: it is looked at every two seconds instead",
            "a folder on a local disk can be watched",
        ),
    }
}

fn limit_reached(folders: u64, what: &str) -> Line {
    let remedy = if cfg!(target_os = "linux") {
        format!(
            "raise the limits, as root: `sysctl fs.inotify.max_user_watches={}` and \
             `sysctl fs.inotify.max_user_instances=512`, and put both into /etc/sysctl.d/ to keep them",
            (folders * 4).max(524_288)
        )
    } else {
        "close programs that watch many files".to_owned()
    };
    let folders = plural(folders, "folder", "folders");
    Line::warn(CHECK, format!("{what} {folders}{}: it polls instead", limits()), remedy)
}

/// The system's limits, where it has them; they are shared by all programs of a user.
fn limits() -> String {
    let read = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    match (read("max_user_watches"), read("max_user_instances")) {
        (Some(watches), Some(instances)) => format!(" (limits: {watches} watches, {instances} watchers)"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Verdict;

    #[test]
    fn a_limit_that_is_reached_is_warned_of_and_any_other_trouble_too() {
        let folder = tempfile::tempdir().unwrap();
        let verdict = |start| attempt(folder.path(), 1, start);
        assert_eq!(verdict(start).status, Verdict::Pass);
        let full = verdict(|_, _| (None, Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch))));
        assert_eq!(full.status, Verdict::Warn);
        if cfg!(target_os = "linux") {
            assert!(full.remedy.unwrap().contains("max_user_watches=524288"));
        }
        let other = verdict(|_, _| (None, Err(notify::Error::path_not_found().add_path("/secret".into()))));
        assert_eq!(other.status, Verdict::Warn);
        assert!(!other.message.contains("secret"));
    }
}

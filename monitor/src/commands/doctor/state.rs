//! The state folder and the store in it: can it be written, is there room, what does it say of delivery?

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::Line;
use crate::commands::text::{bytes, plural};
use crate::outbox::{DEFAULT_CAP, DeliveryState, DeliveryStatus, Outbox, OutboxError, StatusSnapshot};
use crate::running::Running;

const STATE: &str = "state folder";
const SPACE: &str = "disk space";
const MONITOR: &str = "monitor";
const DELIVERY: &str = "delivery";
const QUARANTINE: &str = "quarantine";
/// Less than this, and the store cannot take what a busy hour brings.
const LEAST_SPACE: u64 = 32 * 1024 * 1024;

/// What a running monitor says of itself.
pub(super) fn check(state_dir: &Path, lines: &mut Vec<Line>) -> Option<Running> {
    let folder = match fs::metadata(state_dir) {
        Ok(_) => state_dir,
        Err(_) => state_dir.ancestors().find(|folder| folder.exists()).unwrap_or(state_dir),
    };
    lines.push(writable(state_dir, folder));
    lines.push(space(folder));
    let status = match Outbox::status(state_dir) {
        Ok(status) => status,
        Err(OutboxError::Missing { .. }) => {
            lines.push(not_running());
            for check in [DELIVERY, QUARANTINE] {
                lines.push(Line::unchecked(check, "no monitor has run with this state folder yet"));
            }
            return None;
        }
        Err(error) => {
            lines.push(Line::fail(
                MONITOR,
                error.to_string(),
                "`vibetea-monitor run` says what becomes of it",
            ));
            return None;
        }
    };
    let running = status.running.then(|| Running::read(state_dir)).flatten();
    lines.push(match (status.running, &running) {
        (true, Some(Running { source, health, .. })) => match health.pause {
            None => Line::pass(MONITOR, format!("running as '{source}'")),
            Some(_) => Line::warn(
                MONITOR,
                format!("running as '{source}', but reading pauses"),
                "`vibetea-monitor status` says why",
            ),
        },
        (true, None) => Line::pass(MONITOR, "running"),
        (false, _) => not_running(),
    });
    lines.push(delivery(&status));
    lines.push(quarantine(&status));
    running
}

fn not_running() -> Line {
    Line::warn(
        MONITOR,
        "not running",
        "start it with `vibetea-monitor run`, or for good with `vibetea-monitor service install`",
    )
}

fn writable(state_dir: &Path, folder: &Path) -> Line {
    let shown = state_dir.display();
    let needed = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    if !folder.is_dir() {
        let message = format!("{} is no folder", folder.display());
        return Line::fail(STATE, message, "move it away, or set state_dir to another folder");
    }
    if let Err(error) = access(folder, needed) {
        return Line::fail(
            STATE,
            format!("{} cannot be written: {error}", folder.display()),
            "give it to this user, or set state_dir to another folder",
        );
    }
    if folder != state_dir {
        return Line::pass(STATE, format!("{shown} is not there yet and can be made"));
    }
    let store = state_dir.join("outbox.db");
    if store.exists() && access(&store, Access::READ_OK | Access::WRITE_OK).is_err() {
        return Line::fail(
            STATE,
            format!("{} cannot be written: another user has made it", store.display()),
            format!("give everything in {shown} to this user"),
        );
    }
    match fs::metadata(state_dir) {
        Ok(metadata) if metadata.permissions().mode() & 0o022 != 0 => Line::warn(
            STATE,
            format!(
                "{shown} has mode {:04o}: others can change what is in it",
                metadata.permissions().mode() & 0o7777
            ),
            format!("run `chmod 700 {shown}`"),
        ),
        Ok(_) => Line::pass(STATE, format!("{shown} can be written")),
        Err(error) => Line::unchecked(STATE, format!("{shown} cannot be looked at: {}", error.kind())),
    }
}

fn space(folder: &Path) -> Line {
    let free = match statvfs(folder) {
        Ok(system) => system.f_bavail.saturating_mul(system.f_frsize),
        Err(error) => return Line::unchecked(SPACE, format!("{} does not say: {error}", folder.display())),
    };
    let message = format!("{} free where the state folder is", bytes(free));
    let remedy = "make room, or set state_dir to a folder on another disk";
    match free {
        0..LEAST_SPACE => Line::fail(SPACE, message, remedy),
        LEAST_SPACE..DEFAULT_CAP => Line::warn(
            SPACE,
            format!("{message}; while the server is away up to {} are needed", bytes(DEFAULT_CAP)),
            remedy,
        ),
        DEFAULT_CAP.. => Line::pass(SPACE, message),
    }
}

fn delivery(status: &StatusSnapshot) -> Line {
    let waiting = status.live.waiting + status.batch.waiting;
    let trouble_of = |delivery: &DeliveryStatus| {
        let report = delivery.report.as_ref()?;
        let bad = matches!(report.state, DeliveryState::Retrying | DeliveryState::Refused);
        bad.then(|| format!("{} ({})", report.state.as_str(), report.error.as_deref().unwrap_or("unknown")))
    };
    let troubles: Vec<String> = [("live", trouble_of(&status.live)), ("batches", trouble_of(&status.batch))]
        .into_iter()
        .filter_map(|(name, trouble)| Some(format!("{name} {}", trouble?)))
        .collect();
    let kept = plural(waiting, "event waits", "events wait");
    if !troubles.is_empty() {
        return Line::warn(
            DELIVERY,
            format!("{}; {kept}, nothing is lost", troubles.join(", ")),
            "see the lines about the server below",
        );
    }
    if status.live.report.is_none() && status.batch.report.is_none() {
        return Line::unchecked(DELIVERY, format!("nothing was sent yet; {kept}"));
    }
    Line::pass(DELIVERY, format!("no error when last tried; {kept}"))
}

fn quarantine(status: &StatusSnapshot) -> Line {
    match status.live.quarantined + status.batch.quarantined {
        0 => Line::pass(QUARANTINE, "empty"),
        count => Line::warn(
            QUARANTINE,
            format!("{} refused by the server and set aside", plural(count, "event was", "events were")),
            "`vibetea-monitor quarantine list` says why; then `quarantine retry` or `quarantine drop`",
        ),
    }
}

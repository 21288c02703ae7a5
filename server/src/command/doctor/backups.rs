//! The newest copy of the store: is there one, and how old is it?

use vibetea_protocol::Clock;

use super::line::{Line, bytes, span};
use crate::backup::Origin;
use crate::config::{Backups, Config};
use crate::upkeep::newest_copy;

const CHECK: &str = "backups";

pub(super) fn check(config: &Config, clock: &Clock) -> Line {
    let Some(origin) = Origin::of(&config.database) else {
        return Line::pass(CHECK, "nothing is kept, so there is nothing to copy");
    };
    let Some(Backups { folder, every, .. }) = &config.upkeep.backups else {
        return Line::warn(
            CHECK,
            "the server makes none",
            "set VIBETEA_BACKUP_DIR, or run `vibetea-server backup FILE` by a timer of your own",
        );
    };
    let shown = folder.display();
    if folder.exists()
        && let Err(error) = std::fs::read_dir(folder)
    {
        let remedy = "give the folder to the server's user, or set VIBETEA_BACKUP_DIR to another";
        return Line::fail(CHECK, format!("{shown} cannot be read: {error}"), remedy);
    }
    let Some((made, path)) = newest_copy(folder, origin.extension()) else {
        return Line::warn(
            CHECK,
            format!("none in {shown} yet"),
            "the server makes the first soon after its start; its log says why if it cannot",
        );
    };
    let age = clock.now().since(made);
    let size = std::fs::metadata(&path).map_or(0, |file| file.len());
    let told = format!("the newest in {shown} is {} old and has {}", span(age.max(0)), bytes(size));
    let due = i64::try_from(every.as_micros()).unwrap_or(i64::MAX);
    if age > due.saturating_mul(2) {
        return Line::fail(CHECK, told, "start the server if it is stopped; its log says why a copy failed");
    }
    Line::pass(CHECK, told)
}

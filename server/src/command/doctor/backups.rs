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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::line::Verdict::{Fail, Pass, Warn};
    use super::*;
    use crate::config::Args;

    fn told(database: &str, folder: Option<&Path>) -> Line {
        let lookup = |name: &str| match name {
            "VIBETEA_UNSAFE_NO_AUTH" => Some("true".to_owned()),
            "VIBETEA_DATABASE_URL" => Some(database.to_owned()),
            "VIBETEA_BACKUP_DIR" => folder.map(|folder| folder.display().to_string()),
            "VIBETEA_BACKUP_EVERY" => Some("24h".to_owned()),
            _ => None,
        };
        let config = Config::load(&Args::default(), &lookup).unwrap();
        check(&config, &Clock::fixed("2026-02-03T12:00:00Z".parse().unwrap()))
    }

    #[test]
    fn the_newest_copy_may_be_late_by_one_and_not_by_two() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("copies");
        let verdict = |folder: &Path| told("sqlite:x.db", Some(folder)).status;
        assert_eq!(verdict(&folder), Warn, "there is none yet");
        fs::create_dir(&folder).unwrap();
        assert_eq!(verdict(&folder), Warn);
        for (name, expected) in [
            ("vibetea-20260201T115959Z.db", Fail),
            ("vibetea-20260201T120000Z.db", Pass),
            ("vibetea-20260203T115900Z.db", Pass),
            // of the future, as after a clock was set back
            ("vibetea-20260204T120000Z.db", Pass),
        ] {
            fs::write(folder.join(name), "x").unwrap();
            let told = told("sqlite:x.db", Some(&folder));
            assert_eq!(told.status, expected, "{name}: {told:?}");
        }
        // those of the other kind of store are no copies of this one
        assert_eq!(told("postgres://x@localhost/x", Some(&folder)).status, Warn);
        let file = root.path().join("file");
        fs::write(&file, "in the way").unwrap();
        let told = told("sqlite:x.db", Some(&file));
        assert!(told.status == Fail && told.message.contains("cannot be read"), "{told:?}");
    }

    #[test]
    fn a_server_without_copies_is_warned_unless_it_keeps_nothing() {
        assert_eq!(told("sqlite:x.db", None).status, Warn);
        assert_eq!(told("none", None).status, Pass);
    }
}

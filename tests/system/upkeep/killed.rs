//! Copies that are cut off leave nothing under the name that was asked for.

use std::path::Path;
use std::time::Duration;

use vibetea_tests::dice::Dice;
use vibetea_tests::program::Program;
use vibetea_tests::skip::skip;

use super::Site;
use super::site::{LONG, events};
use crate::crash::is_soak;

/// Starts something that makes a copy in a file, and is killed.
type Start = fn(&Site, &Path) -> Program;

fn filled(site: &Site) {
    let server = site.start();
    for first in 0..10 {
        site.take("/ingest", &events(first * 900..first * 900 + 900));
    }
    Site::stop(server);
}

/// Kills at random moments; how many files were there under their names without being a whole copy.
fn halves(site: &Site, start: Start) -> usize {
    let mut dice = Dice::new();
    let rounds = if is_soak() { 200 } else { 12 };
    let broken = |round: &i32| {
        let file = site.file(&format!("copy-{round}"));
        let mut program = start(site, &file);
        std::thread::sleep(Duration::from_millis(dice.below(150)));
        program.kill();
        file.exists() && {
            let other = site.like();
            !other.command(&[Path::new("restore"), &file]).status.success() || other.ids().len() != 9000
        }
    };
    (0..rounds).filter(broken).count()
}

#[test]
fn a_copy_that_is_killed_is_whole_or_not_there_and_the_next_one_works() {
    for site in Site::both() {
        filled(&site);
        let start: Start = |site, file| site.command_under(&[], &[Path::new("backup"), file]);
        assert_eq!(halves(&site, start), 0);
        // what a killed one left does not stand in the way
        let file = site.file("last");
        std::fs::write(site.file("last.part"), "half").unwrap();
        // but a database may take a moment to notice that whoever copied is gone
        vibetea_tests::wait::until_so(LONG, "the next copy is made", || {
            let ended = site.command(&[Path::new("backup"), &file]);
            let is_free = ended.status.success();
            assert!(is_free || ended.stderr.contains("another copy"), "{}", ended.stderr);
            is_free
        });
        assert!(!site.file("last.part").exists());
    }
}

/// Planted bug: the copy is written under its name from the begin.
#[test]
fn a_copy_that_grows_under_its_name_is_seen_by_the_check() {
    let site = Site::sqlite();
    filled(&site);
    let start: Start = |site, file| {
        let script = "head -c 200000 \"$1\" > \"$2\"; sleep 60";
        let (from, to) = (site.place.database(), file.to_owned());
        let wrapper = ["sh", "-c", script, "sh", from.to_str().unwrap(), to.to_str().unwrap()];
        let program = site.command_under(&wrapper, &["digest"]);
        vibetea_tests::wait::until_so(LONG, "the copy begins", || to.exists());
        program
    };
    assert!(halves(&site, start) > 0);
}

#[test]
fn a_full_disk_gives_one_clear_error_and_no_file() {
    const SCRIPT: &str = r#"mount -t tmpfs -o size=200k full "$VIBETEA_STATE_DIR" || exit 77
        "$@"; code=$?; ls -A "$VIBETEA_STATE_DIR"; exit $code"#;
    for site in Site::both() {
        filled(&site);
        std::fs::create_dir_all(site.place.state()).unwrap();
        let file = site.place.state().join("copy");
        let wrapper = ["unshare", "-r", "-m", "sh", "-c", SCRIPT, "sh"];
        let ended = site.command_under(&wrapper, &[Path::new("backup"), &file]).wait(LONG);
        if ended.status.code() != Some(1) {
            assert!(!ended.status.success(), "it fitted");
            skip("nobody may have mounts of his own here");
            return;
        }
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        let told = ended.stderr.to_lowercase();
        assert!(told.contains("cannot be written: no s") && told.contains("space"), "{told}");
        assert_eq!(ended.stdout, "", "nothing is left");
        // the store is as it was
        assert_eq!(site.ids().len(), 9000);
    }
}

//! The server's unit, judged by systemd's own tools, and the script for commands beside it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::{read, root, run, skip};

const UNIT: &str = "deploy/systemd/vibetea-server.service";
/// Out of ten; what systemd calls "OK" ends at 5.
const HIGHEST: f64 = 2.0;

/// The unit with its drop-ins and an existing program, in a folder of its own.
fn staged(edit: impl Fn(String) -> String) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("vibetea-server.service");
    let text = read(UNIT).replace("/usr/local/bin/vibetea-server", "/bin/true");
    std::fs::write(&unit, edit(text)).unwrap();
    let drop_ins = folder.path().join("vibetea-server.service.d");
    std::fs::create_dir(&drop_ins).unwrap();
    for entry in std::fs::read_dir(root().join(UNIT).with_extension("service.d")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), drop_ins.join(entry.file_name())).unwrap();
    }
    (folder, unit)
}

fn verify(unit: &PathBuf) -> Option<(bool, String)> {
    run(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(unit))
}

#[test]
fn systemd_finds_no_fault_with_the_unit_and_its_drop_ins() {
    let (_folder, unit) = staged(|text| text);
    let Some((fine, said)) = verify(&unit) else { return };
    assert!(fine && !said.contains("vibetea-server"), "{said}");
    // the twin: a fault is found
    let (_folder, unit) = staged(|text| text.replace("ProtectSystem=strict", "ProtectSystem=strickt"));
    let (_, said) = verify(&unit).unwrap();
    assert!(said.contains("strickt"), "{said}");
}

fn exposure(unit: &PathBuf) -> Option<f64> {
    let (_, said) =
        run(Command::new("systemd-analyze").args(["security", "--offline=true", "--no-pager"]).arg(unit))?;
    let Some((_, rest)) = said.split_once("Overall exposure level for vibetea-server.service: ") else {
        // before its version 250 it judges running services alone
        skip("systemd-analyze", &format!("this systemd-analyze judges no files: {said}"));
        return None;
    };
    Some(rest.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn the_unit_exposes_as_little_as_the_page_says() {
    let (_folder, unit) = staged(|text| text);
    let Some(found) = exposure(&unit) else { return };
    assert!(found <= HIGHEST, "exposure {found}");
    let (_, version) = run(Command::new("systemd-analyze").arg("--version")).unwrap();
    let page = read("docs/OPERATIONS.md");
    if version.starts_with("systemd 252") {
        let sentence = format!("`systemd-analyze security` gives it {found} of 10");
        assert!(page.contains(&sentence), "docs/OPERATIONS.md does not say: {sentence}");
    }
    // the twin: a unit with a door open is judged worse
    let (_folder, unit) =
        staged(|text| text.replace("SystemCallFilter", "#").replace("CapabilityBoundingSet", "#"));
    assert!(exposure(&unit).unwrap() > HIGHEST);
}

#[test]
fn secrets_come_by_credentials_and_a_wrong_configuration_is_not_tried_again() {
    let unit = read(UNIT);
    for line in ["Type=notify", "DynamicUser=yes", "StateDirectory=vibetea", "RestartPreventExitStatus=78"] {
        assert!(unit.lines().any(|own| own == line), "{line}");
    }
    for name in ["database", "metrics", "tls"] {
        let text = read(&format!("{UNIT}.d/{name}.conf"));
        let credentials: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("LoadCredential=")?.split(':').next()).collect();
        assert!(!credentials.is_empty(), "{name}");
        for credential in credentials {
            assert!(text.contains(&format!("=%d/{credential}")), "{name}: nothing is told of {credential}");
        }
    }
}

/// What `vibetea-server` gets to see when the script runs it, on a machine with these drop-ins.
fn as_service(drop_ins: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for name in drop_ins {
        std::fs::write(at(name), "").unwrap();
    }
    let program = |name: &str, text: &str| {
        std::fs::write(at(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    program("vibetea-server", r#"printf '%s;' "${VIBETEA_DATABASE_URL_FILE:-}" "$@""#);
    // as systemd does: the options are for it, and where the credentials are is told in the service alone
    program(
        "systemd-run",
        r#"for one; do case $one in *=LoadCredential=*) export CREDENTIALS_DIRECTORY=/run/here;; --*) ;; *) break;; esac; shift; done
        exec "$@""#,
    );
    let script = read("deploy/systemd/vibetea-server-as-service")
        .replace("/usr/local/bin/vibetea-server", &at("vibetea-server"))
        .replace("/etc/systemd/system/vibetea-server.service.d/", &at(""));
    let mut command = Command::new("sh");
    command.args(["-c", &script, "as-service", "tokens", "create", "--name", "wall screen"]);
    let (fine, said) = run(command.env("PATH", format!("{}:/usr/bin:/bin", at("")))).unwrap();
    assert!(fine, "{said}");
    said
}

#[test]
fn commands_work_on_the_store_that_the_service_uses() {
    assert_eq!(as_service(&["database.conf"]), "/run/here/database;tokens;create;--name;wall screen;");
    assert_eq!(as_service(&["tls.conf"]), ";tokens;create;--name;wall screen;");
}

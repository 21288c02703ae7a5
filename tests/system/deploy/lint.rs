//! What cannot be run here, in the eyes of the field's linters. `.ci/run` installs them.

use std::path::PathBuf;
use std::process::Command;

use super::{read, root, run};

const YAML_RULES: &str = "{extends: default, rules: {line-length: {max: 140}, document-start: disable, \
    truthy: {check-keys: false}, comments: {min-spaces-from-content: 1}}}";

/// Fails where the linter finds something in a file, and where it finds nothing in a broken copy of it.
fn check(linter: &[&str], file: &str, good: &str, broken: &str) {
    let [program, arguments @ ..] = linter else { return };
    let lint = |path: &PathBuf| run(Command::new(program).args(arguments).arg(path).current_dir(root()));
    let Some((clean, said)) = lint(&root().join(file)) else { return };
    assert!(clean, "{file}: {said}");
    let text = read(file);
    assert!(text.contains(good), "{file} holds no {good:?}");
    let folder = tempfile::tempdir().unwrap();
    // by its own path, as some linters go by where a file stands
    let copy = folder.path().join(file);
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    std::fs::write(&copy, text.replacen(good, broken, 1)).unwrap();
    let (clean, _) = lint(&copy).unwrap();
    assert!(!clean, "{program} finds nothing wrong with {broken:?} in {file}");
}

#[test]
fn the_container_file_is_clean() {
    check(&["hadolint"], "deploy/container/Dockerfile", "FROM rust:1.95.0-alpine3.22", "FROM rust");
}

#[test]
fn the_image_runs_as_nobody_in_particular_and_looks_after_its_health() {
    let image = read("deploy/container/Dockerfile");
    let last = image.rsplit("\nFROM ").next().unwrap();
    assert!(last.starts_with("scratch\n"), "nothing but the program is in it");
    for line in ["USER 65532:65532", "VOLUME /data", "ENTRYPOINT [\"/vibetea-server\"]"] {
        assert!(last.lines().any(|own| own == line), "{line}");
    }
    assert!(last.contains("CMD [\"/vibetea-server\", \"healthcheck\"]"));
}

#[test]
fn the_compose_files_are_of_their_schema_and_close_every_container() {
    for file in ["deploy/container/compose.sqlite.yaml", "deploy/container/compose.postgres.yaml"] {
        let schema = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec"];
        check(&schema, file, "read_only: true", "read_only: [1]");
        let text = read(file);
        let services = text.lines().filter(|line| line.trim_start().starts_with("image: ")).count();
        for line in
            ["read_only: true", "cap_drop:", "- ALL", "- no-new-privileges:true", "restart: unless-stopped"]
        {
            let found = text.lines().filter(|own| own.trim() == line).count();
            assert_eq!(found, services, "{file}: {line}");
        }
        // published on this machine alone, and secrets by file
        let ports: Vec<&str> = text.lines().filter(|line| line.contains(":8080\"")).collect();
        assert!(ports.len() == 1 && ports[0].contains("\"127.0.0.1:"), "{ports:?}");
        assert!(!text.contains("PASSWORD:") && !text.contains("TOKEN:"), "{file} holds a secret");
    }
}

#[test]
fn the_workflows_are_of_their_schema_pinned_and_grant_little() {
    for (file, good, broken) in [
        (".github/workflows/ci.yml", "runs-on:", "runs-onn:"),
        (".github/workflows/release.yml", "timeout-minutes: 60", "timeout-minutes: soon"),
    ] {
        check(&["check-jsonschema", "--builtin-schema", "vendor.github-workflows"], file, good, broken);
        check(&["zizmor", "--offline", "--no-progress", "--quiet"], file, "@", "@main #");
        let text = read(file);
        assert!(text.contains("\npermissions: {}\n"), "{file} grants by default");
        for line in text.lines().filter_map(|line| line.split_once("uses: ").map(|(_, action)| action)) {
            let (_, version) = line.split_once('@').unwrap();
            let (commit, comment) = version.split_once(" # v").unwrap();
            assert!(commit.len() == 40 && !comment.is_empty(), "{file}: {line} is not pinned to a commit");
        }
    }
    let ci = read(".github/workflows/ci.yml");
    assert!(ci.contains("run: bash .ci/run\n"), "the continuous integration runs what a developer runs");
    let release = read(".github/workflows/release.yml");
    assert!(release.contains("run: cargo xtask dist\n") && release.contains("attest-build-provenance@"));
    // nothing is published that was not tested, or under another version's name
    assert!(release.contains("run: bash .ci/run\n") && release.contains("    needs: [test, build]\n"));
}

/// The step of the release that compares, with another tag and another version.
#[test]
fn a_tag_that_is_not_the_version_ends_the_release() {
    let workflow = read(".github/workflows/release.yml");
    let (_, step) = workflow.split_once("- name: Compare\n        run: |\n").unwrap();
    let script: String = step.split_inclusive('\n').take_while(|line| *line != "\n").collect();
    let ends = |tag: &str, version: &str| {
        let folder = tempfile::tempdir().unwrap();
        let own = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
        let manifest = read("Cargo.toml").replacen(&own, &format!("version = \"{version}\""), 1);
        std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        let mut command = Command::new("sh");
        command.args(["-ec", &script]).env("GITHUB_REF_NAME", tag).current_dir(folder.path());
        run(&mut command).unwrap()
    };
    assert_eq!(ends("v1.2.3", "1.2.3"), (true, String::new()));
    for (tag, version) in [("v1.2.4", "1.2.3"), ("1.2.3", "1.2.3"), ("v1.2.3", "1.2.3-rc1")] {
        let (fine, said) = ends(tag, version);
        assert!(!fine && said.contains(tag), "{tag} {version}: {said}");
    }
}

#[test]
fn every_yaml_file_is_tidy() {
    for file in [
        ".github/workflows/ci.yml",
        ".github/workflows/release.yml",
        "deploy/container/compose.sqlite.yaml",
        "deploy/container/compose.postgres.yaml",
        "deploy/prometheus/prometheus.yml",
        "deploy/prometheus/alerts.yml",
        "deploy/prometheus/alerts.test.yml",
    ] {
        check(&["yamllint", "--strict", "-d", YAML_RULES], file, ":\n", ":  \n");
    }
}

#[test]
fn the_shell_scripts_are_clean() {
    for (file, good, broken) in [
        ("install.sh", "mkdir -p \"$to\"", "mkdir -p $to"),
        ("deploy/systemd/vibetea-server-as-service", "\"$program\" \"$@\"", "$program $@"),
        (".ci/run", "\"${missing[@]}\"", "${missing[@]}"),
    ] {
        check(&["shellcheck"], file, good, broken);
    }
}

#[test]
fn the_alerts_are_rules_and_fire_when_they_should() {
    let folder = root().join("deploy/prometheus");
    let Some((fine, said)) =
        run(Command::new("promtool").args(["check", "rules", "alerts.yml"]).current_dir(&folder))
    else {
        return;
    };
    assert!(fine, "{said}");
    let test = |folder: &PathBuf| {
        run(Command::new("promtool").args(["test", "rules", "alerts.test.yml"]).current_dir(folder)).unwrap()
    };
    let (fine, said) = test(&folder);
    assert!(fine, "{said}");
    // the twin: an alert that never fires
    let copy = tempfile::tempdir().unwrap();
    std::fs::write(copy.path().join("alerts.test.yml"), read("deploy/prometheus/alerts.test.yml")).unwrap();
    let broken = read("deploy/prometheus/alerts.yml")
        .replace("vibetea_store_writable == 0", "vibetea_store_writable == 2");
    std::fs::write(copy.path().join("alerts.yml"), broken).unwrap();
    assert!(!test(&copy.path().to_owned()).0);
}

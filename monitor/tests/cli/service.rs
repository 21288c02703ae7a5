#![cfg(target_os = "linux")]

use std::path::PathBuf;
use std::process::Command;

use super::{Ended, Home, fs, set_mode};

const UNIT: &str = ".config/systemd/user/vibetea-monitor.service";

impl Home {
    /// A home in which the service would run.
    fn ready() -> Self {
        let home = Self::with_key();
        fs::create_dir_all(home.path(".config/vibetea")).unwrap();
        fs::write(
            home.path(".config/vibetea/monitor.toml"),
            "server_url = \"http://127.0.0.1:9\"\nsource_id = \"test-source\"\n",
        )
        .unwrap();
        home
    }

    /// A folder with a `systemctl` that writes down what it is told, and fails from the `fails`th call on.
    fn systemctl(&self, fails: usize) -> PathBuf {
        let folder = self.path("bin");
        fs::create_dir_all(&folder).unwrap();
        let told = self.path("told").display().to_string();
        fs::write(&told, "").unwrap();
        let script =
            format!("#!/bin/sh\necho \"$*\" >> '{told}'\n[ $(/usr/bin/wc -l < '{told}') -lt {fails} ]\n");
        fs::write(folder.join("systemctl"), script).unwrap();
        set_mode(&folder.join("systemctl"), 0o755);
        folder
    }

    fn service(&self, arguments: &[&str], bin: &str) -> Ended {
        let line: Vec<&str> = ["service"].iter().chain(arguments).copied().collect();
        self.run(&line, &[("PATH", bin), ("USER", "nobody-of-that-name")])
    }
}

#[test]
fn install_writes_the_unit_and_has_it_started() {
    let home = Home::ready();
    let bin = home.systemctl(100).display().to_string();
    let printed = home.service(&["install", "--print"], &bin);
    assert_eq!((printed.status, printed.stderr.as_str()), (0, ""));
    assert!(!home.path(UNIT).exists() && !home.path(".local").exists(), "printing does nothing");
    assert_eq!(fs::read_to_string(home.path("told")).unwrap(), "");

    let ended = home.service(&["install"], &bin);
    assert_eq!((ended.status, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(home.path(UNIT)).unwrap(), printed.stdout);
    assert!(ended.stderr.contains("loginctl enable-linger"), "{}", ended.stderr);
    assert!(home.path(".local/state/vibetea").is_dir(), "the one folder it may write to");
    let install = "--user daemon-reload\n--user enable --now vibetea-monitor.service\n";
    assert_eq!(fs::read_to_string(home.path("told")).unwrap(), install);

    assert_eq!(home.service(&["install"], &bin).status, 0);
    let again = format!("{install}{install}--user restart vibetea-monitor.service\n");
    assert_eq!(fs::read_to_string(home.path("told")).unwrap(), again);

    let ended = home.service(&["uninstall"], &bin);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(!home.path(UNIT).exists() && home.path(".vibetea/key.priv").exists());
    let told = fs::read_to_string(home.path("told")).unwrap();
    assert!(told.ends_with("--user disable --now vibetea-monitor.service\n--user daemon-reload\n"), "{told}");
    assert_eq!(home.service(&["uninstall"], &bin).status, 0, "nothing to remove is no error");
}

#[test]
fn the_unit_is_as_people_expect_it() {
    let home = Home::ready();
    let unit = home.service(&["install", "--print"], "/nowhere").stdout;
    let program = env!("CARGO_BIN_EXE_vibetea-monitor");
    let text = unit.replace(program, "PROGRAM").replace(home.folder.path().to_str().unwrap(), "HOME");
    let body: Vec<&str> = text.lines().filter(|line| !line.contains("checksum")).collect();
    insta::assert_snapshot!(body.join("\n"), @r#"
    [Unit]
    Description=VibeTea monitor: ships the safe metadata of coding agents' transcripts
    # an outage of the network is no reason to give up
    StartLimitIntervalSec=0

    [Service]
    Type=exec
    ExecStart="PROGRAM" "--config" "HOME/.config/vibetea/monitor.toml" "run"
    Restart=always
    RestartSec=5
    # a wrong setting does not become right by trying again
    RestartPreventExitStatus=78
    TimeoutStopSec=10
    Nice=5

    # it reads the transcripts and its key, and writes into its state folder alone
    ProtectSystem=strict
    ProtectHome=read-only
    ReadWritePaths="HOME/.local/state/vibetea"
    PrivateTmp=yes
    UMask=0077
    NoNewPrivileges=yes
    LockPersonality=yes
    MemoryDenyWriteExecute=yes
    RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
    RestrictNamespaces=yes
    RestrictRealtime=yes
    RestrictSUIDSGID=yes
    SystemCallArchitectures=native
    SystemCallFilter=@system-service
    SystemCallErrorNumber=EPERM

    [Install]
    WantedBy=default.target
    "#);
}

#[test]
fn systemd_itself_finds_no_fault_with_the_unit() {
    let home = Home::ready();
    let unit = home.path("vibetea-monitor.service");
    fs::write(&unit, home.service(&["install", "--print"], "/nowhere").stdout).unwrap();
    let verify = |unit: &PathBuf| {
        let mut command = Command::new("systemd-analyze");
        command.args(["--user", "verify"]).arg(unit).env("HOME", home.folder.path());
        // it looks for its socket there, and does without where there is none
        command.env("XDG_RUNTIME_DIR", home.folder.path()).output()
    };
    let Ok(verified) = verify(&unit) else {
        println!("skipped: no systemd-analyze on this system");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !said.contains("vibetea-monitor"), "{said}");

    // a unit with a fault is found
    let text = fs::read_to_string(&unit).unwrap();
    fs::write(&unit, text.replace("ProtectSystem=strict", "ProtectSystem=strickt")).unwrap();
    let said = String::from_utf8_lossy(&verify(&unit).unwrap().stderr).into_owned();
    assert!(said.contains("strickt"), "{said}");
}

#[test]
fn without_a_manager_the_commands_are_said() {
    let home = Home::ready();
    let unreachable = home.systemctl(0).display().to_string();
    for bin in ["/nowhere", &unreachable] {
        let ended = home.service(&["install"], bin);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(home.path(UNIT).exists());
        for command in
            ["systemctl --user daemon-reload", "systemctl --user enable --now vibetea-monitor.service"]
        {
            assert!(ended.stderr.contains(command), "{}", ended.stderr);
        }
    }
}

#[test]
fn a_manager_that_refuses_is_an_error() {
    let home = Home::ready();
    let refusing = home.systemctl(2).display().to_string();
    let ended = home.service(&["install"], &refusing);
    assert_eq!(ended.status, 1);
    assert!(
        ended.stderr.contains("`systemctl --user enable --now vibetea-monitor.service` failed"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_unit_that_was_edited_is_left_alone_unless_forced() {
    let home = Home::ready();
    assert_eq!(home.service(&["install"], "/nowhere").status, 0);
    let edited = fs::read_to_string(home.path(UNIT)).unwrap().replace("Nice=5", "Nice=19");
    fs::write(home.path(UNIT), &edited).unwrap();
    for arguments in [["install"], ["uninstall"]] {
        let ended = home.service(&arguments, "/nowhere");
        assert_eq!(ended.status, 1, "{arguments:?}");
        assert!(ended.stderr.contains("--force"), "{}", ended.stderr);
        assert_eq!(fs::read_to_string(home.path(UNIT)).unwrap(), edited);
    }
    assert_eq!(home.service(&["install", "--force"], "/nowhere").status, 0);
    assert_ne!(fs::read_to_string(home.path(UNIT)).unwrap(), edited);
}

#[test]
fn what_the_service_would_not_see_is_said_with_the_lines_for_the_file() {
    let home = Home::with_key();
    let line = ["--server-url", "http://127.0.0.1:9", "service", "install"];
    let ended = home.run(&line, &[("PATH", "/nowhere"), ("VIBETEA_BUFFER_SIZE", "7")]);
    assert_eq!(ended.status, 78);
    assert!(!home.path(UNIT).exists());
    let (_, lines) = ended.stderr.split_once("put there what is set in this shell:").unwrap();
    fs::create_dir_all(home.path(".config/vibetea")).unwrap();
    fs::write(home.path(".config/vibetea/monitor.toml"), lines).unwrap();
    let ended = home.run(&line, &[("PATH", "/nowhere"), ("VIBETEA_BUFFER_SIZE", "8")]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("buffer_size = 8"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("server_url"), "{}", ended.stderr);
    assert!(!fs::read_to_string(home.path(UNIT)).unwrap().contains("127.0.0.1"));
}

#[test]
fn a_service_without_a_key_is_not_installed() {
    let home = Home::ready();
    fs::remove_file(home.path(".vibetea/key.priv")).unwrap();
    let ended = home.service(&["install"], "/nowhere");
    assert_eq!(ended.status, 78);
    assert!(ended.stderr.contains("vibetea-monitor init") && !home.path(UNIT).exists(), "{}", ended.stderr);
}

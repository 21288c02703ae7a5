use super::Home;

#[test]
fn help_and_version_succeed_on_standard_output_in_every_spelling() {
    let home = Home::new();
    for args in [&["help"][..], &["--help"], &["-h"], &["help", "run"], &["run", "--help"]] {
        let ended = home.run(args, &[]);
        assert_eq!(ended.status, 0, "{args:?}");
        assert!(ended.stdout.contains("Usage:"), "{args:?}");
        assert_eq!(ended.stderr, "");
    }
    for args in [["version"], ["--version"], ["-V"]] {
        let ended = home.run(&args, &[]);
        assert_eq!(ended.status, 0, "{args:?}");
        assert_eq!(ended.stdout, format!("vibetea-monitor {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn help_names_every_variable_and_shows_examples() {
    let help = Home::new().run(&["--help"], &[]).stdout;
    for name in [
        "VIBETEA_SERVER_URL",
        "VIBETEA_SUPABASE_URL",
        "VIBETEA_CA_CERT",
        "VIBETEA_SUPABASE_BATCH_INTERVAL_SECS",
        "VIBETEA_SUPABASE_RETRY_LIMIT",
        "VIBETEA_SOURCE_ID",
        "VIBETEA_KEY_PATH",
        "VIBETEA_CLAUDE_DIR",
        "CLAUDE_CONFIG_DIR",
        "VIBETEA_STATE_DIR",
        "VIBETEA_HISTORY",
        "VIBETEA_SESSION_SILENCE_SECS",
        "VIBETEA_BUFFER_SIZE",
        "VIBETEA_BASENAME_ALLOWLIST",
        "RUST_LOG",
        "Examples:",
        "78",
    ] {
        assert!(help.contains(name), "{name}");
    }
}

#[test]
fn wrong_usage_is_2_and_says_what_is_allowed() {
    let home = Home::new();
    for args in [&[][..], &["serve"], &["run", "extra"], &["init", "--farce"], &["status", "--yaml"]] {
        let ended = home.run(args, &[]);
        assert_eq!(ended.status, 2, "{args:?}");
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains("Usage:"), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn every_command_shows_examples() {
    let home = Home::new();
    for command in [
        &["init"][..],
        &["enroll"],
        &["rotate"],
        &["preview"],
        &["run"],
        &["status"],
        &["doctor"],
        &["audit"],
        &["audit", "verify"],
        &["quarantine"],
        &["quarantine", "list"],
        &["quarantine", "retry"],
        &["quarantine", "drop"],
        &["config", "show"],
        &["service", "install"],
        &["service", "uninstall"],
        &["completions"],
    ] {
        let line: Vec<&str> = command.iter().chain(&["--help"]).copied().collect();
        let ended = home.run(&line, &[]);
        assert_eq!(ended.status, 0, "{command:?}");
        assert!(ended.stdout.contains("Examples:\n  vibetea-monitor "), "{command:?}");
        assert!(ended.stdout.contains("--claude-dir <DIR>"), "{command:?}");
        let longest = ended.stdout.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 100, "{command:?}: a line of {longest} characters");
    }
}

#[test]
fn completions_know_every_command() {
    let home = Home::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = home.run(&["completions", shell], &[]);
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{shell}");
        for word in ["preview", "enroll", "rotate", "doctor", "service", "uninstall", "server-url"] {
            assert!(ended.stdout.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(home.run(&["completions", "csh"], &[]).status, 2);
}

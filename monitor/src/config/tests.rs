use super::*;

fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let lookup = |name: &str| {
        variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()).or_else(|| {
            match name {
                "HOME" => Some("/home/dev".to_owned()),
                "VIBETEA_SERVER_URL" => Some("http://127.0.0.1:8080".to_owned()),
                _ => None,
            }
        })
    };
    Config::from_lookup(&lookup)
}

fn error(variables: &[(&str, &str)]) -> String {
    config(variables).unwrap_err().to_string()
}

#[test]
fn a_server_url_alone_is_enough() {
    let config = config(&[]).unwrap();
    assert_eq!(config.shipping.live_url.as_str(), "http://127.0.0.1:8080/events");
    assert_eq!(config.shipping.batch_url.as_str(), "http://127.0.0.1:8080/ingest");
    assert!(!config.shipping.hosted);
    assert!(config.shipping.same_origin());
    assert_eq!(config.shipping.batch_interval, Duration::from_mins(1));
    assert_eq!(config.shipping.retry_limit, 3);
    assert_eq!(config.shipping.buffer_size, 1000);
    assert_eq!(config.reading.session_silence, Duration::from_mins(30));
    assert_eq!(config.reading.history, History::All);
    assert_eq!(config.reading.basename_allowlist, None);
    assert_eq!(config.identity.key_dir, PathBuf::from("/home/dev/.vibetea"));
    assert_eq!(config.reading.claude_dir, PathBuf::from("/home/dev/.claude"));
    assert_eq!(config.state_dir, PathBuf::from("/home/dev/.local/state/vibetea"));
}

#[test]
fn base_paths_and_trailing_slashes_are_fine() {
    for (server, live) in [
        ("http://tea.example:8080/", "http://tea.example:8080/events"),
        ("https://tea.example/base//", "https://tea.example/base/events"),
        ("http://[::1]:8080/a/b", "http://[::1]:8080/a/b/events"),
    ] {
        let config = config(&[("VIBETEA_SERVER_URL", server)]).unwrap();
        assert_eq!(config.shipping.live_url.as_str(), live);
    }
    for (hosted, batch) in [
        ("https://x.supabase.co/functions/v1", "https://x.supabase.co/functions/v1/ingest"),
        ("http://tea.example:8080/functions/v1/", "http://tea.example:8080/functions/v1/ingest"),
        ("http://tea.example:8080", "http://tea.example:8080/ingest"),
    ] {
        let config = config(&[("VIBETEA_SUPABASE_URL", hosted)]).unwrap();
        assert_eq!(config.shipping.batch_url.as_str(), batch);
        assert!(config.shipping.hosted);
        assert!(!config.shipping.same_origin());
    }
}

#[test]
fn same_origin_is_scheme_host_and_port() {
    let same = |server: &str, hosted: &str| {
        let variables = [("VIBETEA_SERVER_URL", server), ("VIBETEA_SUPABASE_URL", hosted)];
        config(&variables).unwrap().shipping.same_origin()
    };
    assert!(same("https://tea.example", "https://tea.example:443/functions/v1"));
    assert!(!same("https://tea.example", "http://tea.example/functions/v1"));
    assert!(!same("http://tea.example:8080", "http://tea.example:8081"));
    assert!(!same("http://tea.example", "http://other.example"));
}

#[test]
fn every_wrong_variable_is_named_with_what_it_held_and_what_is_allowed() {
    let text = error(&[
        ("VIBETEA_SERVER_URL", "ftp://tea.example/?token=hunter2"),
        ("VIBETEA_SUPABASE_URL", "tea.example"),
        ("VIBETEA_SUPABASE_BATCH_INTERVAL_SECS", "0"),
        ("VIBETEA_SUPABASE_RETRY_LIMIT", "eleven"),
        ("VIBETEA_SOURCE_ID", "a\nb"),
        ("VIBETEA_BUFFER_SIZE", "-1"),
        ("VIBETEA_HISTORY", "30"),
        ("VIBETEA_SESSION_SILENCE_SECS", "1.5"),
        ("VIBETEA_BASENAME_ALLOWLIST", "rs,../x"),
        ("VIBETEA_CONTEXT", "no"),
        ("VIBETEA_PROJECT_NAMES", "none"),
        ("VIBETEA_MCP_ALLOWLIST", "github,*"),
    ]);
    insta::assert_snapshot!(text, @r#"
    the configuration cannot be used
      VIBETEA_SERVER_URL is "ftp://tea.example/?***": an http or https URL such as http://127.0.0.1:8080 is allowed
      VIBETEA_SUPABASE_URL is "tea.example": an http or https URL such as http://127.0.0.1:8080 is allowed
      VIBETEA_SUPABASE_BATCH_INTERVAL_SECS is "0": a whole number from 1 to 86400 is allowed
      VIBETEA_SUPABASE_RETRY_LIMIT is "eleven": a whole number from 1 to 10 is allowed
      VIBETEA_SOURCE_ID is "a\nb": 1 to 128 characters without control characters are allowed
      VIBETEA_HISTORY is "30": 'all', 'off' or a number of days from 1 to 9999 such as '30d' is allowed
      VIBETEA_SESSION_SILENCE_SECS is "1.5": a whole number from 1 to 31536000 is allowed
      VIBETEA_BUFFER_SIZE is "-1": a whole number from 1 to 1000000 is allowed
      VIBETEA_BASENAME_ALLOWLIST is "rs,../x": extensions with commas between them, such as 'rs,ts,md', are allowed
      VIBETEA_CONTEXT is "no": 'on' or 'off' is allowed
      VIBETEA_PROJECT_NAMES is "none": 'basename', 'hash' or 'off' is allowed
      VIBETEA_MCP_ALLOWLIST is "github,*": names of MCP servers with commas between them, such as 'github,playwright', are allowed
    "#);
}

#[test]
fn what_is_missing_is_named_once() {
    let text = Config::from_lookup(&|_| None).unwrap_err().to_string();
    insta::assert_snapshot!(text, @r"
    the configuration cannot be used
      VIBETEA_SERVER_URL is not set, nor --server-url or the key 'server_url': an http or https URL such as http://127.0.0.1:8080 is required
      VIBETEA_KEY_PATH is not set and HOME neither: a folder is required
      VIBETEA_CLAUDE_DIR is not set and HOME neither: a folder is required
      VIBETEA_STATE_DIR is not set and HOME neither: a folder is required
    ");
}

#[test]
fn a_password_in_a_url_is_refused_and_not_shown() {
    let text = error(&[("VIBETEA_SERVER_URL", "https://dev:hunter2@tea.example")]);
    assert!(text.contains("VIBETEA_SERVER_URL holds a user name or a password"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    for secret in ["dev:hunter2@tea.example", "https://tea.example/?token=hunter2", "hunter2@@x", "a#hunter2"]
    {
        let text = error(&[("VIBETEA_SUPABASE_URL", secret)]);
        assert!(text.contains("VIBETEA_SUPABASE_URL") && !text.contains("hunter2"), "{text}");
        let shown = Settings::read(&|name| (name == "--server-url").then(|| secret.to_owned()));
        assert!(!format!("{:?}", shown.shown()).contains("hunter2"), "{secret}");
    }
}

#[test]
fn history_is_all_off_or_days() {
    let history = |text| config(&[("VIBETEA_HISTORY", text)]).map(|config| config.reading.history);
    assert_eq!(history("").unwrap(), History::All);
    assert_eq!(history("all").unwrap(), History::All);
    assert_eq!(history("off").unwrap(), History::Off);
    assert_eq!(history("30d").unwrap(), History::Days(30));
    for wrong in ["0d", "d", "-1d", "10000d", "30", "ALL", "1w"] {
        assert!(history(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn folders_follow_their_variables() {
    let config = config(&[
        ("VIBETEA_KEY_PATH", "~/keys"),
        ("CLAUDE_CONFIG_DIR", "/srv/claude"),
        ("XDG_STATE_HOME", "/srv/state"),
        ("VIBETEA_BASENAME_ALLOWLIST", ".rs, TS,,"),
    ])
    .unwrap();
    assert_eq!(config.identity.key_dir, PathBuf::from("/home/dev/keys"));
    assert_eq!(config.reading.claude_dir, PathBuf::from("/srv/claude"));
    assert_eq!(config.state_dir, PathBuf::from("/srv/state/vibetea"));
    assert_eq!(config.reading.basename_allowlist, Some(".rs, TS,,".to_owned()));
}

#[test]
fn names_are_sent_unless_they_are_switched_off() {
    let plain = config(&[]).unwrap();
    assert!(plain.reading.context);
    assert_eq!(plain.reading.project_names, ProjectNames::Basename);
    assert_eq!(plain.reading.home.as_deref(), Some("/home/dev"));
    let names = |text| config(&[("VIBETEA_PROJECT_NAMES", text)]).unwrap().reading.project_names;
    assert_eq!(names("basename"), ProjectNames::Basename);
    assert_eq!(names("hash"), ProjectNames::Hash);
    assert_eq!(names(" off "), ProjectNames::Off);
    assert!(config(&[("VIBETEA_CONTEXT", "on")]).unwrap().reading.context);
    assert!(!config(&[("VIBETEA_CONTEXT", "off")]).unwrap().reading.context);
}

#[test]
fn init_needs_no_server() {
    let lookup = |name: &str| (name == "VIBETEA_KEY_PATH").then(|| "/keys".to_owned());
    assert_eq!(IdentityConfig::from_lookup(&lookup).unwrap().key_dir, PathBuf::from("/keys"));
    assert!(state_dir_from_lookup(&lookup).is_err());
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn flag_wins_over_environment_and_environment_over_file() {
    let file = file("server_url = \"http://file.example\"\nbuffer_size = 1\nsource_id = \"file\"\n");
    let path = file.path().to_str().unwrap();
    let with = |more: &[(&str, &str)]| {
        let all: Vec<_> = [("VIBETEA_CONFIG", path)].iter().chain(more).copied().collect();
        let config = config(&all).unwrap();
        (config.shipping.buffer_size, config.identity.source.to_string())
    };
    assert_eq!(with(&[]), (1, "file".to_owned()));
    assert_eq!(with(&[("VIBETEA_BUFFER_SIZE", "2")]), (2, "file".to_owned()));
    assert_eq!(with(&[("VIBETEA_BUFFER_SIZE", "2"), ("--buffer-size", "3")]).0, 3);
    assert_eq!(with(&[("VIBETEA_SOURCE_ID", ""), ("--source-id", "flag")]).1, "flag");
}

#[test]
fn a_value_is_shown_with_where_it_stood() {
    let file = file("history = \"30d\"\nbasename_allowlist = [\".rs\", \"md\"]\n");
    let path = file.path().to_str().unwrap().to_owned();
    let settings = Settings::read(&|name| match name {
        "--config" => Some(path.clone()),
        "--server-url" => Some("https://tea.example".to_owned()),
        "VIBETEA_BUFFER_SIZE" => Some("many".to_owned()),
        "CLAUDE_CONFIG_DIR" => Some("~/claude".to_owned()),
        "HOME" => Some("/home/dev".to_owned()),
        _ => None,
    });
    let shown = |key: &str| {
        let shown = settings.shown().iter().find(|shown| shown.setting.key == key).unwrap();
        (shown.value.clone().unwrap_or_default(), shown.origin.clone())
    };
    let in_file = |key| Origin::File { key, path: path.clone().into() };
    assert_eq!(shown("server_url"), ("https://tea.example".to_owned(), Origin::Flag("--server-url")));
    assert_eq!(shown("buffer_size"), ("many".to_owned(), Origin::Environment("VIBETEA_BUFFER_SIZE")));
    assert_eq!(shown("history"), ("30d".to_owned(), in_file("history")));
    assert_eq!(shown("basename_allowlist"), (".rs,md".to_owned(), in_file("basename_allowlist")));
    assert_eq!(
        shown("claude_dir"),
        ("/home/dev/claude".to_owned(), Origin::Environment("CLAUDE_CONFIG_DIR"))
    );
    assert_eq!(shown("state_dir"), ("/home/dev/.local/state/vibetea".to_owned(), Origin::Default));
    assert_eq!(shown("supabase_url"), (String::new(), Origin::Default));
    assert_eq!(settings.shown().len(), ALL.len());
}

#[test]
fn a_file_is_read_whole_and_holds_no_unknown_key() {
    let error = |text: &str| {
        let file = file(text);
        let path = file.path().to_str().unwrap().to_owned();
        error(&[("--config", &path)]).replace(&path, "FILE")
    };
    insta::assert_snapshot!(error("server_ulr = \"http://a\"\nhistory = 3.5\nbuffer_size = 0\nsession_silence_secs = \"x\"\n"), @r#"
    the configuration cannot be used
      FILE holds the unknown key "server_ulr": one of server_url, supabase_url, ca_cert, supabase_batch_interval_secs, supabase_retry_limit, source_id, key_path, claude_dir, state_dir, history, session_silence_secs, buffer_size, basename_allowlist, context, project_names, mcp_allowlist, log is allowed
      'history' in FILE is of a kind that says nothing here: a text, a number or a list of texts is allowed
      'session_silence_secs' in FILE is "x": a whole number from 1 to 31536000 is allowed
      'buffer_size' in FILE is "0": a whole number from 1 to 1000000 is allowed
    "#);
    insta::assert_snapshot!(error("history = \"all\"\nserver_url = "), @"
    the configuration cannot be used
      --config names FILE, which cannot be read: line 2: string values must be quoted, expected literal string; a TOML file with settings is allowed
    ");
}

#[test]
fn a_file_that_was_named_has_to_be_there_and_the_usual_one_need_not() {
    let text = error(&[("VIBETEA_CONFIG", "/nowhere/monitor.toml")]);
    assert!(text.contains("VIBETEA_CONFIG names /nowhere/monitor.toml, which cannot be read"), "{text}");
    let home = tempfile::tempdir().unwrap();
    let path = home.path().to_str().unwrap();
    assert!(config(&[("XDG_CONFIG_HOME", path)]).is_ok());
    std::fs::create_dir(home.path().join("vibetea")).unwrap();
    std::fs::write(home.path().join("vibetea/monitor.toml"), "buffer_size = 7").unwrap();
    assert_eq!(config(&[("XDG_CONFIG_HOME", path)]).unwrap().shipping.buffer_size, 7);
}

#[test]
fn a_wrong_setting_stops_only_those_who_need_it() {
    let lookup = |name: &str| match name {
        "VIBETEA_BUFFER_SIZE" => Some("x".to_owned()),
        "HOME" => Some("/home/dev".to_owned()),
        _ => None,
    };
    assert!(IdentityConfig::from_lookup(&lookup).is_ok());
    assert!(Settings::read(&lookup).reading().is_ok());
    assert!(Settings::read(&lookup).shipping().is_err());
    let unknown = file("sevrer_url = \"x\"");
    let path = unknown.path().to_str().unwrap().to_owned();
    assert!(
        state_dir_from_lookup(&|name| (name == "--config").then(|| path.clone()).or_else(|| lookup(name)))
            .is_err()
    );
}

#[test]
fn every_setting_has_its_key_its_flag_and_a_place_on_the_command_line() {
    use clap::Parser as _;
    for setting in ALL {
        assert_eq!(setting.flag, format!("--{}", setting.key.replace('_', "-")));
        let line = ["vibetea-monitor", "run", setting.flag, "value"];
        let cli = crate::cli::Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(cli.monitor.flags.get(setting.flag).as_deref(), Some("value"), "{}", setting.flag);
    }
}

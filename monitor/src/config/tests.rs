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
    assert_eq!(config.session_silence, Duration::from_mins(30));
    assert_eq!(config.history, History::All);
    assert_eq!(config.basename_allowlist, None);
    assert_eq!(config.identity.key_dir, PathBuf::from("/home/dev/.vibetea"));
    assert_eq!(config.claude_dir, PathBuf::from("/home/dev/.claude"));
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
        ("VIBETEA_SERVER_URL", "ftp://tea.example"),
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
    ]);
    insta::assert_snapshot!(text, @r#"
    the configuration cannot be used
      VIBETEA_SERVER_URL is "ftp://tea.example": an http or https URL such as http://127.0.0.1:8080 is allowed
      VIBETEA_SUPABASE_URL is "tea.example": an http or https URL such as http://127.0.0.1:8080 is allowed
      VIBETEA_SUPABASE_BATCH_INTERVAL_SECS is "0": a whole number from 1 to 86400 is allowed
      VIBETEA_SUPABASE_RETRY_LIMIT is "eleven": a whole number from 1 to 10 is allowed
      VIBETEA_BUFFER_SIZE is "-1": a whole number from 1 to 1000000 is allowed
      VIBETEA_SESSION_SILENCE_SECS is "1.5": a whole number from 1 to 31536000 is allowed
      VIBETEA_HISTORY is "30": 'all', 'off' or a number of days from 1 to 9999 such as '30d' is allowed
      VIBETEA_BASENAME_ALLOWLIST is "rs,../x": extensions with commas between them, such as 'rs,ts,md', are allowed
      VIBETEA_CONTEXT is "no": 'on' or 'off' is allowed
      VIBETEA_PROJECT_NAMES is "none": 'basename', 'hash' or 'off' is allowed
      VIBETEA_SOURCE_ID is "a\nb": 1 to 128 characters without control characters are allowed
    "#);
}

#[test]
fn what_is_missing_is_named_once() {
    let text = Config::from_lookup(&|_| None).unwrap_err().to_string();
    insta::assert_snapshot!(text, @r"
    the configuration cannot be used
      VIBETEA_SERVER_URL is not set: an http or https URL such as http://127.0.0.1:8080 is required
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
}

#[test]
fn history_is_all_off_or_days() {
    let history = |text| config(&[("VIBETEA_HISTORY", text)]).map(|config| config.history);
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
    assert_eq!(config.claude_dir, PathBuf::from("/srv/claude"));
    assert_eq!(config.state_dir, PathBuf::from("/srv/state/vibetea"));
    assert_eq!(config.basename_allowlist, Some(".rs, TS,,".to_owned()));
}

#[test]
fn names_are_sent_unless_they_are_switched_off() {
    let plain = config(&[]).unwrap();
    assert!(plain.context);
    assert_eq!(plain.project_names, ProjectNames::Basename);
    assert_eq!(plain.home.as_deref(), Some("/home/dev"));
    let names = |text| config(&[("VIBETEA_PROJECT_NAMES", text)]).unwrap().project_names;
    assert_eq!(names("basename"), ProjectNames::Basename);
    assert_eq!(names("hash"), ProjectNames::Hash);
    assert_eq!(names(" off "), ProjectNames::Off);
    assert!(config(&[("VIBETEA_CONTEXT", "on")]).unwrap().context);
    assert!(!config(&[("VIBETEA_CONTEXT", "off")]).unwrap().context);
}

#[test]
fn init_needs_no_server() {
    let lookup = |name: &str| (name == "VIBETEA_KEY_PATH").then(|| "/keys".to_owned());
    assert_eq!(IdentityConfig::from_lookup(&lookup).unwrap().key_dir, PathBuf::from("/keys"));
    assert!(state_dir_from_lookup(&lookup).is_err());
}

use serde_json::{Value, json};

use super::{Home, Server, eventually, fs};

impl Home {
    fn write_config(&self, text: &str) {
        fs::create_dir_all(self.path(".config/vibetea")).unwrap();
        fs::write(self.path(".config/vibetea/monitor.toml"), text).unwrap();
    }

    /// Text with this home's folder replaced by a word, and columns that do not depend on its length.
    fn without_paths(&self, text: &str) -> String {
        let text = text.replace(self.folder.path().to_str().unwrap(), "HOME");
        let narrow = |line: &str| {
            line.split("  ").map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" | ")
        };
        text.lines().map(narrow).collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn the_file_in_the_configuration_folder_is_enough_to_run() {
    let (home, server) = (Home::with_key(), Server::answering(202));
    home.write_config(&format!("server_url = \"{}\"\nsource_id = \"ignored\"\n", server.url));
    home.write_session(1, 0..1);
    // an empty variable counts as not set, so that the file has the word
    let monitor = home.start("", &[]);
    eventually("both events", || server.events().len() == 2);
    assert!(server.events().iter().all(|event| event["source"] == "test-source"), "{}", monitor.log());
}

#[test]
fn show_prints_each_value_with_where_it_stands() {
    let home = Home::new();
    home.write_config("server_url = \"https://tea.example/base\"\nhistory = \"30d\"\n");
    let line = ["--basename-allowlist", "rs,ts", "config", "show"];
    let ended = home.run(&line, &[("VIBETEA_HISTORY", "7d"), ("CLAUDE_CONFIG_DIR", "/srv/claude")]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(home.without_paths(&ended.stdout), @"
    # HOME/.config/vibetea/monitor.toml
    server_url | https://tea.example/base | file
    supabase_url | (not set) | default
    ca_cert | (not set) | default
    supabase_batch_interval_secs | 60 | default
    supabase_retry_limit | 3 | default
    source_id | test-source | VIBETEA_SOURCE_ID
    key_path | HOME/.vibetea | default
    claude_dir | /srv/claude | CLAUDE_CONFIG_DIR
    state_dir | HOME/.local/state/vibetea | default
    history | 7d | VIBETEA_HISTORY
    session_silence_secs | 1800 | default
    buffer_size | 1000 | default
    basename_allowlist | rs,ts | --basename-allowlist
    context | on | default
    project_names | basename | default
    mcp_allowlist | (not set) | default
    log | info | default
    ");
}

#[test]
fn show_as_json_holds_the_same() {
    let home = Home::new();
    home.write_config("server_url = \"https://tea.example\"\n");
    let ended = home.run(&["config", "show", "--json"], &[]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let shown: Value = serde_json::from_str(&ended.stdout).unwrap();
    let file = home.path(".config/vibetea/monitor.toml");
    assert_eq!(
        shown["settings"]["server_url"],
        json!({"value": "https://tea.example", "origin": "file", "from": file, "variable": "VIBETEA_SERVER_URL"})
    );
    assert_eq!(shown["settings"]["supabase_url"]["value"], Value::Null);
    assert_eq!(shown["settings"]["source_id"]["origin"], "environment");
    assert_eq!((&shown["problems"], &shown["file"]), (&json!([]), &json!(file)));
}

#[test]
fn show_works_with_wrong_values_names_them_and_ends_with_78() {
    let home = Home::new();
    home.write_config("server_ulr = \"https://tea.example\"\nbuffer_size = \"many\"\n");
    let password = ("VIBETEA_SUPABASE_URL", "https://dev:hunter2@tea.example/?token=hunter2");
    let ended = home.run(&["config", "show"], &[password]);
    assert_eq!(ended.status, 78);
    insta::assert_snapshot!(home.without_paths(&ended.stdout), @"
    # HOME/.config/vibetea/monitor.toml
    server_url | (not set) | default
    supabase_url | https://***@tea.example/?*** | VIBETEA_SUPABASE_URL
    ca_cert | (not set) | default
    supabase_batch_interval_secs | 60 | default
    supabase_retry_limit | 3 | default
    source_id | test-source | VIBETEA_SOURCE_ID
    key_path | HOME/.vibetea | default
    claude_dir | HOME/.claude | default
    state_dir | HOME/.local/state/vibetea | default
    history | all | default
    session_silence_secs | 1800 | default
    buffer_size | many | file
    basename_allowlist | (not set) | default
    context | on | default
    project_names | basename | default
    mcp_allowlist | (not set) | default
    log | info | default
    ");
    insta::assert_snapshot!(home.without_paths(&ended.stderr), @r#"
    error: the configuration cannot be used
    HOME/.config/vibetea/monitor.toml holds the unknown key "server_ulr": one of server_url, supabase_url, ca_cert, supabase_batch_interval_secs, supabase_retry_limit, source_id, key_path, claude_dir, state_dir, history, session_silence_secs, buffer_size, basename_allowlist, context, project_names, mcp_allowlist, log is allowed
    VIBETEA_SERVER_URL is not set, nor --server-url or the key 'server_url': an http or https URL such as http://127.0.0.1:8080 is required
    VIBETEA_SUPABASE_URL holds a user name or a password: a URL without them is allowed, requests are signed
    'buffer_size' in HOME/.config/vibetea/monitor.toml is "many": a whole number from 1 to 1000000 is allowed
    "#);
    let as_json = home.run(&["config", "show", "--json"], &[password]);
    assert_eq!(as_json.status, 78);
    let shown: Value = serde_json::from_str(&as_json.stdout).unwrap();
    assert_eq!(shown["problems"].as_array().unwrap().len(), 4);
    for text in [ended.stdout, ended.stderr, as_json.stdout, as_json.stderr] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn an_unknown_key_stops_every_command_that_reads_settings() {
    let home = Home::with_key();
    home.write_config("clade_dir = \"/x\"\n");
    for line in [&["init"][..], &["run"], &["status"], &["preview"], &["service", "install"]] {
        let ended = home.run(line, &[]);
        assert_eq!(ended.status, 78, "{line:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("unknown key \"clade_dir\""), "{line:?}: {}", ended.stderr);
    }
}

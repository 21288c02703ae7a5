use super::{Home, Server, fs, set_mode};

const SERVER: (&str, &str) = ("VIBETEA_SERVER_URL", "http://127.0.0.1:9");

#[test]
fn bad_configuration_is_78_and_names_every_wrong_variable() {
    let home = Home::with_key();
    let ended = home.run(
        &["run"],
        &[
            ("VIBETEA_SUPABASE_URL", "nonsense"),
            ("VIBETEA_SUPABASE_BATCH_INTERVAL_SECS", "0"),
            ("VIBETEA_SUPABASE_RETRY_LIMIT", "11"),
            ("VIBETEA_HISTORY", "some"),
            ("VIBETEA_BUFFER_SIZE", "many"),
        ],
    );
    assert_eq!(ended.status, 78);
    assert_eq!(ended.stdout, "");
    for part in [
        "VIBETEA_SERVER_URL is not set",
        "VIBETEA_SUPABASE_URL is \"nonsense\"",
        "VIBETEA_SUPABASE_BATCH_INTERVAL_SECS is \"0\"",
        "VIBETEA_SUPABASE_RETRY_LIMIT is \"11\"",
        "1 to 10",
        "VIBETEA_HISTORY is \"some\"",
        "VIBETEA_BUFFER_SIZE is \"many\"",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[test]
fn a_missing_key_names_init() {
    let ended = Home::new().run(&["run"], &[SERVER]);
    assert_eq!(ended.status, 78);
    assert!(ended.stderr.contains("vibetea-monitor init"), "{}", ended.stderr);
}

#[test]
fn a_key_that_the_group_can_read_names_chmod() {
    let home = Home::with_key();
    let key = home.path(".vibetea/key.priv");
    set_mode(&key, 0o640);
    let ended = home.run(&["run"], &[SERVER]);
    assert_eq!(ended.status, 78);
    assert!(ended.stderr.contains(&format!("chmod 600 {}", key.display())), "{}", ended.stderr);
}

#[test]
fn a_broken_key_is_refused() {
    let home = Home::with_key();
    fs::write(home.path(".vibetea/key.priv"), [1; 31]).unwrap();
    let ended = home.run(&["run"], &[SERVER]);
    assert_eq!(ended.status, 78);
    assert!(ended.stderr.contains("32 bytes"), "{}", ended.stderr);
}

#[test]
fn a_second_monitor_on_the_same_state_folder_is_refused_until_the_first_is_gone() {
    let (home, server) = (Home::with_key(), Server::answering(202));
    let first = home.start(&server.url, &[]);
    let second = home.run(&["run"], &[("VIBETEA_SERVER_URL", &server.url)]);
    assert_eq!(second.status, 1);
    assert!(second.stderr.contains("another monitor"), "{}", second.stderr);
    assert!(second.stderr.contains("VIBETEA_STATE_DIR"), "{}", second.stderr);
    first.signal("-KILL");
    drop(first);
    // no stale lock
    drop(home.start(&server.url, &[]));
}

#[test]
fn status_before_the_first_run_says_so() {
    let ended = Home::new().run(&["status"], &[]);
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("no monitor has run"), "{}", ended.stderr);
}

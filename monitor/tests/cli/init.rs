use super::{Home, fs, mode};

#[test]
fn init_prints_the_line_for_the_server_and_nothing_else_on_standard_output() {
    let home = Home::new();
    let ended = home.run(&["init"], &[]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let public = fs::read_to_string(home.path(".vibetea/key.pub")).unwrap();
    assert_eq!(ended.stdout, format!("export VIBETEA_PUBLIC_KEYS=\"test-source:{}\"\n", public.trim_end()));
    assert_eq!(mode(&home.path(".vibetea")), 0o700);
    assert_eq!(mode(&home.path(".vibetea/key.priv")), 0o600);
    assert_eq!(mode(&home.path(".vibetea/key.pub")), 0o644);
    assert_eq!(fs::read(home.path(".vibetea/key.priv")).unwrap().len(), 32);
}

#[test]
fn init_replaces_a_key_only_with_force() {
    let home = Home::with_key();
    let key = fs::read(home.path(".vibetea/key.priv")).unwrap();
    let ended = home.run(&["init"], &[]);
    assert_eq!(ended.status, 1);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("--force"), "{}", ended.stderr);
    assert_eq!(fs::read(home.path(".vibetea/key.priv")).unwrap(), key);

    assert_eq!(home.run(&["init", "--force"], &[]).status, 0);
    assert_ne!(fs::read(home.path(".vibetea/key.priv")).unwrap(), key);
    assert_eq!(mode(&home.path(".vibetea/key.priv")), 0o600);
}

#[test]
fn init_goes_by_its_variables() {
    let home = Home::new();
    let folder = home.path("elsewhere");
    let variables = [("VIBETEA_KEY_PATH", folder.to_str().unwrap()), ("VIBETEA_SOURCE_ID", "my laptop")];
    let ended = home.run(&["init"], &variables);
    assert_eq!(ended.status, 0);
    assert!(ended.stdout.starts_with("export VIBETEA_PUBLIC_KEYS=\"my laptop:"), "{}", ended.stdout);
    assert!(folder.join("key.priv").is_file());
    assert!(!home.path(".vibetea").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let home = Home::new();
    fs::write(home.path("file"), "").unwrap();
    let folder = home.path("file/keys");
    let ended = home.run(&["init"], &[("VIBETEA_KEY_PATH", folder.to_str().unwrap())]);
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains(folder.to_str().unwrap()), "{}", ended.stderr);
}

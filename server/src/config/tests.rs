use std::collections::HashMap;

use clap::Parser as _;

use super::*;

const KEY: &str = "laptop:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn args(line: &[&str]) -> Args {
    Line::try_parse_from(std::iter::once("server").chain(line.iter().copied())).unwrap().args
}

fn load(line: &[&str], variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::load(&args(line), &|name| variables.get(name).cloned())
}

/// What a guarded server needs at least.
fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let needed =
        [("VIBETEA_PUBLIC_KEYS", KEY), ("VIBETEA_SUBSCRIBER_TOKEN", "0123456789abcdef"), ("HOME", "/home/x")];
    needed.iter().chain(more).copied().collect()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn defaults_are_those_of_the_contract() {
    let config = load(&[], &with(&[])).unwrap();
    assert_eq!((config.host.to_string().as_str(), config.port), ("127.0.0.1", 8080));
    assert_eq!(config.database, Database::Sqlite("/home/x/.local/share/vibetea/vibetea.db".into()));
    assert!(matches!(config.access, Access::Guarded { .. }));
    assert_eq!((config.rate_per_sec, config.rate_burst), (100, 100));
    assert_eq!((config.allowed_hosts, config.cors), (None, CorsOrigins::HostedRoutes));
    assert_eq!((config.max_ingest_body, config.max_events_body), (4 << 20, 1 << 20));
    assert_eq!((config.max_unverified_bytes, config.max_streams_per_token), (64 << 20, 64));
    assert_eq!((config.max_connections, config.log.as_str()), (1024, "info"));
    let exposure = config.exposure;
    assert!(exposure.tls.is_none() && exposure.proxies.is_none());
    assert_eq!(exposure.address_rate, AddressRate { per_second: 500, burst: 2000, on_loopback: false });
    assert_eq!(exposure.per_address, PerAddress { most: 256, on_loopback: false });
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn one_largest_body_always_has_room() {
    let variables =
        with(&[("VIBETEA_MAX_BODY_BYTES", "200000000"), ("VIBETEA_MAX_UNVERIFIED_BYTES", "1048576")]);
    assert_eq!(load(&[], &variables).unwrap().max_unverified_bytes, 200_000_000);
}

#[test]
fn flag_wins_over_environment_and_environment_over_file() {
    let file = file("port = 1\nhost = \"::1\"\nrate_limit_burst = 7\n");
    let path = file.path().to_str().unwrap();
    let variables = with(&[("PORT", "2"), ("VIBETEA_HOST", "127.0.0.2")]);
    let config = load(&["--config", path, "--port", "3"], &variables).unwrap();
    assert_eq!((config.port, config.host.to_string().as_str(), config.rate_burst), (3, "127.0.0.2", 7));
    let config = load(&["--config", path], &variables).unwrap();
    assert_eq!(config.port, 2);
    let config = load(&["--config", path], &with(&[("PORT", "")])).unwrap();
    assert_eq!((config.port, config.host.to_string().as_str()), (1, "::1"));
}

#[test]
fn one_message_names_everything_that_is_wrong() {
    let error = load(
        &["--rate-limit-burst", "0"],
        &[
            ("PORT", "80800"),
            ("VIBETEA_HOST", "tea"),
            ("VIBETEA_DATABASE_URL", "mysql://u:hunter2@h/d"),
            ("VIBETEA_SUBSCRIBER_TOKEN", "two words"),
            ("VIBETEA_MAX_CONNECTIONS", "-1"),
            ("VIBETEA_CORS_ORIGINS", "tea.example.org"),
        ],
    )
    .unwrap_err()
    .to_string();
    assert_eq!(
        error,
        "the configuration cannot be used:\n  \
         VIBETEA_HOST holds \"tea\"; allowed: an IP address, such as 127.0.0.1, 0.0.0.0 or ::1, or localhost\n  \
         PORT holds \"80800\"; allowed: a number from 0 to 65535\n  \
         VIBETEA_DATABASE_URL holds \"mysql\"…, a kind of database this server does not know; allowed: \
         sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE, or none to pass events on without keeping them\n  \
         VIBETEA_SUBSCRIBER_TOKEN holds a secret of 9 characters; allowed: printable ASCII without spaces, \
         best 32 random characters or more\n  \
         --rate-limit-burst holds \"0\"; allowed: a whole number from 1 to 1000000\n  \
         VIBETEA_CORS_ORIGINS holds \"tea.example.org\"; allowed: *, or origins separated by commas, such as \
         https://tea.example.org,http://localhost:5173\n  \
         VIBETEA_MAX_CONNECTIONS holds \"-1\"; allowed: a whole number from 1 to 1000000"
    );
}

#[test]
fn keys_and_token_are_needed_only_where_there_is_no_store_to_keep_others() {
    let home = ("HOME", "/home/x");
    let config = load(&[], &[home]).unwrap();
    let Access::Guarded { keys, token, uniform_errors } = config.access else { panic!("open") };
    assert!(keys.sources().next().is_none() && token.is_none() && !uniform_errors);
    let error = load(&[], &[home, ("VIBETEA_DATABASE_URL", "none")]).unwrap_err().to_string();
    for needed in ["VIBETEA_PUBLIC_KEYS is not set", "VIBETEA_SUBSCRIBER_TOKEN is not set"] {
        assert!(error.contains(needed), "{error}");
    }
    for (line, variables) in [
        (&["--uniform-auth-errors"][..], vec![home]),
        (&[], vec![home, ("VIBETEA_UNIFORM_AUTH_ERRORS", "yes")]),
    ] {
        let config = load(line, &variables).unwrap();
        assert!(matches!(config.access, Access::Guarded { uniform_errors: true, .. }));
    }
    let error = load(&[], &[home, ("VIBETEA_UNIFORM_AUTH_ERRORS", "perhaps")]).unwrap_err().to_string();
    assert!(
        error.contains("VIBETEA_UNIFORM_AUTH_ERRORS holds \"perhaps\"; allowed: true or false"),
        "{error}"
    );
}

#[test]
fn without_authentication_only_loopback_is_listened_on() {
    let open = ("VIBETEA_UNSAFE_NO_AUTH", "true");
    let config = load(&[], &[open, ("VIBETEA_DATABASE_URL", "none")]).unwrap();
    assert!(matches!(config.access, Access::Open));
    assert_eq!(config.database, Database::Relay);
    for host in ["0.0.0.0", "::", "192.168.1.2"] {
        let error = load(&[], &with(&[open, ("VIBETEA_HOST", host)])).unwrap_err().to_string();
        assert!(
            error.contains(&format!("VIBETEA_UNSAFE_NO_AUTH is true while VIBETEA_HOST is {host}")),
            "{error}"
        );
    }
    for host in ["localhost", "127.0.0.2", "::1", "[::1]"] {
        assert!(load(&["--unsafe-no-auth"], &with(&[("VIBETEA_HOST", host)])).is_ok(), "{host}");
    }
}

#[test]
fn a_limit_that_is_set_holds_on_this_machine_too() {
    let exposure = |more: &[(&str, &str)]| load(&[], &with(more)).unwrap().exposure;
    let rate = exposure(&[("VIBETEA_ADDRESS_RATE_LIMIT_BURST", "7")]).address_rate;
    assert_eq!(rate, AddressRate { per_second: 500, burst: 7, on_loopback: true });
    let held = exposure(&[("VIBETEA_MAX_CONNECTIONS_PER_ADDRESS", "3")]).per_address;
    assert_eq!(held, PerAddress { most: 3, on_loopback: true });
    let flags = ["--behind-proxy", "10.0.0.0/8", "--address-rate-limit-per-sec", "9"];
    let exposure = load(&flags, &with(&[])).unwrap().exposure;
    assert!(exposure.proxies.unwrap().hold("10.1.2.3".parse().unwrap()));
    assert_eq!(exposure.address_rate.per_second, 9);
}

#[test]
fn secrets_may_stand_in_files_and_are_never_shown() {
    let token = file("from-the-file-0123456789\n");
    let path = token.path().to_str().unwrap();
    let variables =
        [("VIBETEA_PUBLIC_KEYS", KEY), ("VIBETEA_SUBSCRIBER_TOKEN_FILE", path), ("HOME", "/home/x")];
    for config in
        [load(&[], &variables).unwrap(), load(&["--subscriber-token-file", path], &with(&[])).unwrap()]
    {
        let Access::Guarded { token, .. } = &config.access else { panic!("open") };
        assert!(token.as_ref().unwrap().is(b"from-the-file-0123456789"));
        assert!(!format!("{config:?}").contains("from-the-file"));
    }
    let both = load(&[], &with(&[("VIBETEA_SUBSCRIBER_TOKEN_FILE", path)])).unwrap_err().to_string();
    assert!(
        both.contains("VIBETEA_SUBSCRIBER_TOKEN is set and VIBETEA_SUBSCRIBER_TOKEN_FILE as well"),
        "{both}"
    );
    let missing = load(&[], &[("VIBETEA_PUBLIC_KEYS_FILE", "/nowhere/keys")]).unwrap_err().to_string();
    assert!(
        missing.contains("VIBETEA_PUBLIC_KEYS_FILE names \"/nowhere/keys\", which cannot be read"),
        "{missing}"
    );
}

#[test]
fn old_names_are_read_with_a_warning() {
    let variables = [
        ("VIBETEA_PUBLIC_KEYS", KEY),
        ("VIBETEA_AUTH_TOKEN", "old"),
        ("VIBETEA_PORT", "99"),
        ("HOME", "/home/x"),
    ];
    let config = load(&[], &variables).unwrap();
    assert_eq!(config.port, 99);
    assert_eq!(
        config.warnings,
        [
            "VIBETEA_PORT is an old name: please set PORT instead",
            "VIBETEA_AUTH_TOKEN is an old name: please set VIBETEA_SUBSCRIBER_TOKEN instead",
            "VIBETEA_AUTH_TOKEN is only 3 characters long and might be guessed: 32 random characters are better",
        ]
    );
    let config = load(&[], &with(&[("PORT", "1"), ("VIBETEA_PORT", "2")])).unwrap();
    assert_eq!(config.port, 1);
    assert_eq!(config.warnings, ["VIBETEA_PORT is an old name and is ignored, as PORT is set"]);
}

#[test]
fn databases_are_told_by_their_scheme() {
    let database = |url| load(&[], &with(&[("DATABASE_URL", url)])).map(|config| config.database).ok();
    assert_eq!(database("sqlite:tea.db"), Some(Database::Sqlite("tea.db".into())));
    assert_eq!(database("sqlite:///srv/tea.db"), Some(Database::Sqlite("/srv/tea.db".into())));
    assert_eq!(database("none"), Some(Database::Relay));
    for wrong in ["tea.db", "sqlite:", "sqlite::memory:", "sqlite:tea.db?mode=ro", "postgres://u:p@h:port/d"]
    {
        assert_eq!(database(wrong), None, "{wrong}");
    }
    for url in ["postgres://u:hidden@h/d?sslmode=require", "postgresql://u:hidden@h:5433/d"] {
        let found = database(url).unwrap();
        assert!(matches!(&found, Database::Postgres(known) if known.expose() == url), "{url}");
        assert!(!format!("{found:?}").contains("hidden"), "{found:?}");
    }
    let wrong =
        load(&[], &with(&[("DATABASE_URL", "postgres://u:hidden@h:port/d")])).unwrap_err().to_string();
    assert!(wrong.contains("PostgreSQL URL that cannot be read") && !wrong.contains("hidden"), "{wrong}");
    let both = with(&[("DATABASE_URL", "none"), ("VIBETEA_DATABASE_URL", "sqlite:a.db")]);
    assert_eq!(load(&[], &both).unwrap().database, Database::Sqlite("a.db".into()));
    let error = load(&[], &[("VIBETEA_PUBLIC_KEYS", KEY), ("VIBETEA_SUBSCRIBER_TOKEN", "x")]).unwrap_err();
    assert!(error.to_string().contains("VIBETEA_DATA_DIR is not set, and neither is HOME"), "{error}");
}

#[test]
fn a_password_may_stand_anywhere_but_on_the_command_line() {
    let (url, flag) = ("postgres://u:hidden@h/d", "--database-url");
    for url in [url, "postgres://u@h/d?password=hidden", "postgresql://u@h/d?sslmode=require&PASSWORD=hidden"]
    {
        let error = load(&[flag, url], &with(&[])).unwrap_err().to_string();
        assert!(
            error.starts_with("the configuration cannot be used:\n  --database-url holds a password"),
            "{error}"
        );
        assert!(error.contains("VIBETEA_DATABASE_URL_FILE") && !error.contains("hidden"), "{error}");
    }
    let (settings, secret) = (file(&format!("database_url = \"{url}\"")), file(url));
    let path = |file: &tempfile::NamedTempFile| file.path().to_str().unwrap().to_owned();
    for (line, variable) in [
        (vec![], ("VIBETEA_DATABASE_URL", url.to_owned())),
        (vec![], ("VIBETEA_DATABASE_URL_FILE", path(&secret))),
        (vec!["--config", settings.path().to_str().unwrap()], ("PORT", "1".to_owned())),
        (vec![flag, "postgres://u@h/d"], ("PORT", "1".to_owned())),
    ] {
        let config = load(&line, &with(&[(variable.0, &variable.1)])).unwrap();
        assert!(matches!(config.database, Database::Postgres(_)), "{line:?} {variable:?}");
    }
}

#[test]
fn a_file_may_hold_lists_and_tables_and_no_unknown_key() {
    let key = KEY.strip_prefix("laptop:").unwrap();
    let good = file(&format!(
        "allowed_hosts = [\"tea.example\", \"[::1]:8080\"]\nunsafe_no_auth = false\n\
         subscriber_token = \"0123456789abcdef\"\n[public_keys]\nlaptop = \"{key}\"\ndesktop = [\"{key}\"]\n"
    ));
    let config = load(&["--config", good.path().to_str().unwrap()], &[("HOME", "/home/x")]).unwrap();
    let Access::Guarded { keys, .. } = config.access else { panic!("open") };
    assert!(keys.of(&"desktop".parse().unwrap()).is_some());
    let hosts = config.allowed_hosts.unwrap();
    assert_eq!((hosts[1].name.as_str(), hosts[1].port), ("[::1]", Some(8080)));
    let bad = file("prot = 1\n");
    let error = load(&["--config", bad.path().to_str().unwrap()], &with(&[])).unwrap_err().to_string();
    assert!(error.contains("holds the unknown key 'prot'"), "{error}");
    let broken = file("port = ");
    assert!(load(&["--config", broken.path().to_str().unwrap()], &with(&[])).is_err());
}

#[test]
fn origins_and_hosts_are_checked() {
    let cors = |text| load(&[], &with(&[("VIBETEA_CORS_ORIGINS", text)])).map(|config| config.cors).ok();
    assert_eq!(cors("*"), Some(CorsOrigins::Any));
    assert_eq!(
        cors("https://Tea.example/, http://localhost:5173"),
        Some(CorsOrigins::Listed(vec!["https://tea.example".to_owned(), "http://localhost:5173".to_owned()]))
    );
    for wrong in ["tea.example", "ftp://tea.example", "https://tea.example/path", "https://a@b"] {
        assert_eq!(cors(wrong), None, "{wrong}");
    }
    let hosts = |text| load(&[], &with(&[("VIBETEA_ALLOWED_HOSTS", text)])).is_ok();
    assert!(hosts("tea.example,localhost:8080"));
    assert!(!hosts("https://tea.example") && !hosts("a/b") && !hosts("tea.example:port"));
}

#[test]
fn the_command_line_is_consistent() {
    use clap::CommandFactory as _;
    Line::command().debug_assert();
}

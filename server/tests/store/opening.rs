//! What a store does with the file it is given: one server per file, one history, nothing damaged.

use std::fs;
use std::path::Path;
use std::time::Duration;

use vibetea_server::store::{AccessStore, OpenError, Route, SourceFilter, SqliteOptions, Store};

use crate::mount::Mount;
use crate::support::{Place, insert, stored};

/// Opening is refused with that text and leaves the file as it is.
async fn refused(place: &Place) -> OpenError {
    let before = fs::read(place.path()).unwrap();
    let error = place.try_open().await.expect_err("the file was accepted");
    assert_eq!(fs::read(place.path()).unwrap(), before, "the file was changed");
    assert!(error.to_string().contains(&place.path().display().to_string()), "{error}");
    error
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn file_that_is_no_database_is_refused() {
    for content in [&b"Dear diary, "[..], &[0xff; 70_000], b"SQLite format 3\0 and then nothing like it"] {
        let place = Place::new();
        write(&place.path(), &content.repeat(100));
        let error = refused(&place).await;
        assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
    }
}

#[tokio::test]
async fn empty_file_is_a_new_database() {
    let place = Place::new();
    write(&place.path(), b"");
    let store = place.open().await;
    assert_eq!(insert(&store, "laptop", Route::Batch, 0..3).await.unwrap(), 3);
    store.close().await;
}

#[tokio::test]
async fn damaged_file_is_refused_and_left_alone() {
    for damage in ["cut", "zeros", "noise", "swapped"] {
        let place = Place::new();
        let store = place.open().await;
        insert(&store, "laptop", Route::Batch, 0..900).await.unwrap();
        store.close().await;
        let mut bytes = fs::read(place.path()).unwrap();
        let page = 16_384;
        match damage {
            "cut" => bytes.truncate(bytes.len() - 3 * page),
            "zeros" => bytes[page..3 * page].fill(0),
            "noise" => bytes.iter_mut().skip(page + 7).step_by(97).for_each(|byte| *byte ^= 0x55),
            _ => {
                let (front, back) = bytes.split_at_mut(4 * page);
                front[3 * page..].swap_with_slice(&mut back[..page]);
            }
        }
        write(&place.path(), &bytes);
        let error = refused(&place).await;
        assert!(matches!(error, OpenError::Corrupt { .. }), "{damage}: {error}");
    }
}

#[tokio::test]
async fn database_of_another_program_is_refused() {
    let place = Place::new();
    fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    place.shell().execute_batch("CREATE TABLE outbox (x); INSERT INTO outbox VALUES (1)").unwrap();
    let error = refused(&place).await;
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
}

/// What a command opens beside a server, or without one.
#[tokio::test]
async fn who_may_is_opened_with_this_releases_schema_alone_and_changes_nothing() {
    let place = Place::new();
    let open = async || AccessStore::open_sqlite(&place.path()).await;
    assert!(open().await.unwrap().is_none(), "there is no file");
    let store = place.open().await;
    open().await.unwrap().expect("a server runs").close().await;
    store.close().await;
    open().await.unwrap().expect("no server runs").close().await;
    place.execute(
        "CREATE TABLE kept AS SELECT * FROM _sqlx_migrations; DELETE FROM _sqlx_migrations WHERE version = 4",
    );
    assert!(open().await.unwrap().is_none(), "a migration is missing, whatever came after it");
    place.execute("INSERT INTO _sqlx_migrations SELECT * FROM kept WHERE version = 4; DROP TABLE kept");
    place.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    );
    let error = open().await.expect_err("a newer release made it");
    assert!(matches!(error, OpenError::NewerSchema { version: 9999, .. }), "{error}");
    place.execute("PRAGMA application_id = 7");
    let error = open().await.expect_err("it belongs to somebody else");
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
}

#[tokio::test]
async fn newer_schema_is_refused() {
    let place = Place::new();
    place.open().await.close().await;
    let migration = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'from the future', TRUE, x'00', 0)";
    place.shell().execute_batch(migration).unwrap();
    let error = refused(&place).await;
    assert!(matches!(error, OpenError::NewerSchema { version: 9999, .. }), "{error}");
}

#[tokio::test]
async fn edited_migration_is_refused() {
    let place = Place::new();
    place.open().await.close().await;
    place.shell().execute_batch("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1").unwrap();
    let error = refused(&place).await;
    assert!(matches!(error, OpenError::EditedMigration { version: 1, .. }), "{error}");
}

#[tokio::test]
async fn every_migration_of_the_folder_is_built_in_and_applied() {
    let place = Place::new();
    place.open().await.close().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/sqlite");
    let files = fs::read_dir(&folder).unwrap().count();
    assert_eq!(history(&place), (files, files));
}

/// Applied migrations, and different ones among them.
fn history(place: &Place) -> (usize, usize) {
    let select = "SELECT count(*), count(DISTINCT version) FROM _sqlx_migrations WHERE success";
    let counts =
        place.shell().query_row(select, [], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?)));
    let (all, different) = counts.unwrap();
    (all as usize, different as usize)
}

#[tokio::test]
async fn start_that_died_before_the_first_migration_is_completed() {
    let place = Place::new();
    fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    let table = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
        installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
        checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";
    place.shell().execute_batch(table).unwrap();
    let store = place.open().await;
    assert_eq!(insert(&store, "laptop", Route::Batch, 0..3).await.unwrap(), 3);
    store.close().await;
}

#[tokio::test]
async fn second_server_is_refused_until_the_first_has_closed() {
    let place = Place::new();
    let store = place.open().await;
    insert(&store, "laptop", Route::Batch, 0..3).await.unwrap();
    let error = place.try_open().await.unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    #[cfg(unix)]
    {
        let alias = place.home.folder.path().join("alias.db");
        std::os::unix::fs::symlink(place.path(), &alias).unwrap();
        let options = SqliteOptions { lock_wait: Duration::ZERO, ..SqliteOptions::new(alias) };
        let error = Store::open_sqlite(options, place.clock.clone(), place.recorder()).await.unwrap_err();
        assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    }
    assert_eq!(insert(&store, "laptop", Route::Batch, 0..4).await.unwrap(), 1);
    store.close().await;
    // a clone that is still around does not keep the file
    let second = place.open().await;
    assert_eq!(second.totals(SourceFilter::All).await.unwrap().events, 4);
    second.close().await;
    drop(store);
}

#[tokio::test]
async fn start_waits_for_a_server_on_its_way_out() {
    let place = Place::new();
    let first = place.open().await;
    let options = SqliteOptions { lock_wait: Duration::from_secs(30), ..place.options() };
    let second = tokio::spawn(Store::open_sqlite(options, place.clock.clone(), place.recorder()));
    tokio::task::yield_now().await;
    first.close().await;
    second.await.unwrap().unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_eight_starts_at_once_one_wins_and_the_history_is_whole() {
    for _ in 0..10 {
        let place = Place::new();
        let starts: Vec<_> = (0..8)
            .map(|_| tokio::spawn(Store::open_sqlite(place.options(), place.clock.clone(), place.recorder())))
            .collect();
        let mut stores = Vec::new();
        for start in starts {
            match start.await.unwrap() {
                Ok(store) => stores.push(store),
                Err(error) => assert!(matches!(error, OpenError::Locked { .. }), "{error}"),
            }
        }
        assert_eq!(stores.len(), 1);
        assert_eq!(insert(&stores[0], "laptop", Route::Batch, 0..3).await.unwrap(), 3);
        stores[0].close().await;
        let (applied, different) = history(&place);
        assert_eq!(applied, different);
        assert_eq!(stored(&place), [0, 1, 2]);
    }
}

#[tokio::test]
async fn folder_that_cannot_be_written_is_told() {
    let place = Place::new();
    let file = place.home.folder.path().join("file");
    fs::write(&file, "").unwrap();
    let options = SqliteOptions::new(file.join("vibetea.db"));
    let error = Store::open_sqlite(options, place.clock.clone(), place.recorder()).await.unwrap_err();
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");

    let Some(mount) = Mount::new("size=4m") else { return };
    for existing in [false, true] {
        let place = Place::on(&mount);
        if existing {
            let store = place.open().await;
            insert(&store, "laptop", Route::Batch, 0..3).await.unwrap();
            store.close().await;
        }
        mount.change("ro");
        let error = place.try_open().await.unwrap_err();
        assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
        mount.change("rw");
        place.open().await.close().await;
        assert_eq!(stored(&place).len(), if existing { 3 } else { 0 });
    }
}

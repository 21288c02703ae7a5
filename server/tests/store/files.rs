//! The file as others see it.

use vibetea_protocol::EventType;
use vibetea_server::store::{NewBatch, Route, SourceFilter};

use crate::support::{Place, at, batch, event, insert, source};

#[test]
fn bundled_sqlite_has_the_fix_for_lost_log_pages() {
    // 3.51.3; earlier ones can lose committed pages when one connection commits while another checkpoints
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[tokio::test]
async fn file_is_a_log_with_large_pages_and_is_known_as_ours() {
    let place = Place::new();
    place.open().await.close().await;
    let shell = place.shell();
    let pragma = |name: &str| -> String {
        shell
            .query_row(&format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"), [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(pragma("page_size"), "16384");
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("application_id"), u32::from_be_bytes(*b"VTea").to_string());
    assert_eq!(pragma("quick_check"), "ok");
}

#[tokio::test]
async fn view_of_events_shows_text_for_people() {
    let place = Place::new();
    let store = place.open().await;
    let mut events: Vec<_> = (0..6).map(|number| event(number, at("2026-02-03T14:05:06.789Z"))).collect();
    events[1].timestamp = at("9999-12-31T23:59:59.999999Z");
    events[2].timestamp = at("1970-01-01T00:00:00Z");
    store
        .bulk_insert_events(NewBatch { source: source("Ünï 'x'"), route: Route::Batch, events })
        .await
        .unwrap();
    let shell = place.shell();
    let columns = "id, source, timestamp, event_type, payload, created_at, json_extract(payload, '$.n')";
    let mut select = shell.prepare(&format!("SELECT {columns} FROM events ORDER BY id")).unwrap();
    let rows: Vec<[String; 6]> = select
        .query_map([], |row| {
            assert_eq!(row.get::<_, i64>(6)? % 6, row.get::<_, String>(0)?[4..].parse::<i64>().unwrap());
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?])
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let expected = [
        "evt_00000000000000000000",
        "Ünï 'x'",
        "2026-02-03T14:05:06.789000Z",
        "session",
        r#"{"project":"shop","n":0}"#,
        "2026-02-03T14:30:00.000000Z",
    ];
    assert_eq!(rows[0], expected);
    assert_eq!(rows[1][2], "9999-12-31T23:59:59.999999Z");
    assert_eq!(rows[2][2], "1970-01-01T00:00:00.000000Z");
    let types: Vec<_> = rows.iter().map(|row| row[3].as_str()).collect();
    assert_eq!(types, EventType::ALL.map(EventType::as_str), "the view's words are the wire's");
    store.close().await;
}

#[tokio::test]
async fn view_of_hours_shows_what_the_store_answers() {
    let place = Place::new();
    let store = place.open().await;
    insert(&store, "laptop", Route::Batch, 0..7).await.unwrap();
    let mut other = batch("desktop", Route::Batch, 10..12);
    other.events[0].timestamp = at("2026-02-03T00:00:00Z");
    other.events[1].timestamp = at("2026-02-02T23:59:59.999999Z");
    store.bulk_insert_events(other).await.unwrap();
    let shell = place.shell();
    let mut select = shell
        .prepare("SELECT source, date, hour, event_count FROM hourly_aggregates ORDER BY date DESC, hour DESC, source")
        .unwrap();
    let shown: Vec<(String, String, u8, u32)> = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let answered: Vec<_> = store.get_hourly_aggregates(30, SourceFilter::All).await.unwrap();
    let answered: Vec<_> = answered
        .into_iter()
        .map(|row| (row.source, row.date, row.hour, u32::try_from(row.event_count).unwrap()))
        .collect();
    assert_eq!(shown, answered);
    assert_eq!(shown.len(), 3);
    store.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let store = place.open().await;
    insert(&store, "laptop", Route::Batch, 0..7).await.unwrap();
    store.totals(SourceFilter::All).await.unwrap();
    let folder = place.path().parent().unwrap().to_owned();
    assert_eq!(mode(&folder), 0o700);
    let names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    for name in names {
        assert_eq!(mode(&name), 0o600, "{}", name.display());
    }
    store.close().await;

    // what an older file let others read is taken back; a folder that was there keeps its mode
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    place.open().await.close().await;
    assert_eq!((mode(&place.path()), mode(&folder)), (0o600, 0o755));
}

/// The locks of this process on a file, as the system tells them.
#[cfg(target_os = "linux")]
fn locks(path: &std::path::Path) -> usize {
    use std::os::linux::fs::MetadataExt as _;
    let file = format!(":{} ", std::fs::metadata(path).unwrap().st_ino());
    let process = format!(" {} ", std::process::id());
    let told = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let own = |line: &&str| line.contains("POSIX") && line.contains(&process) && line.contains(&file);
    told.lines().filter(own).count()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_look_at_the_file_takes_no_lock_of_this_process_along() {
    use vibetea_server::store::SqliteStore;
    let place = Place::new();
    let store = place.open().await;
    insert(&store, "laptop", Route::Batch, 0..3).await.unwrap();
    let path = place.home.path();
    let held = locks(&path);
    if held == 0 {
        println!("skipped: this system does not tell which locks a process holds");
        return;
    }
    let looked_at = path.clone();
    let examined = tokio::task::spawn_blocking(move || SqliteStore::examine(&looked_at)).await.unwrap();
    assert_eq!(examined.unwrap().events, (3, 3));
    assert_eq!(locks(&path), held);
    // the twin: a file that is opened and closed takes them along
    drop(std::fs::File::options().write(true).open(&path).unwrap());
    assert_eq!(locks(&path), 0);
    store.close().await;
}

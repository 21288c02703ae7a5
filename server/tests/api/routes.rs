//! Every route of the server, read from its source: what must hold on each of them is asked of each of them.

use std::path::{Path, PathBuf};

/// The paths of all routes, something in the place of parameters.
pub(crate) fn routes() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/routes"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.extend(routes_in(&path));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    for known in ["/", "/ws", "/events", "/functions/v1/ingest", "/api/v1/sessions/x"] {
        assert!(found.iter().any(|path| path == known), "{known} is not among {found:?}");
    }
    found
}

/// The paths behind `.route(` that are written out.
fn routes_in(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let calls = text.split(".route(").skip(1).map(str::trim_start);
    calls.filter_map(|call| call.strip_prefix('"')?.split_once('"')).map(|(path, _)| filled(path)).collect()
}

fn filled(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

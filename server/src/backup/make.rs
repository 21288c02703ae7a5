//! Making a copy.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use tokio_util::sync::CancellationToken;
use vibetea_protocol::Timestamp;

use super::file::Unfinished;
use super::{BackupError, Made, Origin};
use crate::store::{CopyError, PostgresStore, SqliteStore};
use crate::transfer;

const BUFFER: usize = 256 * 1024;

/// Copies the store at one moment into `target`, which is not there yet; checked, on the disk, readable by its owner alone.
/// Servers may run on the store. Blocks; to be called on a thread of a runtime where that is allowed.
pub fn make(
    origin: &Origin,
    target: &Path,
    now: Timestamp,
    stop: &CancellationToken,
) -> Result<Made, BackupError> {
    let file = Unfinished::begin(target)?;
    let digest = match origin {
        Origin::Sqlite(path) => SqliteStore::copy(path, file.path(), stop, |ask| transfer::digest_copy(ask)),
        Origin::Postgres(url) => {
            let out = File::options().write(true).open(file.path()).map_err(|error| file.failed(error))?;
            let out = BufWriter::with_capacity(BUFFER, out);
            PostgresStore::copy(url.expose(), out, now, stop, |ask| transfer::digest_copy(ask))
        }
    };
    let digest = digest.map_err(|error| match error {
        // of the copy's own file only the name that was asked for means something
        CopyError::File { path, error } if origin_is_not(origin, &path) => file.failed(error),
        other => other.into(),
    })??;
    if let Origin::Sqlite(_) = origin {
        SqliteStore::seal_copy(file.path(), &digest.to_string())?;
    }
    let bytes = file.finish()?;
    Ok(Made { digest, bytes })
}

fn origin_is_not(origin: &Origin, path: &str) -> bool {
    match origin {
        Origin::Sqlite(origin) => !path.starts_with(&*origin.to_string_lossy()),
        Origin::Postgres(_) => true,
    }
}

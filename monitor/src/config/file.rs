//! Writes settings into the configuration file; every other byte in it stays as it is.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use toml::{Spanned, Value};

type Keys = BTreeMap<String, Spanned<Value>>;

/// The file as it is to be.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    text: String,
    is_changed: bool,
}

impl ConfigFile {
    /// Reads it; one that is not there is empty.
    pub fn open(path: &Path) -> io::Result<Self> {
        // a link stays a link: what it points to is written
        let path = match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(path)?,
            found => found?,
        };
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let file = Self { path, text, is_changed: false };
        file.keys()?;
        Ok(file)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn keys(&self) -> io::Result<Keys> {
        toml::from_str(&self.text)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.message()))
    }

    /// The text under a key; of another kind of value, how it is written.
    pub fn value(&self, key: &str) -> Option<String> {
        let value = self.keys().ok()?.remove(key)?.into_inner();
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    /// Puts a text under a key, in the place of what is there.
    pub fn set(&mut self, key: &str, value: &str) -> io::Result<()> {
        if self.value(key).as_deref() == Some(value) {
            return Ok(());
        }
        let written = Value::String(value.to_owned()).to_string();
        match self.keys()?.get(key) {
            Some(found) => self.text.replace_range(found.span(), &written),
            None => self.text.insert_str(0, &format!("{key} = {written}\n")),
        }
        self.is_changed = true;
        // a setting that landed in the wrong place is worse than none
        if self.value(key).as_deref() == Some(value) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("'{key}' cannot be put into it")))
    }

    /// Whether [`Self::save`] has something to do.
    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Puts the file in place whole or not at all, with the mode it had.
    pub fn save(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mode = fs::metadata(&self.path).map_or(0o600, |metadata| metadata.permissions().mode() & 0o7777);
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let unfinished = self.path.with_file_name(name);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&unfinished)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(self.text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &self.path)?;
        fs::File::open(folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(before: &str, key: &str, value: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitor.toml");
        fs::write(&path, before).unwrap();
        let mut file = ConfigFile::open(&path).unwrap();
        file.set(key, value).unwrap();
        file.save().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn only_the_value_changes() {
        let before = "# mine\nhistory = \"30d\" # a month\n\nserver_url='http://old' # the old one\n";
        assert_eq!(
            changed(before, "server_url", "https://tea.example"),
            "# mine\nhistory = \"30d\" # a month\n\nserver_url=\"https://tea.example\" # the old one\n"
        );
        assert_eq!(
            changed(before, "source_id", "büro \"1\""),
            format!("source_id = {}\n{before}", Value::String("büro \"1\"".to_owned()))
        );
        assert_eq!(changed("buffer_size = 7", "source_id", "a"), "source_id = \"a\"\nbuffer_size = 7");
        assert_eq!(changed("source_id = 7 # why not\n", "source_id", "a"), "source_id = \"a\" # why not\n");
        // below a heading it would be another key
        assert_eq!(changed("[x]\ny = 1\n", "source_id", "a"), "source_id = \"a\"\n[x]\ny = 1\n");
    }

    #[test]
    fn a_value_that_is_there_already_is_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitor.toml");
        fs::write(&path, "source_id = 'a'\n").unwrap();
        let mut file = ConfigFile::open(&path).unwrap();
        file.set("source_id", "a").unwrap();
        assert!(!file.is_changed());
        assert_eq!(file.value("source_id").as_deref(), Some("a"));
        assert_eq!(file.value("server_url"), None);
    }

    #[test]
    fn a_file_that_is_not_there_is_made_for_its_owner_and_one_that_is_keeps_its_mode_and_its_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/vibetea/monitor.toml");
        let mut file = ConfigFile::open(&path).unwrap();
        file.set("source_id", "a").unwrap();
        file.save().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));

        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut file = ConfigFile::open(&link).unwrap();
        file.set("source_id", "b").unwrap();
        file.save().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            (mode(&path), fs::read_to_string(&path).unwrap().as_str()),
            (0o644, "source_id = \"b\"\n")
        );
    }

    #[test]
    fn a_file_that_is_no_toml_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitor.toml");
        fs::write(&path, "server_url = \n").unwrap();
        assert!(ConfigFile::open(&path).is_err());
    }
}

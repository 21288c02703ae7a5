//! Files that the pages name are there.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Source, none, root, sources};

/// Endings of files of the tree; settings and keys that programs make have others.
const ENDINGS: [&str; 9] = ["css", "md", "rs", "sh", "sql", "ts", "tsx", "yaml", "yml"];

/// Every file and folder, `/` before each component, also without `src` in between and without its ending, as the pages
/// name modules.
fn tree() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if matches!(name.as_str(), "target" | ".git" | "node_modules" | "dist") {
                continue;
            }
            let whole = format!("/{}", path.strip_prefix(root()).unwrap().to_string_lossy());
            for name in [whole.replace("/src/", "/"), whole] {
                let stem = Path::new(&name).with_extension("").to_string_lossy().into_owned();
                found.extend([name, stem]);
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// What stands between backquotes or as the address of a link.
fn quoted(line: &str) -> Vec<&str> {
    let codes = line.split('`').skip(1).step_by(2);
    let links = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    codes.chain(links).map(|text| text.trim_end_matches('/')).collect()
}

/// Whether it is the name of something in the tree: it begins with one of its folders, or ends as its files do.
fn is_path(text: &str, tree: &BTreeSet<String>) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    let (stem, ending) = text.rsplit_once('.').unwrap_or((text, ""));
    let is_inside = text.split_once('/').is_some_and(|(first, _)| tree.contains(&format!("/{first}")));
    let is_file = ENDINGS.contains(&ending) && !stem.is_empty();
    // a name with a place for a number stands for many
    text.chars().all(plain) && !text.starts_with('/') && !text.contains("NNNN") && (is_inside || is_file)
}

fn is_there(page: &Source, text: &str, tree: &BTreeSet<String>) -> bool {
    let beside = root().join(&page.path).parent().unwrap().join(text);
    let ending = format!("/{text}");
    beside.exists() || tree.iter().any(|path| path.ends_with(&ending))
}

/// `page:line: name` of each that is not there.
fn missing(pages: &[Source], tree: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for page in pages.iter().filter(|source| source.has_ending(&["md"])) {
        for (number, line) in page.text.lines().enumerate() {
            let named = quoted(line).into_iter().filter(|text| is_path(text, tree));
            let gone = named.filter(|text| !is_there(page, text, tree));
            found.extend(gone.map(|text| format!("{}:{}: {text}", page.path, number + 1)));
        }
    }
    found
}

#[test]
fn every_file_that_a_page_names_is_there() {
    none(&missing(&sources(), &tree()), "a page names a file that is gone");
}

/// The twin: names of what is not there.
#[test]
fn a_file_that_is_gone_is_seen_by_the_check() {
    let page = |text: &str| vec![Source { path: "docs/X.md".to_owned(), text: text.to_owned() }];
    let tree = tree();
    for gone in
        ["`monitor/src/keys.rs`", "see [it](docs/NOWHERE.md#part)", "`no_such_test.rs`", "`server/src/gone/`"]
    {
        assert_eq!(missing(&page(gone), &tree).len(), 1, "{gone}");
    }
    let there =
        "`server/store/question`, `tidy.rs`, [it](OPERATIONS.md#part), `migrations/`, `/etc/x.rs`, `a b.rs`";
    assert_eq!(missing(&page(there), &tree), Vec::<String>::new());
}

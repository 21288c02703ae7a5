//! The bill of materials: every crate in the programs, as `CycloneDX`.
//!
//! Written here from `cargo metadata`, as the field's generators describe one crate's tree with its tests and build tools
//! in it, and have to be compiled for minutes; the programs of a release have one list.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::shell::root;

/// The crates of the programs; `vibetea` is made of the other two.
const ROOTS: [&str; 3] = ["vibetea", "vibetea-server", "vibetea-monitor"];

/// The document for programs built for `target`.
pub(super) fn of_the_programs(target: &str) -> Result<String> {
    let document = document(&metadata(target)?, &hashes()?)?;
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn metadata(target: &str) -> Result<Value> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", target])
        .current_dir(root())
        .output()
        .context("cannot start `cargo metadata`")?;
    ensure!(output.status.success(), "`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The SHA-256 of every package that Cargo.lock names, by name and version.
fn hashes() -> Result<BTreeMap<(String, String), String>> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]") {
        let field = |name: &str| {
            let start = format!("{name} = \"");
            let line = package.lines().find_map(|line| line.strip_prefix(start.as_str()))?;
            line.strip_suffix('"').map(str::to_owned)
        };
        if let (Some(name), Some(version), Some(checksum)) =
            (field("name"), field("version"), field("checksum"))
        {
            found.insert((name, version), checksum);
        }
    }
    Ok(found)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

fn document(metadata: &Value, hashes: &BTreeMap<(String, String), String>) -> Result<Value> {
    let packages: BTreeMap<&str, &Value> =
        list(metadata, "packages").iter().map(|package| (text(package, "id"), package)).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"], "nodes").iter().map(|node| (text(node, "id"), node)).collect();
    let roots = packages.iter().filter(|(_, package)| ROOTS.contains(&text(package, "name")));
    let mut waiting: Vec<&str> = roots.map(|(id, _)| *id).collect();
    ensure!(waiting.len() == ROOTS.len(), "the programs are not among the packages of the workspace");
    let mut reached = BTreeSet::new();
    let mut dependencies = Vec::new();
    while let Some(id) = waiting.pop() {
        if !reached.insert(id) {
            continue;
        }
        let node = nodes.get(id).with_context(|| format!("{id} is not resolved"))?;
        let of: Vec<&str> =
            list(node, "deps").iter().filter(|dep| is_linked(dep)).map(|dep| text(dep, "pkg")).collect();
        let refs: BTreeSet<String> =
            of.iter().filter_map(|id| packages.get(id)).map(|package| purl(package)).collect();
        dependencies.push(json!({"ref": purl(packages[id]), "dependsOn": refs}));
        waiting.extend(of);
    }
    let mut components: Vec<Value> = reached
        .iter()
        .filter_map(|id| packages.get(id))
        .filter(|package| text(package, "name") != ROOTS[0])
        .map(|package| component(package, hashes))
        .collect();
    components.sort_by(|a, b| text(a, "purl").cmp(text(b, "purl")));
    dependencies.sort_by(|a, b| text(a, "ref").cmp(text(b, "ref")));
    let whole = packages.values().find(|package| text(package, "name") == ROOTS[0]);
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "cargo xtask dist", "version": env!("CARGO_PKG_VERSION")}]},
            "component": whole.map(|package| component(package, hashes)),
        },
        "components": components,
        "dependencies": dependencies,
    }))
}

/// Whether a dependency is there for the program, not for its tests or its making.
fn is_linked(dependency: &Value) -> bool {
    list(dependency, "dep_kinds").iter().any(|kind| kind["kind"].is_null())
}

fn purl(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text(package, "name"), text(package, "version"))
}

fn component(package: &Value, hashes: &BTreeMap<(String, String), String>) -> Value {
    let (name, version) = (text(package, "name"), text(package, "version"));
    // what is derived at compile time is not in the program
    let derives = list(package, "targets").iter().any(|target| target["kind"] == json!(["proc-macro"]));
    let mut component = json!({
        "type": if ROOTS.contains(&name) { "application" } else { "library" },
        "bom-ref": purl(package),
        "name": name,
        "version": version,
        "purl": purl(package),
        "scope": if derives { "excluded" } else { "required" },
        "licenses": [{"expression": text(package, "license").replace('/', " OR ")}],
    });
    if let Some(hash) = hashes.get(&(name.to_owned(), version.to_owned())) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": hash}]);
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_names_what_is_in_the_programs_with_licence_and_hash_and_nothing_else() {
        let text_of_it = of_the_programs("x86_64-unknown-linux-musl").unwrap();
        let bill: Value = serde_json::from_str(&text_of_it).unwrap();
        let names: BTreeSet<&str> = list(&bill, "components").iter().map(|one| text(one, "name")).collect();
        for inside in
            ["axum", "rusqlite", "libsqlite3-sys", "rustls", "vibetea-server", "vibetea-protocol", "notify"]
        {
            assert!(names.contains(inside), "{inside}: {names:?}");
        }
        for outside in ["proptest", "insta", "cc", "trybuild", "vibetea-testkit", "xtask", "windows-sys"] {
            assert!(!names.contains(outside), "{outside} is in no program");
        }
        for one in list(&bill, "components") {
            assert!(!text(&one["licenses"][0], "expression").is_empty(), "{one}");
            let ours = text(one, "name").starts_with("vibetea");
            assert_eq!(ours, one["hashes"].is_null(), "{one}");
        }
        let references: BTreeSet<&str> =
            list(&bill, "dependencies").iter().map(|one| text(one, "ref")).collect();
        for one in list(&bill, "dependencies").iter().flat_map(|one| list(one, "dependsOn")) {
            assert!(references.contains(one.as_str().unwrap()), "{one} is named and not described");
        }
        assert!(!text_of_it.contains(&root().display().to_string()), "a path of this machine is in it");
    }
}

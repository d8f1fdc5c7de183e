//! The one binary of all whole-system tests: one link step, one list.

mod processes;
mod simulation;
mod store_scripts;

/// A file that nobody lists would be a test that never runs.
#[test]
fn every_file_is_listed() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut forgotten = Vec::new();
    look(&root, &root.join("runner.rs"), &mut forgotten);
    assert!(forgotten.is_empty(), "not listed as a module: {forgotten:?}");
}

/// Looks through a folder whose files the file `parent` must list.
fn look(folder: &std::path::Path, parent: &std::path::Path, forgotten: &mut Vec<std::path::PathBuf>) {
    let listed = std::fs::read_to_string(parent).unwrap_or_default();
    for entry in std::fs::read_dir(folder).expect("the folder of tests").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let is_source = entry.extension().is_some_and(|extension| extension == "rs");
        if is_source && entry != *parent && !listed.lines().any(|line| line.trim() == format!("mod {name};")) {
            forgotten.push(entry.clone());
        }
        let below = folder.join(format!("{name}.rs"));
        if entry.is_dir() && below.exists() {
            look(&entry, &below, forgotten);
        }
    }
}

//! Lists the files of the web app for the binary to embed, if `cargo xtask www` has made them.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo names a folder for what is generated"));
    let app = target_dir(&out).join("www");
    // Cargo runs this again whenever a path that it watches is missing, so the folder is there even when the app is not.
    std::fs::create_dir_all(&app).expect("the target folder can be written");
    println!("cargo::rerun-if-changed={}", app.display());
    let mut files = Vec::new();
    collect(&app, &mut files);
    files.sort();
    let mut code = String::from("&[\n");
    for path in &files {
        write_file(&mut code, &app, path);
    }
    code.push(']');
    std::fs::write(out.join("web_app.rs"), code).expect("the folder for what is generated can be written");
}

/// Finds the folder that Cargo builds into: it marks it for backup programs.
fn target_dir(out: &Path) -> &Path {
    out.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists()).unwrap_or(out)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the app's folder can be read") {
        let path = entry.expect("the app's folder can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_none_or(|extension| extension != "gz") {
            files.push(path);
        }
    }
}

fn write_file(code: &mut String, app: &Path, path: &Path) {
    let name = path.strip_prefix(app).expect("it was found there").to_string_lossy().replace('\\', "/");
    let Some(kind) = kind(path) else { panic!("{name}: of what type is that? See native-node/build.rs") };
    let mut packed = path.as_os_str().to_owned();
    packed.push(".gz");
    let packed = PathBuf::from(packed);
    let is_packed = packed.exists();
    let source = if is_packed { &packed } else { path };
    let bytes = std::fs::read(source).expect("a file of the app can be read");
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let etag = format!("\"{:016x}\"", hasher.finish());
    let route = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
    writeln!(
        code,
        "    File {{ route: {route:?}, kind: {kind:?}, etag: {etag:?}, is_packed: {is_packed}, bytes: include_bytes!({source:?}) }},"
    )
    .expect("a string takes everything");
}

fn kind(path: &Path) -> Option<&'static str> {
    Some(match path.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

//! The web app that the binary carries: what is served is what was built, and browsers are kept strict with it.

use std::path::{Path, PathBuf};

use super::support::Served;

/// The folder that the binary was compiled with, as `cargo xtask www` left it; nothing is in it when that was not run.
fn built() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("www");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("below").to_string_lossy().into_owned();
                files.push((name, std::fs::read(&path).expect("readable")));
            }
        }
    }
    files
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn every_file_of_the_app_is_served_as_it_was_built() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    let files = built();
    let (head, body) = node.get("/", "").await;
    assert!(head.starts_with("http/1.1 200") && header(&head, "content-type") == Some("text/html; charset=utf-8"), "{head}");
    let Some((_, page)) = files.iter().find(|(name, _)| name == "index.html") else {
        assert!(body.contains("This is a node"), "without the app there is a plain page: {body}");
        return;
    };
    assert_eq!(body.as_bytes(), page);
    for (name, _) in files.iter().filter(|(name, _)| !name.ends_with(".gz") && name != "index.html") {
        let (head, _) = node.get(&format!("/{name}"), "Accept-Encoding: gzip\r\n").await;
        assert!(head.starts_with("http/1.1 200"), "{name}: {head}");
        let packed = files.iter().find(|(other, _)| *other == format!("{name}.gz"));
        let bytes = &packed.or(files.iter().find(|(other, _)| other == name)).expect("it was built").1;
        assert_eq!(header(&head, "content-length"), Some(bytes.len().to_string().as_str()), "{name}: {head}");
        assert_eq!(header(&head, "content-encoding"), packed.map(|_| "gzip"), "{name}: {head}");
        let caching = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
        assert_eq!(header(&head, "cache-control"), Some(caching), "{name}");
        let etag = header(&head, "etag").expect("a tag").to_owned();
        let (again, body) = node.get(&format!("/{name}"), &format!("Accept-Encoding: gzip\r\nIf-None-Match: W/\"x\", {etag}\r\n")).await;
        assert!(again.starts_with("http/1.1 304") && body.is_empty(), "{name}: {again}");
        if packed.is_some() {
            let (plain, body) = node.get(&format!("/{name}"), "Accept-Encoding: gzip;q=0, br\r\n").await;
            assert!(plain.starts_with("http/1.1 406") && body.contains("hint"), "{name}: {plain}");
        }
    }
    assert!(node.get("/assets/nothing.js", "").await.0.starts_with("http/1.1 404"));
}

#[tokio::test]
async fn w04_w07_the_app_may_run_its_own_scripts_only_and_nobody_may_frame_it() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &["--public-address", "wss://attic.example:443"]);
    let (head, _) = node.get("/", "").await;
    let policy = header(&head, "content-security-policy").expect("a policy").to_owned();
    for wanted in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"] {
        assert!(policy.contains(wanted), "{wanted}: {policy}");
    }
    assert!(!policy.contains("'unsafe-eval'") && !policy.contains("'unsafe-inline'"), "{policy}");
    assert_eq!(header(&head, "referrer-policy"), Some("no-referrer"));
    assert_eq!(header(&head, "x-content-type-options"), Some("nosniff"));
    assert_eq!(header(&head, "cross-origin-opener-policy"), Some("same-origin"));
    if built().is_empty() {
        return;
    }
    assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';") && policy.contains("worker-src 'self';"), "{policy}");
    assert!(policy.contains("connect-src 'self' https: wss: http://localhost:*"), "on this machine plain sockets will do: {policy}");
    let request = "GET / HTTP/1.1\r\nHost: attic.example\r\nConnection: close\r\n\r\n";
    let (elsewhere, _) = node.ask(&node.listen, request).await;
    let policy = header(&elsewhere, "content-security-policy").expect("a policy");
    assert!(policy.contains("connect-src 'self' https: wss:;"), "elsewhere they will not: {policy}");
}

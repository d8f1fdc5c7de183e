//! The edge of a node under real conditions: the `cachette` binary in processes of its own, real sockets, hostile and careless callers.

mod edge {
    mod command;
    mod exhaustion;
    mod http;
    mod links;
    mod raw;
    mod sockets;
    mod support;
    mod web_app;
}

#[test]
fn every_file_beside_this_one_is_listed() {
    let listed = include_str!("edge.rs");
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/edge");
    for entry in std::fs::read_dir(directory).expect("the directory of the tests") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name in UTF-8");
        let module = name.strip_suffix(".rs").expect("a Rust file");
        assert!(listed.contains(&format!("mod {module};")), "{name} is not listed in edge.rs");
    }
}

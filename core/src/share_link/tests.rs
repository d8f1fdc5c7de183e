use serde_json::{Value, json};

use super::*;
use crate::vectors::check;

fn link() -> ShareLink {
    let nodes = vec![(PeerId([0xc5; 32]), "wss://attic.example:4001".to_owned()), (PeerId([0x3a; 32]), "ws://192.168.0.7:4001".to_owned())];
    ShareLink { vault: VaultId([0x11; 32]), secret: Arc::new(ShareSecret::new([0x5a; 32])), digest: [0x77; 16], nodes }
}

fn text_of(bytes: &[u8]) -> String {
    let bytes = [bytes, &checksum_of(bytes)].concat();
    format!("{PREFIX}{}", BASE64URL.encode(&bytes))
}

fn same(one: &ShareLink, other: &ShareLink) -> bool {
    (one.vault, one.secret.expose(), one.digest, &one.nodes) == (other.vault, other.secret.expose(), other.digest, &other.nodes)
}

#[test]
fn a_link_is_read_as_people_paste_it() {
    let text = link().to_string();
    let bare = text.strip_prefix(PREFIX).expect("written by us");
    let broken: String = bare.char_indices().map(|(i, c)| if i % 40 == 39 { format!("{c}\n  ") } else { c.to_string() }).collect();
    for pasted in [
        text.clone(),
        bare.to_owned(),
        format!("#{text}"),
        format!("#/{text}"),
        format!("  https://attic.example:4001/#{text}\n"),
        format!("https://attic.example/#link/{broken}"),
    ] {
        assert!(same(&ShareLink::parse(&pasted).expect("a link"), &link()), "{pasted}");
    }
}

#[test]
fn a_url_leads_to_a_page_that_a_browser_trusts() {
    let fragment = link().to_string();
    assert_eq!(link().url(), Some(format!("https://attic.example:4001/#{fragment}")));
    let at = |address: &str| ShareLink { nodes: vec![(PeerId([1; 32]), address.to_owned())], ..link() };
    assert_eq!(at("wss://attic.example").url(), Some(format!("https://attic.example/#{}", at("wss://attic.example"))));
    assert_eq!(at("ws://127.0.0.1:4001").url(), Some(format!("http://127.0.0.1:4001/#{}", at("ws://127.0.0.1:4001"))));
    assert_eq!(at("ws://192.168.0.7:4001").url(), None, "no secure context, no app");
}

#[test]
fn every_slip_of_one_character_is_noticed() {
    let text = link().to_string();
    for at in PREFIX.len()..text.len() {
        for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars().filter(|c| !text[at..].starts_with(*c)) {
            let slip = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert!(ShareLink::parse(&slip).is_err(), "{at} {other}");
        }
    }
}

#[test]
fn a_link_cut_short_says_so() {
    let text = link().to_string();
    for end in PREFIX.len()..text.len() {
        assert_eq!(ShareLink::parse(&text[..end]).map(|_| ()), Err(ShareLinkError::Truncated), "{end}");
    }
}

#[test]
fn mistakes_have_names() {
    let error = |text: &str| ShareLink::parse(text).expect_err("no link");
    let text = link().to_string();
    for other in ["", "hello", "https://attic.example/", "https://attic.example/index.html", "/photos/2026", "cachette-invite-abc"] {
        assert_eq!(error(other), ShareLinkError::NotALink, "{other}");
    }
    assert_eq!(error(&"x".repeat(1 << 20)), ShareLinkError::NotALink);
    assert_eq!(error(&text.replacen("link/", "link/ü", 1)), ShareLinkError::Character('ü'));
    assert_eq!(error(&format!("{text}AAAA")), ShareLinkError::Mistyped);
    assert_eq!(error(&text_of(&[2, 0x90])), ShareLinkError::Version(2));
    assert_eq!(error(&text_of(&[1, 0x90])), ShareLinkError::Contents);
    let without = ShareLink { nodes: Vec::new(), ..link() };
    assert_eq!(error(&without.to_string()), ShareLinkError::Contents);
    let many = ShareLink { nodes: vec![(PeerId([1; 32]), "ws://a:1".into()); LINK_NODES + 1], ..link() };
    assert_eq!(error(&many.to_string()), ShareLinkError::Contents);
    let nowhere = ShareLink { nodes: vec![(PeerId([1; 32]), "http://a:1".into())], ..link() };
    assert_eq!(error(&nowhere.to_string()), ShareLinkError::Contents);
}

#[test]
fn k10_debug_output_does_not_show_the_secret() {
    let shown = format!("{:?}", ShareLink { secret: Arc::new(ShareSecret::new(*b"canary canary canary canary cana")), ..link() });
    assert!(!shown.contains("secret") && !shown.contains("99, 97") && !shown.contains("canary"), "{shown}");
}

#[test]
fn vectors_of_links() {
    let valid = |name: &str, link: &ShareLink| {
        assert!(same(&ShareLink::parse(&link.to_string()).expect(name), link));
        json!({
            "name": name,
            "text": link.to_string(),
            "vault": link.vault.to_string(),
            "secret": crate::vectors::hex(link.secret.expose()),
            "digest": crate::vectors::hex(&link.digest),
            "id": link.id().to_string(),
            "nodes": link.nodes.iter().map(|(peer, address)| json!([peer.to_string(), address])).collect::<Vec<_>>(),
            "url": link.url(),
        })
    };
    let text = link().to_string();
    let invalid = [
        ("cut_short", text[..text.len() - 9].to_owned()),
        ("mistyped", text.replacen("link/AZ", "link/Aa", 1)),
        ("later_version", text_of(&[2, 0x90])),
        ("no_body", text_of(&[1, 0x90])),
        ("without_nodes", ShareLink { nodes: Vec::new(), ..link() }.to_string()),
        ("not_a_link", "https://attic.example/".to_owned()),
    ];
    let invalid: Vec<Value> = invalid
        .into_iter()
        .map(|(name, text)| {
            let error = ShareLink::parse(&text).expect_err(name);
            json!({ "name": name, "text": text, "error": error.to_string() })
        })
        .collect();
    let one = ShareLink { nodes: vec![(PeerId([0xc5; 32]), "wss://attic.example".to_owned())], ..link() };
    check("share_link", &json!({ "valid": [valid("two_nodes", &link()), valid("one_node", &one)], "invalid": invalid }));
}

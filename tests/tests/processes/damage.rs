//! Blocks that rot on a node's disk.

use std::fs;

use cachette_tests::process::Node;

use super::bench::{Bench, blocks, fails};

#[test]
fn r01_r03_r05_corrupted_truncated_and_swapped_blocks_are_read_elsewhere_and_mended() {
    let mut bench = Bench::new(3, &[]);
    let file = bench.file("film", 6 << 20, 3);
    bench.put(&file);
    let rotten = bench.nodes[0].data_dir.join("node");
    // Full blocks hold the film's content; the smaller one at the end, with the tree, is in the client's cache and not read again.
    let before: Vec<(std::path::PathBuf, Vec<u8>)> = blocks(&rotten)
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).expect("a block")))
        .filter(|(_, bytes)| bytes.len() == 1 << 20)
        .collect();
    assert!(before.len() >= 5, "{}", before.len());
    let (mut corrupt, cut) = (before[0].1.clone(), &before[1].1);
    let at = corrupt.len() / 2;
    corrupt[at] ^= 1;
    fs::write(&before[0].0, &corrupt).expect("a disk");
    fs::write(&before[1].0, &cut[..cut.len() / 3]).expect("a disk");
    fs::write(&before[2].0, &before[3].1).expect("a disk");
    fs::write(&before[3].0, &before[2].1).expect("a disk");
    let expected = fs::read(&file).expect("a file");
    bench.holds("film", &expected);
    // Which node a read asks is chance: alone, it must look at its own blocks. What it finds damaged, the check brings back.
    let mut rounds = 0;
    loop {
        bench.nodes[1..].iter_mut().for_each(Node::kill);
        let back = bench.home.path().join(format!("back {rounds}"));
        let alone = bench.client.run(["get".as_ref(), "/film".as_ref(), back.as_os_str()]);
        if alone.code == Some(0) {
            assert!(fs::read(&back).expect("a file") == expected, "what is got is right");
            break;
        }
        fails(&alone, 4, "on no node that can be reached");
        assert!(!back.exists(), "nothing rotten is written");
        bench.nodes = std::mem::take(&mut bench.nodes)
            .into_iter()
            .enumerate()
            .map(|(index, node)| if index == 0 { node } else { node.again() })
            .collect();
        bench.client.run(["check", "--repair"]);
        rounds += 1;
        assert!(rounds < 8, "the check mends what a read found");
    }
    assert!(rounds > 0, "somebody noticed");
    for (path, bytes) in &before {
        assert!(fs::read(path).is_ok_and(|found| found == *bytes), "{} is as it was", path.display());
    }
}

#[test]
fn a_put_of_what_all_nodes_have_lost_sends_it_anew() {
    let mut bench = Bench::new(2, &[]);
    let (film, other) = (bench.file("film", 6 << 20, 1), bench.file("other", 6 << 20, 2));
    bench.put(&film);
    for node in &mut bench.nodes {
        node.kill();
        for block in blocks(&node.data_dir.join("node")) {
            fs::remove_file(block).expect("a disk");
        }
    }
    bench.nodes = std::mem::take(&mut bench.nodes).into_iter().map(Node::again).collect();
    let back = bench.home.path().join("back");
    fails(&bench.client.run(["get".as_ref(), "/film".as_ref(), back.as_os_str()]), 4, "on no node that can be reached");
    let both = [film.to_str().expect("text"), other.to_str().expect("text")];
    let put = bench.client.well(["put", "--checksum", both[0], both[1]]).event("put").clone();
    assert_eq!((&put["state"], &put["copies"]), (&"safe".into(), &2.into()), "{put}");
    for (name, path) in [("film", &film), ("other", &other)] {
        bench.holds(name, &fs::read(path).expect("a file"));
    }
}

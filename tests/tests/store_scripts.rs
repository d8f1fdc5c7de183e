//! The scripts of store operations on the memory store of the simulator and on the store on disk.

use std::fs;
use std::path::Path;
use std::sync::mpsc;

use cachette::disk::{Options, Store};
use cachette_core::store::{RequestId, StoreAnswer, StoreOp};
use cachette_core::time::{Span, Time};
use cachette_scripts::{Model, Script, generate};
use cachette_tests::sim::disk::Disk;
use cachette_tests::sim::rng::Rng;

#[test]
fn every_store_gives_the_answers_of_the_stories() {
    let stories = stories();
    assert!(stories.len() >= 5, "the stories were not found");
    for script in stories {
        run_everywhere(&script);
    }
}

#[test]
fn every_store_gives_the_answers_of_scripts_from_seeds() {
    for seed in 0..4 {
        run_everywhere(&generate(seed, 100));
    }
}

#[test]
fn a_wrong_answer_fails_a_script() {
    let script = generate(1, 40);
    let last = script.steps.len() - 1;
    let wrong = StoreAnswer::Failed(cachette_core::store::StoreFault::Failed);
    assert!(script.steps[last].check(last, &wrong).expect_err("another answer").contains("must be"));
}

fn stories() -> Vec<Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/store");
    let files = fs::read_dir(folder).expect("the folder of stories").map(|entry| entry.expect("an entry").path());
    let read =
        |path: &Path| Script::parse(&fs::read_to_string(path).expect("text")).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).map(|path| read(&path)).collect()
}

fn run_everywhere(script: &Script) {
    let mut model = Model::default();
    run(script, "the model", |op| model.perform(op));

    let mut memory = Disk::new(Rng::new(1));
    memory.slowness = Span(0);
    run(script, "memory", |op| {
        memory.ask(Time(0), RequestId(1), op);
        memory.tick(Time(0));
        memory.tick(Time(0));
        memory.poll().expect("answered at once").1
    });

    let home = tempfile::tempdir().expect("a temporary directory");
    let disk = Store::open(home.path(), Options { reserve: Some(0), ..Options::default() }).expect("opened");
    run(script, "the disk", |op| {
        let (sender, receiver) = mpsc::channel();
        disk.submit(op, move |answer| sender.send(answer).expect("the test waits"));
        receiver.recv().expect("every operation is answered")
    });
}

fn run(script: &Script, store: &str, mut perform: impl FnMut(StoreOp) -> StoreAnswer) {
    for (number, step) in script.steps.iter().enumerate() {
        if let Err(difference) = step.check(number, &perform(step.op.clone())) {
            panic!("{}, on {store}: {difference}", script.story);
        }
    }
}

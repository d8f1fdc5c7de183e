//! `cargo xtask …`: the only entry point for people and for CI. Light, so that it starts fast.

mod bench;
mod budget;
mod cargo;
mod demo;
mod libtest;
mod module;
mod npm;
mod package;
mod soak;
mod stage;
mod structure;
mod suite;
mod tree;
mod vectors;
mod wasm;
mod www;

use std::process::ExitCode;

/// Why a command came to nothing, in words for the person who ran it.
type Failure = String;

struct Command {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const COMMANDS: &[Command] = &[
    Command { name: "test", arguments: "", about: "everything that must pass before a change lands; what CI runs", run: suite::test },
    Command {
        name: "check",
        arguments: "",
        about: "the fast part of it: formatting, structure, clippy on this machine",
        run: suite::check,
    },
    Command {
        name: "fmt",
        arguments: "",
        about: "formats the code and rewrites the generated table in core/docs/threats.md",
        run: suite::fmt,
    },
    Command {
        name: "demo",
        arguments: "[--keep]",
        about: "three nodes, a real tree of files, one node killed, everything read back",
        run: demo::run,
    },
    Command {
        name: "bench",
        arguments: "[NAME…|--browser]",
        about: "measures this machine's limits and our speed beside them",
        run: bench::run,
    },
    Command {
        name: "soak",
        arguments: "[--for 1h] [NAME…]",
        about: "the long checks: fuzzing, kill loops, large simulations",
        run: soak::run,
    },
    Command {
        name: "browsers",
        arguments: "[WORD…]",
        about: "the tests in browsers, or those whose browser or name contains a word",
        run: module::run_tests,
    },
    Command { name: "package", arguments: "", about: "the npm package in target/npm, packed and judged", run: package::run },
    Command { name: "wasm", arguments: "", about: "builds what a browser loads into wasm/dist and weighs it", run: module::run },
    Command { name: "www", arguments: "", about: "builds the web app into target/www, which the binary embeds", run: www::run },
    Command {
        name: "vectors",
        arguments: "",
        about: "writes core/docs/vectors anew from today's code, for review in a diff",
        run: vectors::run,
    },
    Command { name: "help", arguments: "", about: "this list", run: help },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = arguments.split_first().map_or(("help", &[][..]), |(name, rest)| (name.trim_start_matches('-'), rest));
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("error: no command `{name}`\n");
        let _ = help(&[]);
        return ExitCode::from(2);
    };
    match (command.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn help(_: &[String]) -> Result<(), Failure> {
    println!("usage: cargo xtask COMMAND\n");
    for command in COMMANDS {
        let usage = format!("{} {}", command.name, command.arguments);
        println!("  {usage:<26} {}", command.about);
    }
    Ok(())
}

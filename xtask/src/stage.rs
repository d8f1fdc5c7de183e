//! Stages of a run: each is named, timed, watched and counted, and the run ends with one plain line.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::budget::{Account, Part, clock};
use crate::libtest::{self, Count};

/// A run of stages. Those after a failed one still run, so that one look shows everything that is wrong.
#[derive(Default)]
pub(crate) struct Run {
    account: Account,
    tests: Count,
    failed: Vec<String>,
}

impl Run {
    /// Runs one stage that prints for itself and says at the end what went wrong, if anything did.
    pub(crate) fn stage(&mut self, part: Part, name: &str, work: impl FnOnce(Duration) -> Result<(), Failure>) -> bool {
        println!("── {name}");
        let start = Instant::now();
        let result = work(self.account.left(part));
        let took = start.elapsed();
        self.account.add(part, took);
        match result {
            Ok(()) => println!("   {name}: {}", clock(took)),
            Err(failure) => {
                println!("   {name}: FAILED after {}: {failure}", clock(took));
                self.failed.push(name.to_owned());
                return false;
            }
        }
        true
    }

    /// Runs one command as a stage.
    pub(crate) fn command(&mut self, part: Part, name: &str, command: Command) -> bool {
        self.stage(part, name, |left| succeed(command, left))
    }

    /// Runs test binaries as a stage and counts their tests.
    pub(crate) fn tests(&mut self, name: &str, command: Command) -> bool {
        let mut count = Count::default();
        let well = self.stage(Part::Tests, name, |left| {
            let result = tests(command, left, &mut count);
            if result.is_ok() && count.passed == 0 { Err("no test ran".to_owned()) } else { result }
        });
        if count.failed > 0 {
            // The tests that failed are counted themselves.
            self.failed.retain(|failed| failed != name);
        }
        self.tests.passed += count.passed;
        self.tests.failed += count.failed;
        self.tests.ignored += count.ignored;
        well
    }

    /// Prints times beside budgets and the closing line: tests that passed; tests and other stages that failed.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        println!("\n{}", self.account.table());
        for stage in &self.failed {
            println!("failed: {stage}");
        }
        if self.tests.ignored > 0 {
            println!("{} long tests left to `cargo xtask soak`", self.tests.ignored);
        }
        let failed = self.tests.failed + self.failed.len() as u64;
        println!("{} passed, {failed} failed", self.tests.passed);
        if failed == 0 { Ok(()) } else { Err("not everything passed".to_owned()) }
    }
}

/// Runs a command to its end, or stops it when its time is up.
pub(crate) fn succeed(mut command: Command, left: Duration) -> Result<(), Failure> {
    let child = command.stdin(Stdio::null()).spawn().map_err(|error| format!("{command:?}: {error}"))?;
    status(wait(child, left)?)
}

fn tests(mut command: Command, left: Duration, count: &mut Count) -> Result<(), Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let output = child.stdout.take().expect("invariant: the output is piped");
    let reader = thread::spawn(move || {
        let mut count = Count::default();
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            count.take(&line);
            if !libtest::is_pass(&line) && !line.is_empty() {
                println!("{line}");
            }
        }
        count
    });
    let ended = wait(child, left);
    *count = reader.join().map_err(|_| "the reader of the tests' output failed")?;
    status(ended?)
}

fn status(status: ExitStatus) -> Result<(), Failure> {
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

fn wait(mut child: Child, left: Duration) -> Result<ExitStatus, Failure> {
    let pid = child.id();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait()));
    match ended.recv_timeout(left) {
        Ok(status) => status.map_err(|error| error.to_string()),
        Err(_) => {
            kill(&descendants(pid));
            Err(format!("stopped: this part of the run took more than {} times its budget", Part::GROSS))
        }
    }
}

/// Returns a process and all that it started, oldest first; elsewhere than on Linux only itself.
fn descendants(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| parent(&entry)).collect();
    let mut next = 0;
    while let Some(&elder) = family.get(next) {
        family.extend(parents.iter().filter(|(_, parent)| *parent == elder).map(|(child, _)| *child));
        next += 1;
    }
    family
}

fn parent(entry: &std::fs::DirEntry) -> Option<(u32, u32)> {
    let pid = entry.file_name().to_str()?.parse().ok()?;
    let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
    // The name in parentheses may hold anything; state and parent follow the last one.
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    Some((pid, parent))
}

fn kill(family: &[u32]) {
    let _ = Command::new("kill").arg("-9").args(family.iter().map(u32::to_string)).stderr(Stdio::null()).status();
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_stopped_with_what_it_started() {
        let mut hanging = Command::new("sh");
        hanging.args(["-c", "sleep 600 & wait"]);
        let start = Instant::now();
        let failure = succeed(hanging, Duration::from_millis(200)).expect_err("it hangs");
        assert!(failure.contains("stopped"), "{failure}");
        assert!(start.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn failed_tests_and_failed_stages_are_counted_once_each() {
        let mut run = Run::default();
        let script = |text: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", text]);
            command
        };
        assert!(run.command(Part::Checks, "good", script("exit 0")));
        assert!(!run.command(Part::Checks, "bad", script("exit 3")));
        assert!(!run.tests("tests", script("echo 'test result: FAILED. 5 passed; 2 failed; 1 ignored'; exit 101")));
        assert!(!run.tests("crash", script("echo 'test result: ok. 1 passed; 0 failed; 0 ignored'; exit 101")));
        assert!(!run.tests("nothing", script("exit 0")));
        assert_eq!(run.failed, ["bad", "crash", "nothing"]);
        assert_eq!(run.tests, Count { passed: 6, failed: 2, ignored: 1 });
        assert!(run.finish().is_err());
    }
}

//! `cargo xtask soak`: the checks that take longer than a person waits.
//!
//! A long check is a test marked `#[ignore = "soak: …"]`. It runs for `CACHETTE_SOAK_SECONDS` and prints the seed of what failed.

use std::time::Duration;

use crate::Failure;
use crate::cargo::{PROFILE, cargo, loud, output};
use crate::stage::succeed;
use crate::suite::none;

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let (time, names) = parse(arguments)?;
    if names.is_empty() && time.is_none() {
        return list();
    }
    let time = time.unwrap_or(DEFAULT);
    let mut soak = loud(&["test", "--locked", "--workspace", "--profile", PROFILE, "--no-fail-fast", "--"]);
    soak.args(["--ignored", "--nocapture", "--test-threads=1"]).args(names).env("CACHETTE_SOAK_SECONDS", time.as_secs().to_string());
    succeed(soak, Duration::MAX)?;
    audit()
}

/// Prints which long checks there are.
fn list() -> Result<(), Failure> {
    let listing = output(cargo(&["test", "--locked", "--workspace", "--profile", PROFILE, "--", "--ignored", "--list"]))?;
    println!("long checks (`cargo xtask soak --for 1h` runs all, one after the other, each for an hour; names choose):\n");
    for name in listing.lines().filter_map(|line| line.strip_suffix(": test")) {
        println!("  {name}");
    }
    Ok(())
}

/// Asks cargo-deny about advisories and licences, where it is installed.
fn audit() -> Result<(), Failure> {
    if output(loud(&["deny", "--version"])).is_err() {
        println!("cargo-deny is not installed, so advisories and licences were not checked");
        return Ok(());
    }
    succeed(loud(&["deny", "check", "advisories", "licenses", "bans"]), Duration::MAX)
}

fn parse(arguments: &[String]) -> Result<(Option<Duration>, &[String]), Failure> {
    match arguments {
        [flag, time, names @ ..] if flag == "--for" => {
            let time = duration(time).ok_or(format!("`{time}` is no time such as 90s, 10m or 1h"))?;
            Ok((Some(time), names))
        }
        names if names.iter().all(|name| !name.starts_with('-')) => Ok((None, names)),
        other => none(other).map(|()| (None, other)),
    }
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?))
}

/// How long a check that was named runs when nobody says how long.
const DEFAULT: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_names_are_understood() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parse(&words("--for 1h kill")), Ok((Some(Duration::from_secs(3600)), &words("kill")[..])));
        assert_eq!(parse(&words("kill")), Ok((None, &words("kill")[..])));
        for text in ["--for", "--for 1", "--for h", "--for -1s", "--for 1é", "--four 1h"] {
            assert!(parse(&words(text)).is_err(), "{text}");
        }
    }
}

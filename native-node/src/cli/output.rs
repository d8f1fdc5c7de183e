//! What a command prints: data on standard output, talk on standard error, or one JSON object per event.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use serde::Serialize;

use super::error::{CliError, ExitKind};
use super::paths::printable;

/// Where a command's words go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    quiet: bool,
}

/// What `--json` prints when a command fails.
#[derive(Serialize)]
struct Failure<'a> {
    event: &'static str,
    kind: &'static str,
    exit: u8,
    message: &'a str,
    details: &'a [String],
    hints: &'a [String],
}

/// What `--json` prints of an alarm.
#[derive(Serialize)]
struct Warning<'a> {
    event: &'static str,
    message: String,
    hint: &'a str,
}

impl Output {
    /// Chooses between people and machines.
    #[must_use]
    pub const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Says whether machines read.
    #[must_use]
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// Says whether people want to hear nothing beside the data.
    #[must_use]
    pub const fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Prints an event: an object for machines, lines for people, both on standard output.
    pub fn event<T: Serialize>(self, event: &T, human: impl FnOnce() -> String) {
        let line = if self.json { serde_json::to_string(event).unwrap_or_else(|error| error.to_string()) } else { human() };
        write_line(&mut stdout().lock(), &line);
    }

    /// Prints text as it is.
    pub fn text(self, text: &str) {
        write_line(&mut stdout().lock(), text.trim_end_matches('\n'));
    }

    /// Tells people something beside the data; machines and `--quiet` do not hear it.
    pub fn note(self, text: &str) {
        if !self.json && !self.quiet {
            write_line(&mut stderr().lock(), text);
        }
    }

    /// Tells of a doubt about the data: people beside it, unless they want to hear little, machines as an event.
    pub fn doubt<T: Serialize>(self, event: &T, human: &str) {
        if self.json {
            self.event(event, String::new);
        } else {
            self.note(human);
        }
    }

    /// Tells of something that must not happen, with what to do about it: also to machines, and also when people want to hear little.
    pub fn alarm(self, alarm: &dyn std::fmt::Display, advice: &str) {
        if self.json {
            let warning = Warning { event: "alarm", message: alarm.to_string(), hint: advice };
            self.event(&warning, String::new);
        } else {
            write_line(&mut stderr().lock(), &format!("{} {alarm}\n  hint: {advice}", emphasis("alarm:")));
        }
    }

    /// Prints how the command failed.
    pub fn failure(self, error: &CliError) {
        if self.json {
            let CliError { kind, message, details, hints } = error;
            let failure = Failure { event: "error", kind: kind.name(), exit: *kind as u8, message, details, hints };
            self.event(&failure, String::new);
            return;
        }
        // Names that peers and other devices chose stand in what is said here.
        let mut text = format!("{} {}", emphasis("error:"), printable(&error.message));
        error.details.iter().for_each(|detail| text.push_str(&format!("\n  {}", printable(detail))));
        error.hints.iter().for_each(|hint| text.push_str(&format!("\n  hint: {}", printable(hint))));
        write_line(&mut stderr().lock(), &text);
    }
}

/// Writes a line. A reader that went away (`| head`) wants no more words; whatever else goes wrong must not look like success.
fn write_line(to: &mut impl Write, line: &str) {
    match writeln!(to, "{line}").and_then(|()| to.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            // Standard error may be what failed.
            let _ = writeln!(stderr(), "{} what this command has to say cannot be written: {error}", emphasis("error:"));
            std::process::exit(ExitKind::Environment as i32);
        }
    }
}

/// Bold red on a terminal that may have colour; plain elsewhere.
fn emphasis(text: &str) -> String {
    let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if !refused && (forced || stderr().is_terminal()) { format!("\x1b[1;31m{text}\x1b[0m") } else { text.to_owned() }
}

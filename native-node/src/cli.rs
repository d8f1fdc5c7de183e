//! The command line: one file per command, named as typed; the doc comment on its `Args` is its help text.

mod carriers;
mod change;
mod check;
mod commit;
pub mod completions;
pub mod config;
pub mod error;
mod get;
mod init;
mod interruption;
pub mod invite;
mod listing;
mod man;
mod movement;
pub mod output;
mod password;
mod paths;
pub mod peers;
mod progress;
mod put;
pub mod serve;
mod session;
mod share;
mod sheet;
pub mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};

use self::error::{CliError, ExitKind};
use self::output::Output;
use crate::config::{Config, Source, keys};
use crate::logging;

/// Keeps files encrypted on several machines at once, none of which can read them.
#[derive(Debug, Parser)]
#[command(name = "cachette", version, propagate_version = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// The configuration file (else the one in the user's configuration directory)
    #[arg(long, global = true, value_name = "FILE", env = "CACHETTE_CONFIG")]
    config: Option<PathBuf>,
    /// Where everything of this machine lives
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print one JSON object per event
    #[arg(long, global = true)]
    json: bool,
    /// Log more; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Log and say less
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// How logs look: text or json
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
    #[command(subcommand)]
    command: Command,
}

/// What a command works with.
#[derive(Debug, Clone)]
pub struct Context {
    /// What is in force.
    pub config: Config,
    /// Where words go.
    pub output: Output,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Put(put::Args),
    Get(get::Args),
    Cat(get::CatArgs),
    Ls(listing::LsArgs),
    Stat(listing::StatArgs),
    Share(share::Args),
    Shares(share::ListArgs),
    Unshare(share::UnshareArgs),
    Rm(change::RmArgs),
    Mv(change::MvArgs),
    Check(check::Args),
    Serve(Box<serve::Args>),
    Invite(invite::Args),
    Status(status::Args),
    Peers(peers::Args),
    Config(config::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are no failures, and people are told by the parser itself.
        Err(error) if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") => {
            let text = error.to_string();
            let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let message = lines.next().unwrap_or_default().trim_start_matches("error: ");
            let failure = lines.fold(CliError::new(ExitKind::Usage, message), CliError::detail);
            Output::new(true, false).failure(&failure);
            return ExitCode::from(ExitKind::Usage as u8);
        }
        Err(error) => error.exit(),
    };
    let output = Output::new(cli.json, cli.quiet);
    match run(cli, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.failure(&error);
            ExitCode::from(error.kind as u8)
        }
    }
}

fn run(cli: Cli, output: Output) -> Result<(), CliError> {
    match &cli.command {
        Command::Completions(args) => {
            args.run(output);
            return Ok(());
        }
        Command::Man(args) => return args.run(),
        _ => {}
    }
    let mut config = Config::load(cli.config.as_deref(), |name| std::env::var(name).ok())?;
    config.take_flag(keys::DATA_DIR, "--data-dir", cli.data_dir.map(|path| path.to_string_lossy().into_owned()));
    config.take_flag(keys::LOG_FORMAT, "--log-format", cli.log_format);
    let level = match (cli.quiet, cli.verbose) {
        (true, _) => Some(("error", "--quiet")),
        (_, 0) => None,
        (_, 1) => Some(("info,cachette=debug", "--verbose")),
        _ => Some(("debug,cachette=trace", "--verbose")),
    };
    if let Some((filter, flag)) = level {
        config.take_flag(keys::LOG_FILTER, flag, [filter.to_owned()]);
    }
    // A node's log is what it has to say; a command says what it has to say itself.
    let is_serve = matches!(cli.command, Command::Serve(_));
    let untouched = config.setting(keys::LOG_FILTER).source == Source::Default;
    let filter = if untouched && !is_serve { "warn".to_owned() } else { config.value(keys::LOG_FILTER)? };
    logging::start(config.value(keys::LOG_FORMAT)?, &filter)?;

    let context = Context { config, output };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(ExitKind::Environment, format!("no threads can be started: {error}")))?;
    let done = runtime.block_on(async move {
        match cli.command {
            Command::Init(args) => args.run(context).await,
            Command::Put(args) => args.run(context).await,
            Command::Get(args) => args.run(context).await,
            Command::Cat(args) => args.run(context).await,
            Command::Ls(args) => args.run(context).await,
            Command::Stat(args) => args.run(context).await,
            Command::Share(args) => args.run(context).await,
            Command::Shares(args) => args.run(context).await,
            Command::Unshare(args) => args.run(context).await,
            Command::Rm(args) => args.run(context).await,
            Command::Mv(args) => args.run(context).await,
            Command::Check(args) => args.run(context).await,
            Command::Serve(args) => args.run(context).await,
            Command::Invite(args) => args.run(context).await,
            Command::Status(args) => args.run(context).await,
            Command::Peers(args) => args.run(context).await,
            Command::Config(args) => args.run(&context),
            Command::Completions(_) | Command::Man(_) => Ok(()),
        }
    });
    // A thread that still reads a file or a pipe does not keep a finished command from ending.
    runtime.shutdown_background();
    done
}

const EXIT_CODES: &str = "Exit codes: 0 done, 2 usage, 3 configuration, 4 environment (disk, network, no node running), 5 not safe yet,\n\
    6 not found, 7 damaged, 8 refused, 70 internal error, 130 interrupted";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_exit_kind_is_in_the_help() {
        let kinds = [
            ExitKind::Usage,
            ExitKind::Config,
            ExitKind::Environment,
            ExitKind::NotSafeYet,
            ExitKind::NotFound,
            ExitKind::Damaged,
            ExitKind::Refused,
            ExitKind::Internal,
            ExitKind::Interrupted,
        ];
        for kind in kinds {
            let named = EXIT_CODES.split([',', ':']).any(|part| part.trim().starts_with(&format!("{} ", kind as u8)));
            assert!(named, "{}", kind.name());
        }
    }
}

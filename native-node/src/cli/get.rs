//! `cachette get` and `cachette cat`.

mod printing;
mod range;
mod tree;

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use bytesize::ByteSize;
use cachette_core::share_link::{ShareLink, ShareLinkError};
use cachette_core::vault::tree::{Name, Node, Path};
use cachette_core::vault::{Command, CommandError, LinkError, Reply, SharedKind};
use serde::Serialize;

use super::Context;
use super::error::{CliError, ExitKind};
use super::interruption::interrupted;
use super::password::PasswordArgs;
use super::paths::{printable, shown, vault_path};
use super::progress::Progress;
use super::session::Session;
use printing::print;
use range::range_of;
use tree::{Getting, Got};

/// Gets a file or folder out of the vault
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file or folder in the vault, or a link to something shared: the whole URL, or what follows its #
    #[arg(value_name = "PATH or LINK")]
    path: String,
    /// Where to: a path that does not exist, a folder to put it into, or - for standard output
    target: Option<PathBuf>,
    /// Only these bytes of a file: FIRST-LAST, FIRST- or -COUNT from the end
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    range: Option<String>,
    /// Write over files that exist
    #[arg(short, long)]
    force: bool,
    /// How long to wait for nodes while nothing moves, before giving up
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    wait: humantime::Duration,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Prints a file of the vault on standard output
#[derive(Debug, clap::Args)]
pub(super) struct CatArgs {
    /// The file in the vault
    path: String,
    /// Only these bytes: FIRST-LAST, FIRST- or -COUNT from the end
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    range: Option<String>,
    /// How long to wait for nodes while nothing moves, before giving up
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    wait: humantime::Duration,
    #[command(flatten)]
    password: PasswordArgs,
}

#[derive(Serialize)]
struct Done {
    event: &'static str,
    files: u64,
    /// Of these, those that stood there already.
    unchanged: u64,
    bytes: u64,
    seconds: f64,
    target: String,
    failed: Vec<String>,
}

impl CatArgs {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let mut session = Session::open(&context, &self.password).await?;
        session.refresh(&context).await?;
        let path = vault_path(&self.path)?;
        let result = print(&session, &path, self.range.as_deref(), *self.wait).await;
        session.close().await;
        result
    }
}

impl Args {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let started = Instant::now();
        let (session, path, name) = match link_in(&self.path)? {
            Some(link) => self.visit(&context, link).await?,
            None => {
                let path = vault_path(&self.path)?;
                let mut session = Session::open(&context, &self.password).await?;
                session.refresh(&context).await?;
                let name = path.name().cloned();
                (session, path, name)
            }
        };
        if self.target.as_ref().is_some_and(|target| target.as_os_str() == "-") {
            let result = print(&session, &path, self.range.as_deref(), *self.wait).await;
            session.close().await;
            return result;
        }
        let nothing = AtomicU64::new(0);
        let node = tokio::select! {
            node = stat(&session, &path) => node?,
            stalled = session.stalled(*self.wait, &nothing) => return Err(stalled),
        };
        let target = self.target_of(name.as_ref())?;
        let progress = Progress::of_get(&context, &session, len_of(&node));
        let range = self.range.as_ref().map(|range| range_of(range, len_of(&node))).transpose()?;
        let counter = progress.counter();
        let mut getting = Getting::new(&session, &progress, self.force);
        let work = async {
            match range {
                Some(range) => getting.range(&path, &node, &target, range).await,
                None => getting.everything(path.clone(), node.clone(), &target).await,
            }
        };
        tokio::select! {
            done = work => done?,
            stalled = session.stalled(*self.wait, &counter) => return Err(stalled.hint(GOES_ON)),
            interrupted = interrupted() => return Err(interrupted.hint(GOES_ON)),
        }
        let Got { files, unchanged, bytes, failed, in_the_way } = getting.got;
        progress.finish();
        session.close().await;
        let target = printable(&target.to_string_lossy());
        let done = Done { event: "get", files, unchanged, bytes, seconds: started.elapsed().as_secs_f64(), target, failed };
        // Of nothing there is nothing to tell but why.
        if done.files > 0 || done.failed.is_empty() {
            context.output.event(&done, || {
                let files = if done.files == 1 { "1 file".to_owned() } else { format!("{} files", done.files) };
                let there = if done.unchanged == 0 { String::new() } else { format!(" · {} of them there already", done.unchanged) };
                format!("got  {files}, {}{there} · {} · {:.1} s", ByteSize(done.bytes).display().iec(), done.target, done.seconds)
            });
        }
        if done.failed.is_empty() { Ok(()) } else { Err(not_written(&done, in_the_way, self.force)) }
    }

    /// Opens a link; returns the path at which what was shared stands in it, and its name.
    async fn visit(&self, context: &Context, link: ShareLink) -> Result<(Session, Path, Option<Name>), CliError> {
        let mut session = Session::visit(context, link).await?;
        let nothing = AtomicU64::new(0);
        tokio::select! {
            found = session.client.run(Command::Stat(Path::root())) => drop(found.map_err(|error| session.of_link(error))?),
            stalled = session.stalled(*self.wait, &nothing) => return Err(stalled),
        }
        let contents = session.client.shared().await?.ok_or_else(|| CliError::from(CommandError::Link(LinkError::Vanished)))?;
        session.take_places(&contents);
        let name = if contents.name.is_empty() {
            None
        } else {
            Some(Name::new(&contents.name).map_err(|error| CliError::new(ExitKind::Damaged, error))?)
        };
        let path = match (contents.kind, &name) {
            (SharedKind::File, Some(name)) => Path::root().join(name.clone()).map_err(|error| CliError::new(ExitKind::Damaged, error))?,
            _ => Path::root(),
        };
        Ok((session, path, name))
    }

    fn target_of(&self, name: Option<&Name>) -> Result<PathBuf, CliError> {
        use std::os::unix::ffi::OsStrExt;
        let name = name.map(|name| std::ffi::OsStr::from_bytes(name.as_bytes()).to_owned());
        Ok(match (&self.target, name) {
            (Some(target), Some(name)) if target.is_dir() => target.join(name),
            (Some(target), _) => target.clone(),
            (None, Some(name)) => PathBuf::from(name),
            (None, None) => {
                return Err(
                    CliError::new(ExitKind::Usage, "the whole vault needs a folder to be put into").hint("cachette get / everything")
                );
            }
        })
    }
}

/// The command's end when something was not written.
fn not_written(done: &Done, in_the_way: usize, force: bool) -> CliError {
    let rest = if done.files > 0 { "; the rest is" } else { "" };
    let many = if done.failed.len() == 1 { "1 thing".to_owned() } else { format!("{} things", done.failed.len()) };
    let kind = if in_the_way == done.failed.len() { ExitKind::Usage } else { ExitKind::Environment };
    let mut error = CliError::new(kind, format!("{many} could not be written{rest}"));
    for line in done.failed.iter().take(SHOWN) {
        error = error.detail(line);
    }
    if done.failed.len() > SHOWN {
        error = error.detail(format!("and {} more", done.failed.len() - SHOWN));
    }
    match (in_the_way, force) {
        (0, _) => error.hint("nothing in the vault was changed; once the cause is gone, the same command gets what is missing"),
        (_, false) => error.hint("what stands there was left as it is: --force writes over files, another target keeps both"),
        (_, true) => error.hint("what stands there is no file, or a folder is needed in its place: move it away, or choose another target"),
    }
}

/// Reads a link where somebody gave one; a path of the vault is none.
fn link_in(text: &str) -> Result<Option<ShareLink>, CliError> {
    let looks_like_one =
        text.starts_with("https://") || text.starts_with("http://") || text.starts_with('#') || text.starts_with("link/AZ");
    match ShareLink::parse(text) {
        Ok(link) => Ok(Some(link)),
        Err(_) if !looks_like_one => Ok(None),
        Err(error) => {
            let failure = CliError::new(ExitKind::Usage, error);
            Err(match error {
                ShareLinkError::NotALink => {
                    failure.hint("the part behind the # opens it, and some programs leave that out: copy the whole link, in quotes")
                }
                ShareLinkError::Version(_) => failure.hint("update Cachette to open it"),
                _ => failure.hint("copy it once more from where it came from, in quotes"),
            })
        }
    }
}

/// Says which file was not read, and which nodes were not heard.
fn unread(session: &Session, path: &Path, error: CommandError) -> CliError {
    let failure = if session.is_visit() {
        session.of_link(error)
    } else {
        session.unreachable().into_iter().fold(error.into(), |failure: CliError, (name, why)| failure.detail(format!("{name}: {why}")))
    };
    CliError { message: format!("{}: {}", shown(path), failure.message), ..failure }
}

/// Returns what stands at a path of the vault.
pub(super) async fn stat(session: &Session, path: &Path) -> Result<Node, CliError> {
    match session.client.run(Command::Stat(path.clone())).await? {
        Reply::Stat(node) => Ok(node),
        _ => Err(CliError::new(ExitKind::Internal, "a look-up got another command's reply")),
    }
}

const fn len_of(node: &Node) -> u64 {
    match node {
        Node::File { len, .. } => *len,
        _ => 0,
    }
}

/// What an interruption costs: nothing.
const GOES_ON: &str = "the same command goes on where it stopped";
/// Failures that are listed one by one.
const SHOWN: usize = 20;
/// Bytes that are read ahead of the disk.
const AHEAD: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_told_from_a_path_and_a_broken_one_says_how_to_get_a_whole_one() {
        for path in ["/photos", "photos/link/AZ", "/link/to", "link/to", "a#b", "2026", "AZIB"] {
            assert!(link_in(path).expect("a path").is_none(), "{path}");
        }
        let link = ShareLink {
            vault: cachette_core::id::VaultId([1; 32]),
            secret: std::sync::Arc::new(cachette_core::share_link::ShareSecret::new([2; 32])),
            digest: [4; 16],
            nodes: vec![(cachette_core::id::PeerId([3; 32]), "wss://attic.example".to_owned())],
        };
        let (url, fragment) = (link.url().expect("a web address"), link.to_string());
        for text in [&url, &fragment, &format!("#{fragment}")] {
            assert_eq!(link_in(text).expect("a link").map(|link| link.id()), Some(link.id()));
        }
        let cases = [
            ("https://attic.example/", "no link to something shared", "the part behind the # opens it"),
            (&url[..url.len() - 5], "cut short", "copy it once more"),
            (&fragment[..fragment.len() - 5], "cut short", "copy it once more"),
        ];
        for (text, message, hint) in cases {
            let Err(error) = link_in(text) else { panic!("{text} is no link") };
            assert!(error.message.contains(message) && error.hints[0].contains(hint), "{text}: {error:?}");
        }
    }
}

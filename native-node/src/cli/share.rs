//! `cachette share`, `cachette shares` and `cachette unshare`.

use std::time::Instant;

use bytesize::ByteSize;
use cachette_core::id::ShareId;
use cachette_core::vault::{Command, ListedShare, Reply, SharedKind};
use serde::Serialize;

use super::Context;
use super::error::{CliError, ExitKind};
use super::listing::time;
use super::movement::Movement;
use super::password::PasswordArgs;
use super::paths::{printable, shown, vault_path};
use super::session::Session;

/// Makes a link to a file or folder as it is now; whoever has the link can read that and nothing else
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file or folder in the vault
    path: String,
    /// How long to wait for nodes while nothing moves, before giving up
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    wait: humantime::Duration,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Lists the links that were made and not withdrawn, on any device
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Show the links themselves
    #[arg(short, long)]
    links: bool,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Withdraws a link: nodes no longer say where its copy lies; who opened it before may have kept what they saw
#[derive(Debug, clap::Args)]
pub(super) struct UnshareArgs {
    /// What `cachette shares` calls it, or its first letters
    id: String,
    /// How long to wait for nodes while nothing moves, before giving up
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    wait: humantime::Duration,
    #[command(flatten)]
    password: PasswordArgs,
}

#[derive(Serialize)]
struct Made {
    event: &'static str,
    id: String,
    path: String,
    /// The link as a URL, if a node serves the web app where browsers trust it.
    url: Option<String>,
    /// The link without a place to open it at.
    fragment: String,
    state: &'static str,
}

#[derive(Serialize)]
struct Listed {
    event: &'static str,
    id: String,
    path: String,
    kind: &'static str,
    bytes: u64,
    created: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

#[derive(Serialize)]
struct Withdrawn {
    event: &'static str,
    id: String,
    path: String,
}

impl Args {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let path = vault_path(&self.path)?;
        let mut session = Session::open(&context, &self.password).await?;
        session.refresh(&context).await?;
        let reply = wait_for(&session, Command::Share(path.clone()), *self.wait).await?;
        let Reply::Shared { id, link, copies } = reply else {
            return Err(CliError::new(ExitKind::Internal, "the share got another command's reply"));
        };
        let (state, safety) = session.safety(copies);
        let made = Made { event: "share", id: id.to_string(), path: shown(&path), url: link.url(), fragment: link.to_string(), state };
        // The link alone stands on standard output, so that it can be piped on.
        context.output.event(&made, || made.url.clone().unwrap_or_else(|| made.fragment.clone()));
        context.output.note(&format!("{state}  {} · {safety}", printable(&made.path)));
        context.output.note(&format!("whoever has this link can read it until `cachette unshare {}`", &made.id[..SHORT]));
        if made.url.is_none() {
            context.output.note("no node can be opened in a browser (none has a wss:// address): `cachette get` opens the link");
        }
        session.close().await;
        Ok(())
    }
}

impl ListArgs {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let mut session = Session::open(&context, &self.password).await?;
        session.refresh(&context).await?;
        for share in shares(&session).await? {
            let link = self.links.then(|| share.link.url().unwrap_or_else(|| share.link.to_string()));
            let kind = match share.kind {
                SharedKind::File => "file",
                SharedKind::Folder => "folder",
            };
            let (id, path) = (share.id.to_string(), shown(&share.path));
            let listed = Listed { event: "link", id, path, kind, bytes: share.bytes, created: share.created.0, link };
            context.output.event(&listed, || {
                let size = ByteSize(listed.bytes).display().iec().to_string();
                let made = time(i64::try_from(listed.created / 1000).unwrap_or(i64::MAX));
                let line = format!("{}  {made}  {size:>10}  {}", &listed.id[..SHORT], printable(&listed.path));
                listed.link.iter().fold(line, |line, link| format!("{line}\n  {link}"))
            });
        }
        session.close().await;
        Ok(())
    }
}

impl UnshareArgs {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let mut session = Session::open(&context, &self.password).await?;
        session.refresh(&context).await?;
        let listed = shares(&session).await?;
        let (id, path) = choose(&listed, &self.id)?;
        wait_for(&session, Command::Withdraw(id), *self.wait).await?;
        let withdrawn = Withdrawn { event: "unshare", id: id.to_string(), path };
        context.output.event(&withdrawn, || format!("withdrawn  {} · the link opens nothing any more", printable(&withdrawn.path)));
        session.close().await;
        Ok(())
    }
}

/// Finds the link that was meant by the first letters of its id.
fn choose(listed: &[ListedShare], text: &str) -> Result<(ShareId, String), CliError> {
    let text = text.to_ascii_lowercase();
    let meant: Vec<&ListedShare> = listed.iter().filter(|share| !text.is_empty() && share.id.to_string().starts_with(&text)).collect();
    match meant.as_slice() {
        [share] => Ok((share.id, shown(&share.path))),
        [] => Err(CliError::new(ExitKind::NotFound, format!("no link is called {text}")).hint("`cachette shares` lists them")),
        several => {
            Err(CliError::new(ExitKind::Usage, format!("{} links begin with {text}", several.len())).hint("give more of its letters"))
        }
    }
}

async fn shares(session: &Session) -> Result<Vec<ListedShare>, CliError> {
    match session.client.run(Command::Shares).await? {
        Reply::Shares(listed) => Ok(listed),
        _ => Err(CliError::new(ExitKind::Internal, "a list of links got another command's reply")),
    }
}

/// Runs a command that ends when nodes have confirmed something, or when nothing has moved for `wait`.
async fn wait_for(session: &Session, command: Command, wait: std::time::Duration) -> Result<Reply, CliError> {
    let mut reply = std::pin::pin!(session.client.run(command));
    let (mut movement, mut last) = (Movement::of(session), Instant::now());
    loop {
        tokio::select! {
            reply = &mut reply => return reply.map_err(|error| session.why_not_safe(error)),
            () = tokio::time::sleep(LOOK) => {}
        }
        if movement.goes_on(session) {
            last = Instant::now();
        } else if last.elapsed() > wait {
            let failure = session.not_safe_yet().await;
            return Err(CliError { hints: vec!["run the same command again when a node is back".into()], ..failure });
        }
    }
}

/// Letters of a link's id that people are shown.
const SHORT: usize = 12;
/// How often is looked whether something moved.
const LOOK: std::time::Duration = std::time::Duration::from_millis(200);

//! `cachette ls` and `cachette stat`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytesize::ByteSize;
use cachette_core::id::{BlockId, PeerId};
use cachette_core::node::{Answer, Request};
use cachette_core::vault::tree::{Entry, Meta, Node, Path};
use cachette_core::vault::{Command, Reply};
use serde::Serialize;

use super::Context;
use super::error::{CliError, ExitKind};
use super::get::stat;
use super::password::PasswordArgs;
use super::paths::{printable, shown, vault_path};
use super::session::Session;

/// Lists a folder of the vault
#[derive(Debug, clap::Args)]
pub(super) struct LsArgs {
    /// The folder
    #[arg(default_value = "/")]
    path: String,
    /// With mode, size and time
    #[arg(short, long)]
    long: bool,
    /// With everything below
    #[arg(short = 'R', long)]
    recursive: bool,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Shows what a file consists of and where its copies lie
#[derive(Debug, clap::Args)]
pub(super) struct StatArgs {
    /// The file or folder
    path: String,
    #[command(flatten)]
    password: PasswordArgs,
}

#[derive(Serialize)]
struct Listed {
    event: &'static str,
    path: String,
    kind: &'static str,
    size: Option<u64>,
    mode: Option<u32>,
    modified: Option<i64>,
    /// Of a symlink.
    target: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    event: &'static str,
    path: String,
    kind: &'static str,
    size: Option<u64>,
    mode: Option<u32>,
    modified: Option<i64>,
    /// Of a symlink.
    target: Option<String>,
    chunks: u64,
    blocks: usize,
    /// None when nobody could be asked.
    copies: Option<usize>,
    holders: BTreeMap<String, usize>,
}

impl LsArgs {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let path = vault_path(&self.path)?;
        let mut session = Session::open(&context, &self.password).await?;
        session.refresh(&context).await?;
        let node = if path.is_root() { Node::Dir { meta: Meta::default(), pages: None } } else { stat(&session, &path).await? };
        let mut open = VecDeque::new();
        if matches!(node, Node::Dir { .. }) {
            open.push_back(path.clone());
        } else {
            self.print(&context, &path, &node);
        }
        while let Some(folder) = open.pop_front() {
            for entry in entries(&session, &folder).await? {
                let below = folder.join(entry.name).map_err(|error| CliError::new(ExitKind::Damaged, error))?;
                self.print(&context, &below, &entry.node);
                if self.recursive && matches!(entry.node, Node::Dir { .. }) {
                    open.push_back(below);
                }
            }
        }
        session.close().await;
        Ok(())
    }

    fn print(&self, context: &Context, path: &Path, node: &Node) {
        let meta = node.meta();
        let listed = Listed {
            event: "entry",
            path: shown(path),
            kind: kind(node),
            size: size(node),
            mode: meta.map(|meta| meta.mode),
            modified: meta.map(|meta| meta.modified_seconds),
            target: target(node),
        };
        context.output.event(&listed, || {
            let mut name = if self.recursive { shown(path) } else { path.name().map(ToString::to_string).unwrap_or_else(|| "/".into()) };
            if matches!(node, Node::Dir { .. }) {
                name.push('/');
            }
            let mut name = printable(&name);
            if !self.long {
                return name;
            }
            if let Some(target) = target(node) {
                name.push_str(&format!(" -> {}", printable(&target)));
            }
            let size = size(node).map_or_else(|| "-".into(), |size| ByteSize(size).display().iec().to_string());
            let time = meta.map_or_else(|| "-".into(), |meta| time(meta.modified_seconds));
            format!("{:04o}  {size:>10}  {time}  {name}", meta.map_or(0, |meta| meta.mode))
        });
    }
}

impl StatArgs {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let path = vault_path(&self.path)?;
        let mut session = Session::open(&context, &self.password).await?;
        let answered = session.refresh(&context).await?.answered > 0;
        let node = stat(&session, &path).await?;
        let (chunks, blocks) = layout(&session, &path, &node).await?;
        let mut holders: BTreeMap<PeerId, usize> = BTreeMap::new();
        let mut fewest = None;
        for ids in blocks.iter().copied().collect::<Vec<_>>().chunks(1024) {
            let vault = session.client.look(|peer| peer.vault().id()).await?;
            let ids = ids.to_vec();
            if let Answer::Whereabouts(rows) = session.client.ask(|ask| Request::Locate(ask, vault, ids)).await? {
                for place in rows {
                    let copies = place.carriers.len();
                    fewest = Some(fewest.map_or(copies, |fewest: usize| fewest.min(copies)));
                    place.carriers.into_iter().for_each(|peer| *holders.entry(peer).or_default() += 1);
                }
            }
        }
        let meta = node.meta();
        let stat = Shown {
            event: "stat",
            path: shown(&path),
            kind: kind(&node),
            size: size(&node),
            mode: meta.map(|meta| meta.mode),
            modified: meta.map(|meta| meta.modified_seconds),
            target: target(&node),
            chunks,
            blocks: blocks.len(),
            copies: fewest.filter(|_| answered),
            holders: holders.into_iter().map(|(peer, count)| (session.name(&peer), count)).collect(),
        };
        context.output.event(&stat, || text(&stat, session.carriers.is_empty()));
        session.close().await;
        Ok(())
    }
}

fn text(stat: &Shown, alone: bool) -> String {
    let mut text = printable(&stat.path);
    let mut line = |name: &str, value: String| text.push_str(&format!("\n  {name:<9} {value}"));
    line("kind", stat.kind.into());
    if let Some(target) = &stat.target {
        line("to", printable(target));
    }
    if let Some(size) = stat.size {
        line("size", format!("{} ({size} bytes)", ByteSize(size).display().iec()));
    }
    if let (Some(mode), Some(modified)) = (stat.mode, stat.modified) {
        line("mode", format!("{mode:04o}"));
        line("changed", time(modified));
    }
    if stat.kind == "file" {
        line("parts", stat.blocks.to_string());
        if alone {
            line("copies", "1, on this machine only".into());
        } else if stat.blocks > 0 {
            line(
                "copies",
                stat.copies.map_or_else(|| "unknown: no node answered".into(), |copies| format!("{copies} of every part, at least")),
            );
            for (node, count) in &stat.holders {
                line("", format!("{} holds {count} of {}", printable(node), stat.blocks));
            }
        }
    }
    text
}

/// Returns all entries of a folder.
pub(super) async fn entries(session: &Session, path: &Path) -> Result<Vec<Entry>, CliError> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let after = all.last().map(|entry| entry.name.clone());
        match session.client.run(Command::List { path: path.clone(), after, limit: 4096 }).await? {
            Reply::List(page) if page.is_empty() => return Ok(all),
            Reply::List(page) => all.extend(page),
            _ => return Err(CliError::new(ExitKind::Internal, "a listing got another command's reply")),
        }
    }
}

/// Returns how many chunks a file has, and its blocks.
async fn layout(session: &Session, path: &Path, node: &Node) -> Result<(u64, BTreeSet<BlockId>), CliError> {
    let (mut chunks, mut blocks, mut from) = (0, BTreeSet::new(), 0);
    let Node::File { len, .. } = node else { return Ok((0, blocks)) };
    while from < *len {
        let Reply::Layout(page) = session.client.run(Command::Layout { path: path.clone(), from, limit: 4096 }).await? else { break };
        let Some(last) = page.last() else { break };
        from = last.start + u64::from(last.len);
        chunks += page.len() as u64;
        blocks.extend(page.into_iter().flat_map(|chunk| chunk.blocks));
    }
    Ok((chunks, blocks))
}

const fn kind(node: &Node) -> &'static str {
    match node {
        Node::File { .. } => "file",
        Node::Dir { .. } => "folder",
        Node::Symlink { .. } => "symlink",
        Node::Mount { .. } => "mounted vault",
        Node::Unknown { .. } => "unknown",
    }
}

const fn size(node: &Node) -> Option<u64> {
    match node {
        Node::File { len, .. } => Some(*len),
        _ => None,
    }
}

/// Returns where a symlink leads; bytes that are no text are replaced.
fn target(node: &Node) -> Option<String> {
    match node {
        Node::Symlink { target, .. } => Some(String::from_utf8_lossy(target).into_owned()),
        _ => None,
    }
}

/// Writes a time as people read it, in UTC.
pub(super) fn time(seconds: i64) -> String {
    let moment = u64::try_from(seconds).map(|seconds| std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds));
    moment.map_or_else(
        |_| "before 1970".into(),
        |moment| humantime::format_rfc3339_seconds(moment).to_string().replace('T', " ").replace('Z', ""),
    )
}

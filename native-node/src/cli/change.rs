//! `cachette rm` and `cachette mv`.

use cachette_core::vault::Command;
use cachette_core::vault::tree::Node;
use serde::Serialize;

use super::Context;
use super::commit::commit;
use super::error::{CliError, ExitKind};
use super::get::stat;
use super::password::PasswordArgs;
use super::paths::{printable, shown, vault_path};
use super::session::Session;

/// Removes files and folders from the vault; what was stored stays on its nodes for as long as the vault's retention says
#[derive(Debug, clap::Args)]
pub(super) struct RmArgs {
    /// Files and folders of the vault
    #[arg(required = true)]
    paths: Vec<String>,
    /// Remove folders with everything in them
    #[arg(short, long)]
    recursive: bool,
    /// How long to wait for nodes while nothing moves, before giving up
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    wait: humantime::Duration,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Moves or renames a file or folder of the vault; no content is sent again
#[derive(Debug, clap::Args)]
pub(super) struct MvArgs {
    /// What to move
    from: String,
    /// Its new path, or a folder to move it into
    to: String,
    /// How long to wait for nodes while nothing moves, before giving up
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    wait: humantime::Duration,
    #[command(flatten)]
    password: PasswordArgs,
}

#[derive(Serialize)]
struct Done {
    event: &'static str,
    state: &'static str,
    what: String,
    block_bytes: u64,
}

impl RmArgs {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let mut session = Session::open(&context, &self.password).await?;
        session.refresh(&context).await?;
        for text in &self.paths {
            let path = vault_path(text)?;
            if path.is_root() {
                return Err(CliError::new(ExitKind::Usage, "the root folder cannot be removed"));
            }
            if matches!(stat(&session, &path).await?, Node::Dir { .. }) && !self.recursive {
                return Err(CliError::new(ExitKind::Usage, format!("{} is a folder", shown(&path)))
                    .hint("add -r to remove it with everything in it"));
            }
            session.client.run(Command::Remove(path)).await?;
        }
        let what = if self.paths.len() == 1 { self.paths[0].clone() } else { format!("{} entries", self.paths.len()) };
        finish(context, session, "rm", format!("removed {what}"), *self.wait).await
    }
}

impl MvArgs {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let mut session = Session::open(&context, &self.password).await?;
        session.refresh(&context).await?;
        let from = vault_path(&self.from)?;
        let mut to = vault_path(&self.to)?;
        let into_folder = to.is_root() || matches!(stat(&session, &to).await, Ok(Node::Dir { .. }));
        if let Some(name) = from.name().filter(|_| into_folder) {
            to = to.join(name.clone()).map_err(|error| CliError::new(ExitKind::Usage, error))?;
        }
        let what = format!("moved {} to {}", shown(&from), shown(&to));
        session.client.run(Command::Move(from, to)).await?;
        finish(context, session, "mv", what, *self.wait).await
    }
}

async fn finish(context: Context, session: Session, event: &'static str, what: String, wait: std::time::Duration) -> Result<(), CliError> {
    let committed = commit(&session, String::new(), wait).await?;
    let (state, copies) = session.safety(committed.copies);
    let done = Done { event, state, what, block_bytes: committed.stats.block_bytes };
    context.output.event(&done, || format!("{state}  {} · {copies}", printable(&done.what)));
    session.close().await;
    Ok(())
}

//! `cachette check`.

use std::collections::BTreeMap;

use cachette_core::node::{Answer, Request};
use cachette_core::vault::{Command, Reply};
use serde::Serialize;

use super::Context;
use super::error::{CliError, ExitKind};
use super::password::PasswordArgs;
use super::session::Session;

/// Asks every node what it holds of the vault, and says what is missing or short of copies
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Bring missing copies back from those that are there
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    password: PasswordArgs,
}

#[derive(Serialize)]
struct Checked {
    event: &'static str,
    state: &'static str,
    blocks: u64,
    whole: u64,
    short: BTreeMap<u8, usize>,
    missing: Vec<String>,
    strangers: u64,
    mended: u64,
    silent: BTreeMap<String, String>,
}

impl Args {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let mut session = Session::open(&context, &self.password).await?;
        session.refresh(&context).await?;
        let Reply::Live(live) = session.client.run(Command::Live).await? else {
            return Err(CliError::new(ExitKind::Internal, "the list of live blocks got another command's reply"));
        };
        let vault = session.client.look(|peer| peer.vault().id()).await?;
        let mend = self.repair;
        let Answer::Audited(audit) = session.client.ask(|ask| Request::Audit { ask, vault, live, mend }).await? else {
            return Err(CliError::new(ExitKind::Internal, "the check was not carried out"));
        };
        let mut short = BTreeMap::new();
        audit.short.iter().for_each(|(_, copies)| *short.entry(*copies).or_default() += 1);
        let alone = session.carriers.is_empty();
        let nobody = !alone && audit.silent.len() >= session.carriers.len();
        let state = if nobody {
            "unknown"
        } else if !audit.missing.is_empty() || (!short.is_empty() && !alone) {
            "at risk"
        } else {
            "safe"
        };
        let checked = Checked {
            event: "check",
            state,
            blocks: audit.blocks,
            whole: audit.whole,
            short,
            missing: audit.missing.iter().map(ToString::to_string).collect(),
            strangers: audit.strangers,
            mended: audit.mended,
            silent: audit.silent.iter().map(|(peer, trouble)| (session.name(peer), trouble.to_string())).collect(),
        };
        context.output.event(&checked, || text(&checked, alone));
        session.close().await;
        if nobody {
            return Err(CliError::new(ExitKind::Environment, "no node answered, so nothing is known of the copies")
                .hint("nothing was changed; `cachette peers` shows how to reach them"));
        }
        if !checked.missing.is_empty() {
            let text = format!("{} on no node that answered", blocks(checked.missing.len() as u64, "is", "are"));
            return Err(if checked.silent.is_empty() {
                CliError::new(ExitKind::Damaged, text).hint("put the files again, or bring a node back that has them")
            } else {
                CliError::new(ExitKind::NotSafeYet, text).hint("bring the nodes back that did not answer, and check again")
            });
        }
        if !alone && !checked.short.is_empty() {
            let error = CliError::new(ExitKind::NotSafeYet, "some blocks have fewer copies than agreed");
            return Err(if self.repair {
                error.hint("run the check again when all nodes answer")
            } else {
                error.hint("`cachette check --repair` brings them back")
            });
        }
        Ok(())
    }
}

fn text(checked: &Checked, alone: bool) -> String {
    let state = if alone { "local" } else { checked.state };
    let mut text = format!("{state}  {} of {} have all their copies", checked.whole, blocks(checked.blocks, "", "").trim_end());
    for (copies, count) in &checked.short {
        text.push_str(&format!("\n  {} {copies} {}", blocks(*count as u64, "has", "have"), if *copies == 1 { "copy" } else { "copies" }));
    }
    if !checked.missing.is_empty() && checked.state != "unknown" {
        text.push_str(&format!("\n  {} on no node that answered", blocks(checked.missing.len() as u64, "is", "are")));
    }
    if checked.mended > 0 {
        text.push_str(&format!("\n  {} copies were brought back", checked.mended));
    }
    if checked.strangers > 0 {
        text.push_str(&format!(
            "\n  {} blocks on nodes belong to nothing that the vault needs now; they cost space only",
            checked.strangers
        ));
    }
    for (node, why) in &checked.silent {
        text.push_str(&format!("\n  {node} did not answer: {why}"));
    }
    text
}

/// Counts blocks in words, with the verb that fits.
fn blocks(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 block {one}") } else { format!("{count} blocks {many}") }
}

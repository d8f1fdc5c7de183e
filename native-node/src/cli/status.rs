//! `cachette status`.

use std::time::Duration;

use bytesize::ByteSize;
use serde::Serialize;

use super::Context;
use super::carriers::node_here;
use super::check::parts;
use super::error::CliError;
use super::password::PasswordArgs;
use crate::api::model::StatusAnswer;

/// Shows how the node that runs on this machine is, or else its vault
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    password: PasswordArgs,
}

#[derive(Serialize)]
struct Shown<'a> {
    event: &'static str,
    #[serde(flatten)]
    status: &'a StatusAnswer,
}

impl Args {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let Some(node) = node_here(&context)? else { return super::carriers::status(&context, &self.password).await };
        let status: StatusAnswer = node.get("/api/v1/status").await?;
        context.output.event(&Shown { event: "status", status: &status }, || text(&status));
        Ok(())
    }
}

fn text(status: &StatusAnswer) -> String {
    let size = |bytes: u64| ByteSize(bytes).display().iec();
    let store = &status.store;
    let state = status.not_ready_because.as_deref().unwrap_or("takes new blocks");
    let mut text = format!(
        "node {} ({}), up {}\n  peer id   {}\n  address   {}\n  state     {state}\n  store     {} of {} in {}; {} free on the disk, {} stay free\n  peers     {} linked now",
        status.name,
        status.version,
        humantime::format_duration(Duration::from_secs(status.uptime)),
        status.peer,
        status.addresses.join(", "),
        size(store.bytes),
        size(store.limit),
        parts(store.blocks),
        size(store.disk_free),
        size(store.reserve),
        status.links,
    );
    for vault in &status.vaults {
        text.push_str(&format!("\n  vault     {}…  {:>10}  {}", short(&vault.vault), size(vault.bytes).to_string(), parts(vault.blocks)));
    }
    text
}

fn short(id: &str) -> &str {
    id.get(..16).unwrap_or(id)
}

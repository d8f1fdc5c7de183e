//! `cachette peers`.

use std::time::Duration;

use bytesize::ByteSize;
use serde::Serialize;

use super::Context;
use super::carriers::node_here;
use super::error::CliError;
use super::password::PasswordArgs;
use crate::api::model::{PeerAnswer, PeersAnswer};

/// Shows who is linked to the node that runs on this machine, or else the nodes of its vault
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    password: PasswordArgs,
}

#[derive(Serialize)]
struct Shown<'a> {
    event: &'static str,
    #[serde(flatten)]
    peer: &'a PeerAnswer,
}

impl Args {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let Some(node) = node_here(&context)? else { return super::carriers::peers(&context, &self.password).await };
        let answer: PeersAnswer = node.get("/api/v1/peers").await?;
        if answer.peers.is_empty() {
            context.output.note("no peers are linked now");
        }
        for peer in &answer.peers {
            context.output.event(&Shown { event: "peer", peer }, || line(peer));
        }
        Ok(())
    }
}

fn line(peer: &PeerAnswer) -> String {
    let size = |bytes: u64| ByteSize(bytes).display().iec().to_string();
    format!(
        "{}…  {:<3}  {:<8}  received {:>10}  sent {:>10}",
        peer.peer.get(..16).unwrap_or(&peer.peer),
        peer.direction,
        humantime::format_duration(Duration::from_secs(peer.seconds)).to_string(),
        size(peer.received),
        size(peer.sent),
    )
}

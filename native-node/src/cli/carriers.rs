//! What `cachette status` and `cachette peers` say of a vault: how safe it is, and how its nodes are.

use bytesize::ByteSize;
use cachette_core::node::{Answer, CarrierState, Request};
use serde::Serialize;

use super::Context;
use super::error::CliError;
use super::password::PasswordArgs;
use super::session::Session;
use crate::api::client::NodeClient;
use crate::client::open::{device_file, vault_dir};
use crate::config::keys;

#[derive(Serialize)]
struct Vault {
    event: &'static str,
    vault: String,
    device: String,
    certificate: u64,
    nodes: usize,
    answering: usize,
    replicas: u8,
    min_replicas: u8,
    state: &'static str,
}

#[derive(Serialize)]
struct Node {
    event: &'static str,
    name: String,
    peer: String,
    zone: String,
    addresses: Vec<String>,
    answers: bool,
    trouble: Option<String>,
    used: Option<u64>,
    blocks: Option<u64>,
    limit: Option<u64>,
    round_trip_ms: Option<u64>,
}

/// Finds the node that runs on this machine; `None` where only a vault lives.
pub(super) fn node_here(context: &Context) -> Result<Option<NodeClient>, CliError> {
    let data_dir = context.config.value::<std::path::PathBuf>(keys::DATA_DIR)?;
    match NodeClient::find(&data_dir) {
        Ok(node) => Ok(Some(node)),
        Err(_) if device_file(&vault_dir(&data_dir)).exists() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Shows the vault of this machine.
pub(super) async fn status(context: &Context, password: &PasswordArgs) -> Result<(), CliError> {
    let mut session = Session::open(context, password).await?;
    let reach = session.refresh(context).await?;
    let (vault, device, tip) =
        session.client.look(|peer| (peer.vault().id(), peer.vault().device(), peer.vault().chain().tip().clone())).await?;
    let shown = Vault {
        event: "vault-status",
        vault: vault.to_string(),
        device: device.to_string(),
        certificate: tip.number,
        nodes: reach.of,
        answering: reach.answered,
        replicas: tip.policy.wanted(reach.of),
        min_replicas: tip.policy.safe_at(reach.of),
        state: if reach.of == 0 { "local" } else { "safe" },
    };
    context.output.event(&shown, || {
        let nodes = match shown.nodes {
            0 => "none: files are on this machine only".to_owned(),
            nodes => format!("{} of {nodes} answer; {} copies wanted, safe from {}", shown.answering, shown.replicas, shown.min_replicas),
        };
        format!("vault    {}\ndevice   {}\nnodes    {nodes}", &shown.vault[..16], &shown.device[..16])
    });
    list(context, &session).await?;
    session.close().await;
    Ok(())
}

/// Shows the vault's nodes.
pub(super) async fn peers(context: &Context, password: &PasswordArgs) -> Result<(), CliError> {
    let session = Session::open(context, password).await?;
    if session.carriers.is_empty() {
        context.output.note("this vault has no nodes yet; `cachette init --join INVITATION` adds one");
    }
    list(context, &session).await?;
    session.close().await;
    Ok(())
}

async fn list(context: &Context, session: &Session) -> Result<(), CliError> {
    let vault = session.client.look(|peer| peer.vault().id()).await?;
    let Answer::Carriers(mut states) = session.client.ask(|ask| Request::Survey(ask, vault)).await? else { return Ok(()) };
    states.sort_by_cached_key(|state| session.name(&state.peer));
    for CarrierState { peer, status, round_trip } in states {
        let carrier = session.carriers.iter().find(|carrier| carrier.peer == peer);
        let known = status.as_ref().ok();
        let node = Node {
            event: "node",
            name: session.name(&peer),
            peer: peer.to_string(),
            zone: carrier.map(|carrier| carrier.zone.clone()).unwrap_or_default(),
            addresses: carrier.map(|carrier| carrier.addresses.clone()).unwrap_or_default(),
            answers: known.is_some(),
            trouble: status.as_ref().err().map(ToString::to_string),
            used: known.map(|status| status.used),
            blocks: known.map(|status| status.blocks),
            limit: known.map(|status| status.limit),
            round_trip_ms: round_trip.map(cachette_core::time::Span::millis),
        };
        let size = |bytes: u64| ByteSize(bytes).display().iec().to_string();
        context.output.event(&node, || match (node.used, node.limit, &node.trouble) {
            (Some(used), Some(limit), _) => {
                let time = node.round_trip_ms.map_or_else(String::new, |time| format!("  {time} ms"));
                format!(
                    "  {:<12} {} of {}, {} blocks{time}  {}",
                    node.name,
                    size(used),
                    size(limit),
                    node.blocks.unwrap_or(0),
                    node.addresses.join(" ")
                )
            }
            (_, _, trouble) => format!("  {:<12} {}  {}", node.name, trouble.as_deref().unwrap_or("no answer"), node.addresses.join(" ")),
        });
    }
    Ok(())
}

//! What `cachette status` and `cachette peers` say of a vault: how safe it is, and how its nodes are.

use bytesize::ByteSize;
use cachette_core::address::Address;
use cachette_core::node::{Answer, CarrierState, Request};
use cachette_core::record::Carrier;
use serde::Serialize;

use super::Context;
use super::error::{CliError, ExitKind};
use super::password::PasswordArgs;
use super::session::{AT_RISK, SAFE, Session, lives_in};
use crate::api::client::{ClientError, NodeClient};
use crate::client::open::vault_dir;
use crate::config::keys;
use crate::printable::printable;

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
        Err(_) if lives_in(&vault_dir(&data_dir))? => Ok(None),
        // Nothing at all is set up: whoever begins here wants a vault more likely than a node.
        Err(ClientError::NotRunning(path)) if !path.exists() => {
            Err(CliError::new(ExitKind::Environment, format!("neither a vault nor a node is set up in {}", data_dir.display()))
                .hint("`cachette init` makes a vault, `cachette serve` runs a node; --data-dir names another place"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows the vault of this machine.
pub(super) async fn status(context: &Context, password: &PasswordArgs) -> Result<(), CliError> {
    let mut session = Session::open(context, password).await?;
    let reach = session.refresh(context).await?;
    let (vault, device, tip) =
        session.client.look(|peer| (peer.vault().id(), peer.vault().device(), peer.vault().chain().tip().clone())).await?;
    let nodes = session.carriers.len();
    // A vault without nodes is asked about here, which is no node that answers.
    let answering = reach.answered.min(nodes);
    let shown = Vault {
        event: "vault-status",
        vault: vault.to_string(),
        device: device.to_string(),
        certificate: tip.number,
        nodes,
        answering,
        replicas: tip.policy.wanted(nodes),
        min_replicas: tip.policy.safe_at(nodes),
        state: session.state(answering, &tip.policy),
    };
    context.output.event(&shown, || text(&shown));
    list(context, &session).await?;
    session.close().await;
    Ok(())
}

/// Shows the vault's nodes.
pub(super) async fn peers(context: &Context, password: &PasswordArgs) -> Result<(), CliError> {
    let session = Session::open(context, password).await?;
    if session.carriers.is_empty() {
        context.output.note(&format!("this vault has {NO_NODES}"));
    }
    list(context, &session).await?;
    session.close().await;
    Ok(())
}

fn text(vault: &Vault) -> String {
    let Vault { answering, nodes: of, replicas, min_replicas: fewest, state, .. } = vault;
    let nodes = match (*of, *answering) {
        (0, _) => NO_NODES.to_owned(),
        (of, 1) => format!("1 of {of} answers; {} wanted, safe from {fewest}", super::check::copies(u64::from(*replicas))),
        (of, some) => format!("{some} of {of} answer; {} wanted, safe from {fewest}", super::check::copies(u64::from(*replicas))),
    };
    // Of single files, only a check knows.
    let means = match *state {
        SAFE => "as many nodes answer as must have a copy; `cachette check` asks them about every file",
        AT_RISK => "fewer nodes answer than must have a copy; `cachette check` tells what the others have",
        _ => "files are on this machine only",
    };
    format!("vault    {}\ndevice   {}\nstate    {state}: {means}\nnodes    {nodes}", &vault.vault[..16], &vault.device[..16])
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
            addresses: carrier.map(whole_addresses).unwrap_or_default(),
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
                    "  {:<12} {} of {} in {}{time}{}",
                    node.name,
                    size(used),
                    size(limit),
                    super::check::parts(node.blocks.unwrap_or(0)),
                    lines(&node.addresses)
                )
            }
            (_, _, trouble) => format!("  {:<12} {}{}", node.name, trouble.as_deref().unwrap_or("no answer"), lines(&node.addresses)),
        });
    }
    Ok(())
}

/// Returns a node's addresses with its id, as `--node` takes them.
fn whole_addresses(carrier: &Carrier) -> Vec<String> {
    let whole = |address: &String| Address::of(carrier.peer, address).map_or_else(|_| printable(address), |whole| whole.to_string());
    carrier.addresses.iter().map(whole).collect()
}

/// An address with an id takes most of a line.
fn lines(addresses: &[String]) -> String {
    addresses.iter().map(|address| format!("\n               {address}")).collect()
}

const NO_NODES: &str = "no nodes yet; `cachette init --join INVITATION` adds one";

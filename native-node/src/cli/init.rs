//! `cachette init`: a new vault, another node for one, or a vault brought back from its recovery words.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachette_core::address::Address;
use cachette_core::identity::{Identity, Seed};
use cachette_core::invitation::Invitation;
use cachette_core::node::{Answer, Request};
use cachette_core::record::{Carrier, Policy};
use cachette_core::restorer::Restored;
use cachette_core::vault::keys::{found, parse_phrase, phrase};
use cachette_core::vault::{Change, Command, Reply, notes};
use serde::Serialize;
use zeroize::Zeroizing;

use super::Context;
use super::error::{CliError, ExitKind};
use super::password::PasswordArgs;
use super::session::Session;
use super::sheet;
use crate::client::device;
use crate::client::open::{OpenError, device_file, entropy, open, vault_dir};
use crate::client::restore::restore;
use crate::config::keys;
use crate::data_dir::{DataDir, write_secret};
use crate::notes::Notes;

/// Makes a vault, adds a node to it, or brings one back from its recovery words
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Redeem a node's invitation, so that the node keeps copies; may be given several times, and for a vault that exists
    #[arg(long, value_name = "INVITATION")]
    join: Vec<String>,
    /// Bring a vault back: reads the 24 recovery words from --phrase-file or standard input
    #[arg(long, requires = "node")]
    restore: bool,
    /// With --restore: a node of the vault, as the recovery sheet has it (wss://host:port/#PEER); may be given several times
    #[arg(long, value_name = "ADDRESS")]
    node: Vec<String>,
    /// Write the recovery sheet into this file instead of showing it; with --restore, read the words from it
    #[arg(long, value_name = "FILE")]
    phrase_file: Option<PathBuf>,
    /// Protect this device's key with a password
    #[arg(long)]
    password: bool,
    #[command(flatten)]
    source: PasswordArgs,
}

#[derive(Serialize)]
struct Made {
    event: &'static str,
    vault: String,
    device: String,
    nodes: Vec<String>,
    state: &'static str,
    copies: Option<u8>,
}

impl Args {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let path = vault_dir(&context.config.value::<PathBuf>(keys::DATA_DIR)?);
        let ca_file = context.config.optional::<PathBuf>(keys::CA_FILE)?;
        let invitations = self.join.iter().map(|text| parse_invitation(text)).collect::<Result<Vec<_>, _>>()?;
        let exists = device_file(&path).exists();
        if self.restore {
            if exists {
                return Err(CliError::new(ExitKind::Usage, format!("{} holds a vault already", path.display()))
                    .hint("give an empty place with --data-dir"));
            }
            return self.bring_back(&context, &path, ca_file.as_deref()).await;
        }
        if exists && invitations.is_empty() {
            return Err(CliError::new(ExitKind::Usage, format!("{} holds a vault already", path.display()))
                .hint("--join adds a node to it; another vault needs another --data-dir"));
        }
        let session = if exists {
            Session::open(&context, &self.source).await?
        } else {
            self.found(&context, &path, ca_file.as_deref(), &invitations).await?
        };
        join(&context, session, &invitations).await
    }

    /// Makes a vault. The device's file comes last: without it nothing was made.
    async fn found(&self, context: &Context, path: &Path, ca_file: Option<&Path>, invitations: &[Invitation]) -> Result<Session, CliError> {
        let password = self.wants_password().then(|| self.source.ask_new()).transpose()?;
        let dir = DataDir::claim(path).map_err(OpenError::from)?;
        let (seed, paper) = (Seed::new(fresh()?), Seed::new(fresh()?));
        let founding = found(&Identity::from_seed(&seed), &Identity::from_seed(&paper), Policy::default(), &fresh()?)
            .map_err(|error| CliError::new(ExitKind::Internal, error))?;
        let certificate = founding.chain.tip();
        let records = vec![
            (notes::certificate_key(0), Some(certificate.bytes().to_vec())),
            (notes::locate_key(), Some(founding.locate.bytes().to_vec())),
        ];
        keep(&dir, &records)?;
        let addresses: Vec<String> =
            invitations.iter().flat_map(|invitation| invitation.dialable().map(|address| address.to_string())).take(3).collect();
        let sheet = sheet::text(&phrase(&paper), &founding.chain.vault(), &addresses);
        match &self.phrase_file {
            Some(file) => {
                write_secret(file, sheet.as_bytes()).map_err(|error| CliError::new(ExitKind::Environment, error))?;
                context.output.note(&format!("the recovery sheet is in {}: print it, keep it safe, delete the file", file.display()));
            }
            None => sheet::show(context, &sheet, &phrase(&paper), &addresses),
        }
        self.write_device(path, &seed, password.as_deref().map(String::as_str))?;
        Session::over(open(&dir, seed, ca_file).await?).await
    }

    async fn bring_back(&self, context: &Context, path: &Path, ca_file: Option<&Path>) -> Result<(), CliError> {
        let words = self.words()?;
        let paper = parse_phrase(&words).map_err(|error| {
            CliError::new(ExitKind::Usage, format!("these are not 24 recovery words: {error}"))
                .hint("nothing was changed; compare them with the sheet")
        })?;
        let addresses = self.node.iter().map(|text| parse_address(text)).collect::<Result<Vec<_>, _>>()?;
        let password = self.wants_password().then(|| self.source.ask_new()).transpose()?;
        let dir = DataDir::claim(path).map_err(OpenError::from)?;
        let seed = Seed::new(fresh()?);
        let restored = restore(&dir, Arc::new(Identity::from_seed(&paper)), &Identity::from_seed(&seed), &addresses, ca_file).await?;
        let Restored { notes: records, reached, of, vault } = restored;
        keep(&dir, &records)?;
        self.write_device(path, &seed, password.as_deref().map(String::as_str))?;
        let mut session = Session::over(open(&dir, seed, ca_file).await?).await?;
        session.refresh(context).await?;
        let device = session.client.look(|peer| peer.vault().device()).await?;
        let nodes: Vec<String> = session.all_names();
        let made = Made { event: "restored", vault: vault.to_string(), device: device.to_string(), nodes, state: "safe", copies: None };
        context.output.event(&made, || {
            format!("restored  the vault is open on this device; {reached} of {of} nodes know it · {}", made.nodes.join(", "))
        });
        session.close().await;
        Ok(())
    }

    fn wants_password(&self) -> bool {
        self.password || self.source.is_given()
    }

    fn write_device(&self, path: &Path, seed: &Seed, password: Option<&str>) -> Result<(), CliError> {
        Ok(device::write(&device_file(path), seed, password, &fresh()?)?)
    }

    fn words(&self) -> Result<Zeroizing<String>, CliError> {
        let unreadable =
            |error: std::io::Error| CliError::new(ExitKind::Environment, format!("the recovery words could not be read: {error}"));
        let text = match &self.phrase_file {
            Some(file) => Zeroizing::new(std::fs::read_to_string(file).map_err(unreadable)?),
            None => {
                if std::io::stdin().is_terminal() {
                    eprintln!("The 24 recovery words, then Ctrl-D:");
                }
                let mut text = Zeroizing::new(String::new());
                std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
                text
            }
        };
        Ok(sheet::words(&text))
    }
}

/// Redeems invitations, makes their nodes carriers, and brings the vault to them.
async fn join(context: &Context, mut session: Session, invitations: &[Invitation]) -> Result<(), CliError> {
    for invitation in invitations {
        let (peer, addresses) = (invitation.peer, invitation.addresses.clone());
        let refused = |what: &str, answer: &Answer| {
            let why = if let Answer::Failed(trouble) = answer { trouble.to_string() } else { String::new() };
            CliError::new(ExitKind::Refused, format!("{what}: {why}"))
                .hint("the vault is there, as it is without this node; ask the node's operator for a new invitation and give it to `cachette init --join`")
        };
        let connected = session.client.ask(|ask| Request::Connect(ask, peer, addresses)).await?;
        if connected != Answer::Done {
            let mut error = refused("the node cannot be reached", &connected);
            error.kind = ExitKind::Environment;
            error.hints =
                vec!["the vault is there, as it is without this node; `cachette init --join` adds the node when it answers".into()];
            return Err(error);
        }
        let chain = session.client.look(|peer| peer.vault().chain().clone()).await?;
        let token = invitation.token;
        let redeemed = session.client.ask(|ask| Request::Redeem(ask, peer, token, chain)).await?;
        if redeemed != Answer::Done {
            return Err(refused("the node does not take this vault", &redeemed));
        }
        let carrier = Carrier {
            peer,
            name: invitation.name.clone(),
            addresses: invitation.addresses.clone(),
            weight: 1,
            zone: invitation.zone.clone(),
            draining: false,
        };
        session.client.run(Command::Amend(Change::Carrier(carrier))).await?;
        session.look_at_carriers().await?;
        context.output.note(&format!("{} keeps copies from now on", session.name(&peer)));
    }
    let copies = if invitations.is_empty() {
        None
    } else {
        match session.client.run(Command::Spread).await? {
            Reply::Committed(committed) => committed.copies,
            _ => None,
        }
    };
    let (vault, device) = session.client.look(|peer| (peer.vault().id(), peer.vault().device())).await?;
    let nodes: Vec<String> = session.all_names();
    let state = if nodes.is_empty() { "local" } else { "safe" };
    let made = Made {
        event: "vault",
        vault: vault.to_string(),
        device: device.to_string(),
        nodes,
        state,
        copies: copies.map(|copies| copies.durable),
    };
    context.output.event(&made, || match made.nodes.len() {
        0 => "local  the vault is ready; its files stay on this machine only, until a node is added with `cachette init --join`".into(),
        1 => format!("safe  the vault is ready · {} keeps its copies; a second node would make it survive the loss of one", made.nodes[0]),
        _ => format!("safe  the vault is ready · {} keep its copies", made.nodes.join(", ")),
    });
    session.close().await;
    Ok(())
}

fn keep(dir: &DataDir, records: &[crate::notes::Note]) -> Result<(), CliError> {
    let notes = Notes::open(dir).map_err(OpenError::from)?;
    Ok(notes.keep(records).map_err(OpenError::from)?)
}

fn parse_invitation(text: &str) -> Result<Invitation, CliError> {
    Invitation::parse(text).map_err(|error| {
        CliError::new(ExitKind::Usage, error).hint("copy the whole line that `cachette serve` or `cachette invite` printed")
    })
}

fn parse_address(text: &str) -> Result<Address, CliError> {
    let wrong =
        |why: String| CliError::new(ExitKind::Usage, format!("{text}: {why}")).hint("copy the address from the recovery sheet to its end");
    let address = Address::parse(text).map_err(|error| wrong(error.to_string()))?;
    if address.peer.is_none() {
        return Err(wrong("the node's id is missing behind the #".into()));
    }
    Ok(address)
}

fn fresh() -> Result<[u8; 32], CliError> {
    entropy().map_err(|error| CliError::new(ExitKind::Environment, format!("the system gives no random numbers: {error}")))
}

//! `cachette init`: a new vault, another node for one, or a vault brought back from its recovery words.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytesize::ByteSize;
use cachette_core::address::Address;
use cachette_core::id::{PeerId, VaultId};
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
    /// Bring a vault back: reads the recovery sheet, or its 24 words, from --phrase-file or standard input
    #[arg(long)]
    restore: bool,
    /// With --restore: a node of the vault (wss://host:port/#PEER), where what is read names none; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    node: Vec<String>,
    /// Write the recovery sheet into this new file instead of showing it; with --restore, read it
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
    /// Of the nodes that were joined now, as a recovery sheet has them.
    addresses: Vec<String>,
    state: &'static str,
    copies: Option<u8>,
}

/// A vault that is being made. The device's file is written after its sheet was shown, and without it nothing was made.
struct Founding<'a> {
    seed: Seed,
    words: Zeroizing<String>,
    vault: VaultId,
    password: Option<Zeroizing<String>>,
    sheet: Option<SheetFile<'a>>,
}

/// The name of a file that a recovery sheet is to be written into; nobody else had it.
struct SheetFile<'a> {
    path: &'a Path,
    is_written: bool,
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
        let mut taken = Vec::new();
        if exists {
            let mut session = Session::open(&context, &self.source).await?;
            let joined = join(&context, &mut session, &invitations, &mut taken).await;
            return finish(&context, session, &taken, joined, false).await;
        }
        let (mut founding, mut session) = self.found(&path, ca_file.as_deref()).await?;
        let joined = join(&context, &mut session, &invitations, &mut taken).await;
        // Only now is known whom the sheet may name; and it is shown whatever became of the nodes.
        founding.show(&context, &taken);
        founding.write_device(&path)?;
        finish(&context, session, &taken, joined, true).await
    }

    /// Makes a vault, but for the device's file.
    async fn found(&self, path: &Path, ca_file: Option<&Path>) -> Result<(Founding<'_>, Session), CliError> {
        let password = self.wants_password().then(|| self.source.ask_new()).transpose()?;
        let sheet = self.phrase_file.as_deref().map(SheetFile::take).transpose()?;
        let dir = DataDir::claim(path).map_err(OpenError::from)?;
        let (seed, paper) = (Seed::new(fresh()?), Seed::new(fresh()?));
        let founding = found(&Identity::from_seed(&seed), &Identity::from_seed(&paper), Policy::default(), &fresh()?)
            .map_err(|error| CliError::new(ExitKind::Internal, error))?;
        let certificate = founding.chain.tip();
        let records = vec![
            (notes::certificate_key(0), Some(certificate.bytes().to_vec())),
            (notes::locate_key(), Some(founding.locate.bytes().to_vec())),
        ];
        forget(&dir)?;
        keep(&dir, &records)?;
        let session = Session::over(open(&dir, Seed::new(*seed.expose()), ca_file).await?).await?;
        Ok((Founding { seed, words: phrase(&paper), vault: founding.chain.vault(), password, sheet }, session))
    }

    async fn bring_back(&self, context: &Context, path: &Path, ca_file: Option<&Path>) -> Result<(), CliError> {
        let text = self.read_sheet()?;
        let paper = parse_phrase(&sheet::words(&text)).map_err(|error| {
            CliError::new(ExitKind::Usage, format!("these are not 24 recovery words: {error}"))
                .hint("nothing was changed; compare them with the sheet")
        })?;
        let named = if self.node.is_empty() { sheet::addresses(&text) } else { self.node.clone() };
        let addresses = named.iter().map(|text| parse_address(text)).collect::<Result<Vec<_>, _>>()?;
        if addresses.is_empty() {
            return Err(CliError::new(ExitKind::Usage, "no node's address stands beside the words, and none was given")
                .hint("nothing was changed; give the address of a node of the vault with --node wss://host:port/#PEER"));
        }
        let password = self.wants_password().then(|| self.source.ask_new()).transpose()?;
        let dir = DataDir::claim(path).map_err(OpenError::from)?;
        let seed = Seed::new(fresh()?);
        let restored = restore(&dir, Arc::new(Identity::from_seed(&paper)), &Identity::from_seed(&seed), &addresses, ca_file).await?;
        let Restored { notes: records, reached, of, vault } = restored;
        keep(&dir, &records)?;
        write_device(path, &seed, password.as_deref().map(String::as_str))?;
        let mut session = Session::over(open(&dir, seed, ca_file).await?).await?;
        let answered = session.refresh(context).await?.answered;
        let (device, policy) = session.client.look(|peer| (peer.vault().device(), peer.vault().chain().tip().policy.clone())).await?;
        let made = Made {
            event: "restored",
            vault: vault.to_string(),
            device: device.to_string(),
            nodes: session.all_names(),
            addresses: Vec::new(),
            state: session.state(answered, &policy),
            copies: None,
        };
        context.output.event(&made, || {
            format!("restored  the vault is open on this device; {reached} of {of} nodes know it · {}", made.nodes.join(", "))
        });
        session.close().await;
        Ok(())
    }

    fn wants_password(&self) -> bool {
        self.password || self.source.is_given()
    }

    /// Reads the recovery sheet, or only its words.
    fn read_sheet(&self) -> Result<Zeroizing<String>, CliError> {
        let unreadable = |error: io::Error| CliError::new(ExitKind::Environment, format!("the recovery words could not be read: {error}"));
        Ok(match &self.phrase_file {
            Some(file) => Zeroizing::new(fs::read_to_string(file).map_err(unreadable)?),
            None => {
                if io::stdin().is_terminal() {
                    eprintln!("The 24 recovery words, then Ctrl-D:");
                }
                let mut text = Zeroizing::new(String::new());
                io::stdin().read_to_string(&mut text).map_err(unreadable)?;
                text
            }
        })
    }
}

impl Founding<'_> {
    /// Gives the recovery sheet out, once: into its file, and onto the screen when there is none or it cannot be written.
    fn show(&mut self, context: &Context, taken: &[Invitation]) {
        let addresses: Vec<String> = taken.iter().flat_map(addresses).take(3).collect();
        let sheet = sheet::text(&self.words, &self.vault, &addresses);
        if let Some(file) = &mut self.sheet {
            match write_secret(file.path, sheet.as_bytes()) {
                Ok(()) => {
                    file.is_written = true;
                    let path = file.path.display();
                    return context.output.note(&format!("the recovery sheet is in {path}: print it, keep it safe, delete the file"));
                }
                Err(error) => context.output.note(&format!("the recovery sheet could not be written, so it is shown here: {error}")),
            }
        }
        sheet::show(context, &sheet, &self.words, &addresses);
    }

    /// Writes the device's file: from now on there is a vault.
    fn write_device(mut self, path: &Path) -> Result<(), CliError> {
        write_device(path, &self.seed, self.password.as_deref().map(String::as_str)).inspect_err(|_| {
            // Words of no vault would be kept as if they were good for something.
            self.sheet.iter_mut().for_each(|sheet| sheet.is_written = false);
        })
    }
}

impl<'a> SheetFile<'a> {
    /// Takes a name for a sheet, unless something has it.
    fn take(path: &'a Path) -> Result<Self, CliError> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(_) => Ok(Self { path, is_written: false }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(CliError::new(ExitKind::Usage, format!("{} exists already", path.display()))
                    .hint("nothing was made; it may be another vault's recovery sheet, so give a new name with --phrase-file"))
            }
            Err(error) => Err(CliError::new(ExitKind::Environment, format!("{}: {error}", path.display()))
                .hint("nothing was made; give a place for the recovery sheet that can be written with --phrase-file")),
        }
    }
}

impl Drop for SheetFile<'_> {
    fn drop(&mut self) {
        if !self.is_written {
            // An empty file that stays says itself that it holds nothing.
            let _ = fs::remove_file(self.path);
        }
    }
}

/// Redeems invitations and makes their nodes carriers; those that took the vault are in `taken`, also when another one did not.
async fn join(context: &Context, session: &mut Session, invitations: &[Invitation], taken: &mut Vec<Invitation>) -> Result<(), CliError> {
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
        let (before, offered) = (limit(session, &peer).await?, invitation.limit);
        let size = |bytes: u64| ByteSize(bytes).display().iec().to_string();
        // A node that keeps the vault already would take the invitation's limit for the vault's, also a lower one.
        if before.is_none_or(|before| before < offered) {
            let chain = session.client.look(|peer| peer.vault().chain().clone()).await?;
            let token = invitation.token;
            let redeemed = session.client.ask(|ask| Request::Redeem(ask, peer, token, chain)).await?;
            if redeemed != Answer::Done {
                return Err(refused("the node does not take this vault", &redeemed));
            }
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
        taken.push(invitation.clone());
        let name = session.name(&peer);
        context.output.note(&match before {
            None => format!("{name} keeps copies from now on"),
            Some(before) if before < offered => {
                format!("{name} keeps up to {} of this vault from now on, {} before", size(offered), size(before))
            }
            Some(before) => {
                format!("{name} keeps up to {} of this vault already, so the invitation for {} was not used", size(before), size(offered))
            }
        });
    }
    Ok(())
}

/// Returns what the vault may take on a node that keeps it already.
async fn limit(session: &Session, peer: &PeerId) -> Result<Option<u64>, CliError> {
    if session.carriers.iter().all(|carrier| carrier.peer != *peer) {
        return Ok(None);
    }
    let vault = session.client.look(|peer| peer.vault().id()).await?;
    let Answer::Carriers(states) = session.client.ask(|ask| Request::Survey(ask, vault)).await? else { return Ok(None) };
    let state = states.into_iter().find(|state| state.peer == *peer);
    Ok(state.and_then(|state| state.status.ok()).map(|status| status.limit))
}

/// Brings the vault to the nodes that took it, and says how it is now.
async fn finish(
    context: &Context,
    session: Session,
    taken: &[Invitation],
    joined: Result<(), CliError>,
    is_new: bool,
) -> Result<(), CliError> {
    let spread = if taken.is_empty() { None } else { Some(session.client.run(Command::Spread).await) };
    joined?;
    let copies = match spread.transpose().map_err(|error| session.why_not_safe(error))? {
        Some(Reply::Committed(committed)) => committed.copies,
        _ => None,
    };
    let (vault, device) = session.client.look(|peer| (peer.vault().id(), peer.vault().device())).await?;
    let made = Made {
        event: "vault",
        vault: vault.to_string(),
        device: device.to_string(),
        nodes: session.all_names(),
        addresses: taken.iter().flat_map(addresses).collect(),
        state: session.safety(copies).0,
        copies: copies.map(|copies| copies.durable),
    };
    context.output.event(&made, || {
        let state = made.state;
        let mut text = match made.nodes.len() {
            0 => format!(
                "{state}  the vault is ready; its files stay on this machine only, until a node is added with `cachette init --join`"
            ),
            1 => format!(
                "{state}  the vault is ready · {} keeps its copies; a second node would make it survive the loss of one",
                made.nodes[0]
            ),
            _ => format!("{state}  the vault is ready · {} keep its copies", made.nodes.join(", ")),
        };
        if !is_new && !made.addresses.is_empty() {
            text.push_str("\n  write on the recovery sheet, if it is not there yet:");
            made.addresses.iter().for_each(|address| text.push_str(&format!("\n    {address}")));
        }
        text
    });
    session.close().await;
    Ok(())
}

/// Returns a node's addresses as a recovery sheet has them.
fn addresses(invitation: &Invitation) -> impl Iterator<Item = String> {
    invitation.dialable().map(|address| address.to_string())
}

fn write_device(path: &Path, seed: &Seed, password: Option<&str>) -> Result<(), CliError> {
    Ok(device::write(&device_file(path), seed, password, &fresh()?)?)
}

/// Forgets the notes of a vault that was begun here and has no device: nobody can open it.
fn forget(dir: &DataDir) -> Result<(), CliError> {
    for notes in [Notes::open(dir).map_err(OpenError::from)?, Notes::open_relaxed(dir).map_err(OpenError::from)?] {
        let old = notes.load_all().map_err(OpenError::from)?;
        notes.keep(&old.into_keys().map(|key| (key, None)).collect::<Vec<_>>()).map_err(OpenError::from)?;
    }
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

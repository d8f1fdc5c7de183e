//! What commands on a vault share: opening it, the newest state of it, and words about how safe something is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachette_core::copies::Copies;
use cachette_core::id::{BlockId, PeerId};
use cachette_core::message::Denial;
use cachette_core::record::{Carrier, Policy};
use cachette_core::restorer::RestorerError;
use cachette_core::share_link::ShareLink;
use cachette_core::store::{StoreAnswer, StoreOp};
use cachette_core::vault::{Alarm, Command, CommandError, LinkError, Reply, ShareContents};
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Context;
use super::error::{CliError, ExitKind};
use super::movement::Movement;
use super::password::PasswordArgs;
use crate::client::open::{OpenError, device_file, open, vault_dir};
use crate::client::restore::RestoreError;
use crate::client::troubles::Troubles;
use crate::client::visit::visit;
use crate::client::{Client, Closed, device};
use crate::config::keys;
use crate::data_dir::DataDir;
use crate::disk::Store;
use crate::driver::links::LinkTable;
use crate::printable::printable;

/// An open vault with what is known of its nodes.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) links: LinkTable,
    pub(super) carriers: Vec<Carrier>,
    /// Whether it is a link that was opened, and no vault.
    visits: bool,
    /// What is wrong with them.
    troubles: Troubles,
    /// What is kept on this machine; a link keeps nothing.
    store: Weak<Store>,
    task: JoinHandle<()>,
}

/// Who keeps the copies, and who could not be asked.
pub(super) struct Reach {
    pub(super) answered: usize,
    pub(super) of: usize,
}

/// Too few nodes answered to know that this is the newest state.
#[derive(Serialize)]
struct MayBeOld<'a> {
    event: &'static str,
    message: &'a str,
    answered: usize,
    of: usize,
    silent: &'a BTreeMap<String, String>,
}

impl Session {
    /// Opens the vault of this machine.
    pub(super) async fn open(context: &Context, password: &PasswordArgs) -> Result<Self, CliError> {
        let path = vault_dir(&context.config.value::<PathBuf>(keys::DATA_DIR)?);
        if !lives_in(&path)? {
            return Err(no_vault(&path));
        }
        let dir = DataDir::claim(&path).map_err(OpenError::from)?;
        let seed = device::read(&device_file(&path), || password.ask())?;
        Self::over(open(&dir, seed, context.config.optional::<PathBuf>(keys::CA_FILE)?.as_deref()).await?).await
    }

    /// Opens a link; what it names are its nodes, until its record names all of them.
    pub(super) async fn visit(context: &Context, link: ShareLink) -> Result<Self, CliError> {
        let nodes = link.nodes.clone();
        let opened = visit(link, context.config.optional::<PathBuf>(keys::CA_FILE)?.as_deref())?;
        let mut session = Self {
            client: opened.client,
            links: opened.links,
            carriers: Vec::new(),
            visits: true,
            store: opened.store,
            troubles: opened.troubles,
            task: opened.task,
        };
        session.name_places(nodes.into_iter().map(|(peer, address)| (peer, vec![address])));
        Ok(session)
    }

    /// Takes the nodes that a link's record names; they have no names, so people are told where they are.
    pub(super) fn take_places(&mut self, contents: &ShareContents) {
        self.name_places(contents.carriers.iter().map(|carrier| (carrier.peer, carrier.addresses.clone())));
    }

    fn name_places(&mut self, places: impl Iterator<Item = (PeerId, Vec<String>)>) {
        self.carriers.clear();
        for (peer, addresses) in places.filter(|(_, addresses)| !addresses.is_empty()) {
            let name = addresses.first().and_then(|address| address.split_once("://")).map(|(_, place)| place.to_owned());
            let name = name.unwrap_or_default();
            self.carriers.push(Carrier { peer, name, addresses, weight: 1, zone: String::new(), draining: false });
        }
    }

    /// Wraps a client that was just opened.
    pub(super) async fn over(opened: crate::client::open::Opened) -> Result<Self, CliError> {
        let mut session = Self {
            client: opened.client,
            links: opened.links,
            carriers: Vec::new(),
            visits: false,
            store: opened.store,
            troubles: opened.troubles,
            task: opened.task,
        };
        session.look_at_carriers().await?;
        Ok(session)
    }

    /// Asks all nodes for newer state; tells people when too few answered to be sure.
    pub(super) async fn refresh(&mut self, context: &Context) -> Result<Reach, CliError> {
        let reach = match self.client.run(Command::Refresh).await? {
            Reply::Refreshed(answered, of) => Reach { answered, of },
            _ => Reach { answered: 0, of: 0 },
        };
        self.look_at_carriers().await?;
        if reach.answered * 2 <= reach.of && reach.of > 0 {
            let Reach { answered, of } = reach;
            let message = format!("{answered} of {of} nodes answered: this is the newest state known here, there may be a newer one");
            let silent: BTreeMap<String, String> = self.unreachable().into_iter().collect();
            let lines: String = silent.iter().map(|(name, why)| format!("\n  {name}: {why}")).collect();
            context
                .output
                .doubt(&MayBeOld { event: "may-be-old", message: &message, answered, of, silent: &silent }, &(message.clone() + &lines));
        }
        for alarm in self.client.look(|peer| peer.vault().alarms().to_vec()).await? {
            context.output.alarm(&alarm, advice(&alarm));
        }
        Ok(reach)
    }

    pub(super) async fn look_at_carriers(&mut self) -> Result<(), CliError> {
        self.carriers = self.client.look(|peer| peer.vault().chain().tip().carriers.clone()).await?;
        Ok(())
    }

    /// Returns how people call a node.
    pub(super) fn name(&self, peer: &PeerId) -> String {
        let named = self.carriers.iter().find(|carrier| carrier.peer == *peer).map(|carrier| printable(&carrier.name));
        named.filter(|name| !name.is_empty()).unwrap_or_else(|| cachette_core::address::short_peer(peer))
    }

    /// Returns the nodes that cannot be reached, with the reason in words.
    pub(super) fn unreachable(&self) -> Vec<(String, String)> {
        let down = self.troubles.down();
        let words = |carrier: &Carrier| down.get(&carrier.peer).map(|trouble| (self.name(&carrier.peer), trouble.to_string()));
        sorted(self.carriers.iter().filter_map(words))
    }

    /// Returns those of some blocks that this machine keeps itself: of a vault that had no nodes until now, all.
    pub(super) async fn kept_here(&self, ids: &[BlockId]) -> Result<Vec<BlockId>, CliError> {
        let Some(store) = self.store.upgrade().filter(|_| !ids.is_empty()) else { return Ok(Vec::new()) };
        let vault = self.client.look(|peer| peer.vault().id()).await?;
        let (sender, answer) = tokio::sync::oneshot::channel();
        let wanted = ids.to_vec();
        // A store with a full queue makes its caller wait, which a thread of the runtime must not do.
        let submit = move || store.submit(StoreOp::Has(vault, wanted), move |answer| drop(sender.send(answer)));
        tokio::task::spawn_blocking(submit).await.map_err(|error| CliError::new(ExitKind::Internal, error))?;
        match answer.await {
            Ok(StoreAnswer::Has(held)) => Ok(ids.iter().zip(held).filter_map(|(id, held)| held.then_some(*id)).collect()),
            _ => Err(CliError::new(ExitKind::Environment, "this machine's own store cannot be read")),
        }
    }

    /// Returns why nodes did not take something that they should keep, as far as this command offered it to them.
    pub(super) fn denials(&self) -> BTreeMap<PeerId, Denial> {
        self.troubles.refused()
    }

    /// Returns the nodes that refused something or cannot be reached, with the reason in words.
    fn refused(&self) -> Vec<(String, String)> {
        let refused = self.troubles.refused();
        let words = |carrier: &Carrier| refused.get(&carrier.peer).map(|why| (self.name(&carrier.peer), why.to_string()));
        sorted(self.carriers.iter().filter_map(words).chain(self.unreachable()))
    }

    /// Says what kept a commit from being safe.
    pub(super) fn why_not_safe(&self, error: CommandError) -> CliError {
        let troubles = if matches!(error, CommandError::NotSafe(_)) { self.refused() } else { Vec::new() };
        troubles.into_iter().fold(error.into(), |error: CliError, (name, why)| error.detail(format!("{name}: {why}")))
    }

    /// Returns the names of the nodes that can be reached.
    pub(super) fn reachable(&self) -> Vec<String> {
        let down = self.troubles.down();
        sorted(self.carriers.iter().filter(|carrier| !down.contains_key(&carrier.peer)).map(|carrier| self.name(&carrier.peer)))
    }

    /// Says how safe a vault as a whole can be when so many of its nodes answer: nothing is, if fewer do than must have a copy.
    pub(super) fn state(&self, answering: usize, policy: &Policy) -> &'static str {
        match self.carriers.len() {
            0 => LOCAL,
            nodes if answering < usize::from(policy.safe_at(nodes)) => AT_RISK,
            _ => SAFE,
        }
    }

    /// Says how safe something is, as in "safe" and "3 of 3 copies on attic, cellar, paris".
    pub(super) fn safety(&self, copies: Option<Copies>) -> (&'static str, String) {
        if self.carriers.is_empty() {
            return (LOCAL, "1 copy, on this machine only".into());
        }
        let Some(copies) = copies else { return (SAFE, "nothing to copy".into()) };
        let counted = format!("{} of {} copies", copies.durable, copies.wanted);
        let state = if copies.is_safe() { SAFE } else { ON_ITS_WAY };
        if copies.is_complete() {
            // Of more nodes than copies, which ones hold a file is for `cachette stat` to say.
            let names = if self.carriers.len() == usize::from(copies.wanted) {
                format!(" on {}", self.reachable().join(", "))
            } else {
                String::new()
            };
            return (state, counted + &names);
        }
        let down: Vec<String> = self.unreachable().into_iter().map(|(name, why)| format!("{name} is down ({why})")).collect();
        let rest = match down.len() {
            0 => String::new(),
            // No node asks by itself for what was put while it was away.
            1 => format!(" · {}; `cachette check --repair` brings its copies when it is back", down[0]),
            _ => format!(" · {}; `cachette check --repair` brings their copies when they are back", down.join(", ")),
        };
        (state, counted + &rest)
    }

    /// Returns the names of all nodes.
    pub(super) fn all_names(&self) -> Vec<String> {
        sorted(self.carriers.iter().map(|carrier| self.name(&carrier.peer)))
    }

    /// Returns the nodes with their names.
    pub(super) fn names(&self) -> Vec<(PeerId, String)> {
        self.carriers.iter().map(|carrier| (carrier.peer, self.name(&carrier.peer))).collect()
    }

    /// Returns the bytes that all open links moved so far, heartbeats with the rest.
    pub(super) fn traffic(&self) -> u64 {
        self.links.all().iter().map(|link| link.traffic()).map(|(received, sent)| received + sent).sum()
    }

    /// Says what is missing for something to be safe.
    pub(super) async fn not_safe_yet(&self) -> CliError {
        let away = self.unreachable();
        let fewest = self.client.look(|peer| peer.vault().fewest()).await.ok().flatten();
        let state = fewest.map_or_else(
            || "not yet safe: the nodes have not confirmed all of it".to_owned(),
            |copies| {
                let waiting = waiting_for(usize::from(copies.safe_at.saturating_sub(copies.durable)), &away);
                format!("not yet safe: {} of {} copies, waiting for {waiting}", copies.durable, copies.wanted)
            },
        );
        let error = CliError::new(ExitKind::NotSafeYet, state);
        let error = away.into_iter().fold(error, |error, (name, why)| error.detail(format!("{name}: {why}")));
        error.hint("what was sealed is kept; run the same command again when a node is back, and it goes on from there")
    }

    /// Waits until nothing has come from any node, and nothing was counted, for as long as `wait`; says then who was not heard. Time in
    /// which this task itself was held up, as by a pager, does not count.
    pub(super) async fn stalled(&self, wait: Duration, counter: &AtomicU64) -> CliError {
        let (mut movement, mut counted, mut idle) = (Movement::of(self), counter.load(Ordering::Relaxed), Duration::ZERO);
        while idle < wait {
            tokio::time::sleep(LOOK).await;
            let now = counter.load(Ordering::Relaxed);
            idle = if movement.goes_on(self) || now != counted { Duration::ZERO } else { idle + LOOK };
            counted = now;
        }
        let error = CliError::new(ExitKind::Environment, format!("nothing has come for {}", humantime::format_duration(wait)));
        let error = self.unreachable().into_iter().fold(error, |error, (name, why)| error.detail(format!("{name}: {why}")));
        error.hint(if self.visits {
            "the link itself is good; try again when one of its nodes is back"
        } else {
            "nothing is lost as long as one node that holds it comes back; `cachette peers` shows how to reach them"
        })
    }

    /// Says whether a link was opened, and no vault.
    pub(super) const fn is_visit(&self) -> bool {
        self.visits
    }

    /// Says which of a link's nodes could not be reached, unless one that was says that it is over, and what to do, where an error speaks
    /// of a vault of one's own.
    pub(super) fn of_link(&self, error: CommandError) -> CliError {
        let is_over = error == CommandError::Link(LinkError::Withdrawn);
        let error = CliError::from(error);
        if is_over || !self.visits {
            return error;
        }
        let error = self.unreachable().into_iter().fold(error, |error, (name, why)| error.detail(format!("{name}: {why}")));
        if error.hints.iter().any(|hint| hint.contains("`cachette ")) {
            CliError { hints: vec!["the link itself is good; try again when one of its nodes is back".into()], ..error }
        } else {
            error
        }
    }

    /// Closes the vault; connections get a moment to say goodbye.
    pub(super) async fn close(self) {
        drop(self.client);
        // A peer that draws its goodbye out does not keep a finished command waiting.
        let _ = timeout(CLOSE, self.task).await;
    }
}

/// Says who must take a copy for something to be safe; nodes that are only away are named, for they have refused nothing.
fn waiting_for(missing: usize, away: &[(String, String)]) -> String {
    let names = || away.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    match missing {
        _ if missing > 0 && missing == away.len() => format!("{} to come back", names()),
        _ if missing > 0 && missing < away.len() => format!("{missing} of {} to come back", names()),
        1 => "1 more node".to_owned(),
        _ => format!("{missing} more nodes"),
    }
}

/// A certificate lists nodes by their ids, which mean nothing to people.
fn sorted<T: Ord>(names: impl Iterator<Item = T>) -> Vec<T> {
    let mut names: Vec<T> = names.collect();
    names.sort_unstable();
    names
}

/// Says what to do about an alarm.
const fn advice(alarm: &Alarm) -> &'static str {
    match alarm {
        Alarm::Fork(_) => {
            "was a machine with this vault copied, or its data directory brought back from a backup? Set one of the two up anew with \
             `cachette init --restore` into another --data-dir, and put there again what it misses. If nobody did that, the device's key \
             was stolen: found a new vault with `cachette init` and put everything into that"
        }
        Alarm::CertificateFork => {
            "two people changed the vault's nodes or devices at the same time, or a key was stolen. Look at `cachette peers`, and make a \
             change that is missing there once more; if nobody made the other one, found a new vault with `cachette init`"
        }
        Alarm::Downgrade { .. } => "update Cachette on that device, then put there again what it wrote since",
    }
}

/// Says whether a vault is set up in a directory.
pub(super) fn lives_in(path: &std::path::Path) -> Result<bool, CliError> {
    device_file(path).try_exists().map_err(|error| {
        CliError::new(ExitKind::Environment, format!("{}: {error}", path.display()))
            .hint("run this as the user whose vault it is, or name another place with --data-dir")
    })
}

/// The error of a command that needs a vault where there is none.
pub(super) fn no_vault(path: &std::path::Path) -> CliError {
    CliError::new(ExitKind::NotFound, format!("no vault is set up in {}", path.display()))
        .hint("`cachette init` makes one, `cachette init --restore` brings one back from its recovery words")
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        use crate::data_dir::DataDirError::{self, InUse, InUseBySomebody};
        use crate::notes::NotesError;
        let failure = match &error {
            // The device is there, or this would not have been tried.
            OpenError::Vault(cachette_core::vault::OpenError::NoVault) => {
                Self::new(ExitKind::Damaged, "vault/notes.redb is gone or empty, so nothing is known of this vault")
            }
            error => Self::new(ExitKind::Environment, error),
        };
        match error {
            OpenError::DataDir(InUse { .. } | InUseBySomebody { .. }) => {
                failure.hint("another command is working on this vault; wait until it is done, or stop it")
            }
            OpenError::DataDir(DataDirError::Io { .. }) | OpenError::Notes(NotesError::Io { .. }) => {
                failure.hint("run this as the user whose vault it is, or name another place with --data-dir")
            }
            OpenError::Notes(NotesError::Full { .. }) => failure.hint("nothing was changed; make room on this machine's disk"),
            // What became of the vault, its notes alone would know.
            OpenError::Vault(_) | OpenError::Notes(NotesError::Damaged { .. }) => Self { kind: ExitKind::Damaged, ..failure }
                .hint("if the vault has nodes, they still have it: `cachette init --restore` brings it back into another --data-dir")
                .hint(
                    "if it never had one, only a backup of vault/notes.redb opens it again; the files are still there, so delete nothing",
                ),
            _ => failure,
        }
    }
}

impl From<RestoreError> for CliError {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Open(error) => error.into(),
            RestoreError::Restorer(error) => error.into(),
            RestoreError::Ended => Self::new(ExitKind::Internal, &error),
        }
    }
}

impl From<RestorerError> for CliError {
    fn from(error: RestorerError) -> Self {
        let kind = match &error {
            RestorerError::NotFound => ExitKind::NotFound,
            RestorerError::Records(_) | RestorerError::Several(_) => ExitKind::Damaged,
            RestorerError::Authority(_) => ExitKind::Refused,
            _ => ExitKind::Environment,
        };
        let failure = Self::new(kind, &error);
        match error {
            RestorerError::Unreachable(failures) => failures
                .into_iter()
                .fold(failure, |failure, (address, trouble)| failure.detail(format!("{address}: {trouble}")))
                .hint("nothing was changed; try another address of the recovery sheet with --node"),
            RestorerError::NotFound => {
                failure.hint("nothing was changed; compare the words with the sheet, and try another of its addresses")
            }
            RestorerError::TooFew { .. } => failure.hint("start more of the vault's nodes and run the command again"),
            _ => failure,
        }
    }
}

impl From<device::DeviceError> for CliError {
    fn from(error: device::DeviceError) -> Self {
        let kind = match &error {
            device::DeviceError::None(_) => ExitKind::NotFound,
            device::DeviceError::Password(_) => ExitKind::Refused,
            device::DeviceError::File(_) => ExitKind::Environment,
            _ => ExitKind::Damaged,
        };
        let failure = Self::new(kind, &error);
        match error {
            device::DeviceError::Password(_) => {
                failure.hint("nothing was changed; if the password is lost, the 24 recovery words still open the vault")
            }
            _ => failure,
        }
    }
}

impl From<Closed> for CliError {
    fn from(error: Closed) -> Self {
        Self::new(ExitKind::Internal, error)
    }
}

impl From<CommandError> for CliError {
    fn from(error: CommandError) -> Self {
        let kind = match &error {
            CommandError::NotFound(_) => ExitKind::NotFound,
            CommandError::NotADirectory(_) | CommandError::NotAFile(_) | CommandError::Exists(_) | CommandError::IntoItself(_) => {
                ExitKind::Usage
            }
            CommandError::Unavailable(_) | CommandError::NotKept => ExitKind::Environment,
            CommandError::Damaged(_) | CommandError::SelfCheck => ExitKind::Damaged,
            CommandError::NoRight(_) | CommandError::NoKey | CommandError::Refused(_) => ExitKind::Refused,
            CommandError::Lost(_) | CommandError::NotSafe(_) | CommandError::Cancelled => ExitKind::NotSafeYet,
            CommandError::NoCarriers | CommandError::Link(LinkError::Unreachable) => ExitKind::Environment,
            CommandError::Link(LinkError::Withdrawn | LinkError::Vanished) => ExitKind::NotFound,
            CommandError::Link(_) => ExitKind::Damaged,
            _ => ExitKind::Internal,
        };
        let failure = Self::new(kind, &error);
        match error {
            CommandError::Unavailable(_) => {
                failure.hint("nothing is lost as long as one node that holds them comes back; `cachette peers` shows how to reach them")
            }
            CommandError::NoCarriers => {
                failure.hint("add a node first: `cachette invite` on the node, then `cachette init --join INVITATION` here")
            }
            CommandError::Refused(_) => failure
                .hint("this device may have been removed from the vault, or a copy of it wrote as well; `cachette status` may say more"),
            CommandError::Link(LinkError::Withdrawn) => failure.hint("ask whoever sent it for a new one"),
            CommandError::Link(LinkError::Vanished) => {
                failure.hint("it was withdrawn long ago, or its vault has moved to other nodes; ask whoever sent it for a new one")
            }
            CommandError::Link(LinkError::Unreachable) => failure.hint("try again when one of them is back; the link itself is good"),
            CommandError::Link(_) => {
                failure.hint("copy the link once more from where it came from; if that changes nothing, do not trust these nodes")
            }
            CommandError::NotSafe(_) => failure.hint("make room on the nodes, or add one, and run the same command again"),
            CommandError::NotFound(_) | CommandError::NotADirectory(_) | CommandError::NotAFile(_) => {
                failure.hint("`cachette ls` shows what is there")
            }
            CommandError::NotKept => {
                failure.hint("what was stored before is still there; make room on this machine's disk and run it again")
            }
            CommandError::Damaged(_) => failure.hint("`cachette check --repair` looks for a good copy on every node"),
            CommandError::Lost(_) => failure.hint("run the same command again: it sends that content anew"),
            _ => failure,
        }
    }
}

/// Only on this device.
pub(super) const LOCAL: &str = "local";
/// Fewer copies than agreed yet, and more are coming.
pub(super) const ON_ITS_WAY: &str = "on its way";
/// At least as many lasting copies as agreed.
pub(super) const SAFE: &str = "safe";
/// Fewer copies than agreed.
pub(super) const AT_RISK: &str = "at risk";

/// How often is looked whether something moved.
const LOOK: Duration = Duration::from_millis(200);
/// How long a finished command waits for goodbyes.
const CLOSE: Duration = Duration::from_secs(2);

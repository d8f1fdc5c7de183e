//! `cachette check`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytesize::ByteSize;
use cachette_core::id::{BlockId, PeerId};
use cachette_core::message::Denial;
use cachette_core::node::{Answer, Audit, CarrierState, Request};
use cachette_core::vault::{Command, Reply};
use serde::Serialize;

use super::Context;
use super::error::{CliError, ExitKind};
use super::password::PasswordArgs;
use super::session::{AT_RISK, LOCAL, ON_ITS_WAY, SAFE, Session};

/// Asks every node what it holds of the vault, and says what is missing or short of copies
///
/// The nodes are believed: what rots on a disk is found when it is read.
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
    /// Copies of the block that has the fewest, on the nodes that answered; of a vault alone, here.
    copies: u8,
    wanted: u8,
    safe_at: u8,
    whole: u64,
    short: BTreeMap<u8, usize>,
    /// Blocks that no node has and this machine still keeps.
    only_here: usize,
    missing: Vec<String>,
    strangers: u64,
    mended: u64,
    silent: BTreeMap<String, String>,
    hints: Vec<String>,
}

/// What was found, before it is put into words.
struct Findings {
    audit: Audit,
    only_here: BTreeSet<BlockId>,
    /// What nodes that answer keep of the vault, and may keep.
    rooms: BTreeMap<PeerId, (u64, u64)>,
    nodes: usize,
    wanted: u8,
    safe_at: u8,
}

impl Args {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let mut session = Session::open(&context, &self.password).await?;
        session.refresh(&context).await?;
        let found = self.find(&session).await?;
        let (hints, full) = (found.hints(&session, self.repair), found.full(&session));
        let checked = found.checked(&session, hints.clone());
        context.output.event(&checked, || text(&checked, found.nodes));
        let error = found.error(&session, &checked, &full);
        session.close().await;
        error.map_or(Ok(()), |error| Err(hints.into_iter().fold(error, CliError::hint)))
    }

    async fn find(&self, session: &Session) -> Result<Findings, CliError> {
        let policy = session.client.look(|peer| peer.vault().chain().tip().policy.clone()).await?;
        let nodes = session.carriers.len();
        let (mut audit, mut only_here) = self.audit(session).await?;
        if self.repair && !only_here.is_empty() && audit.silent.len() < nodes {
            // What no node has, no node can give to another: it goes out from here, as when the first one was joined. What came of it,
            // the nodes are asked again, and why one does not take it, its troubles tell.
            let nothing = AtomicU64::new(0);
            tokio::select! {
                _ = session.client.run(Command::Spread) => {}
                _ = session.stalled(PATIENCE, &nothing) => {}
            }
            let (before, mended) = (only_here.len(), audit.mended);
            (audit, only_here) = self.audit(session).await?;
            audit.mended += mended + before.saturating_sub(only_here.len()) as u64;
        }
        let vault = session.client.look(|peer| peer.vault().id()).await?;
        let mut rooms = BTreeMap::new();
        if nodes > 0
            && let Answer::Carriers(states) = session.client.ask(|ask| Request::Survey(ask, vault)).await?
        {
            let room = |state: CarrierState| Some((state.peer, state.status.ok().map(|is| (is.used, is.limit))?));
            rooms = states.into_iter().filter_map(room).collect();
        }
        Ok(Findings { audit, only_here, rooms, nodes, wanted: policy.wanted(nodes), safe_at: policy.safe_at(nodes) })
    }

    /// Asks the nodes; what none of them has, but this machine, is not missing.
    async fn audit(&self, session: &Session) -> Result<(Audit, BTreeSet<BlockId>), CliError> {
        let Reply::Live(live) = session.client.run(Command::Live).await? else {
            return Err(CliError::new(ExitKind::Internal, "the list of live blocks got another command's reply"));
        };
        let vault = session.client.look(|peer| peer.vault().id()).await?;
        let mend = self.repair;
        let Answer::Audited(mut audit) = session.client.ask(|ask| Request::Audit { ask, vault, live, mend }).await? else {
            return Err(CliError::new(ExitKind::Internal, "the check was not carried out"));
        };
        if session.carriers.is_empty() {
            return Ok((audit, BTreeSet::new()));
        }
        let only_here: BTreeSet<BlockId> = session.kept_here(&audit.missing).await?.into_iter().collect();
        audit.missing.retain(|id| !only_here.contains(id));
        Ok((audit, only_here))
    }
}

impl Findings {
    fn is_alone(&self) -> bool {
        self.nodes == 0
    }

    fn answered(&self) -> usize {
        self.nodes.saturating_sub(self.audit.silent.len())
    }

    fn nobody(&self) -> bool {
        !self.is_alone() && self.answered() == 0
    }

    /// Returns the copies of the part that has the fewest.
    fn fewest(&self) -> u8 {
        if !self.only_here.is_empty() || !self.audit.missing.is_empty() {
            return 0;
        }
        self.audit.short.iter().map(|(_, copies)| *copies).min().unwrap_or(self.wanted)
    }

    fn state(&self) -> &'static str {
        if !self.audit.missing.is_empty() {
            AT_RISK
        } else if self.is_alone() {
            LOCAL
        } else if !self.only_here.is_empty() {
            ON_ITS_WAY
        } else if self.nobody() || self.fewest() < self.safe_at {
            AT_RISK
        } else {
            SAFE
        }
    }

    /// Returns the nodes that take no more of this vault, by their names, with the reason.
    fn full(&self, session: &Session) -> BTreeMap<String, String> {
        let denials = session.denials();
        let why = |peer: &PeerId, (used, limit): &(u64, u64)| match denials.get(peer) {
            Some(why @ Denial::Limit) => Some(format!("{why} ({})", size(*limit))),
            Some(why @ Denial::DiskFull) => Some(why.to_string()),
            _ if limit.saturating_sub(*used) < ONE_MORE => Some(format!("{} ({})", Denial::Limit, size(*limit))),
            _ => None,
        };
        self.rooms.iter().filter_map(|(peer, room)| Some((session.name(peer), why(peer, room)?))).collect()
    }

    /// Says what to do about copies that are not there; nothing that cannot help.
    fn hints(&self, session: &Session, repair: bool) -> Vec<String> {
        if self.is_alone() {
            return match self.audit.missing.len() {
                0 => Vec::new(),
                _ => vec!["put the files again; `cachette get` says which ones are damaged".into()],
            };
        }
        let mut hints = Vec::new();
        let full: Vec<String> = self.full(session).into_keys().collect();
        let silent: Vec<String> = self.audit.silent.iter().map(|(peer, _)| session.name(peer)).collect();
        let fewest = usize::from(self.fewest());
        if self.nobody() {
            return vec!["nothing was changed; `cachette peers` shows how to reach them".into()];
        }
        let lacks = fewest < usize::from(self.wanted);
        if !self.only_here.is_empty() && full.is_empty() && !repair {
            hints.push("nothing is lost; `cachette check --repair` sends it".into());
        } else if lacks && self.only_here.is_empty() && self.audit.short.len() + self.audit.missing.len() > 0 {
            let can_take = self.answered().saturating_sub(full.len());
            let can_mend = self.audit.short.iter().any(|(_, copies)| usize::from(*copies) < can_take);
            if can_mend && !repair {
                hints.push("`cachette check --repair` brings copies back".into());
            }
        }
        // A full node that has all it should have is nobody's trouble.
        if lacks && fewest < self.answered() && !full.is_empty() {
            let is = if full.len() == 1 { "is" } else { "are" };
            hints.push(format!(
                "{} {is} full: make room there, add a node, or ask for an invitation with a larger limit and give it to `cachette init --join`; then run `cachette check --repair`",
                full.join(", ")
            ));
        }
        if lacks && !silent.is_empty() {
            let (it, is) = if silent.len() == 1 { ("its", "it is") } else { ("their", "they are") };
            hints.push(format!("{it} copies count again when {is} back: {}; `cachette peers` shows where", silent.join(", ")));
        }
        if !self.audit.missing.is_empty() && silent.is_empty() {
            hints.push("put the files again, or bring a node back that has them".into());
        } else if !self.only_here.is_empty() && hints.is_empty() {
            hints.push("nothing is lost; run `cachette check --repair` again, or add a node".into());
        } else if lacks && hints.is_empty() {
            hints.push("run `cachette check --repair` again; if that changes nothing, add a node".into());
        }
        hints
    }

    fn checked(&self, session: &Session, hints: Vec<String>) -> Checked {
        let mut short = BTreeMap::new();
        self.audit.short.iter().for_each(|(_, copies)| *short.entry(*copies).or_default() += 1);
        Checked {
            event: "check",
            state: self.state(),
            blocks: self.audit.blocks,
            copies: if self.nobody() { 0 } else { self.fewest() },
            wanted: self.wanted,
            safe_at: self.safe_at,
            whole: self.audit.whole,
            short,
            only_here: self.only_here.len(),
            missing: self.audit.missing.iter().map(ToString::to_string).collect(),
            strangers: self.audit.strangers,
            mended: self.audit.mended,
            silent: self.audit.silent.iter().map(|(peer, trouble)| (session.name(peer), trouble.to_string())).collect(),
            hints,
        }
    }

    /// Says how the check fails, without hints.
    fn error(&self, session: &Session, checked: &Checked, full: &BTreeMap<String, String>) -> Option<CliError> {
        let missing = self.audit.missing.len() as u64;
        if self.nobody() {
            return Some(CliError::new(ExitKind::Environment, "no node answered, so nothing is known of the copies"));
        }
        if missing > 0 && self.is_alone() {
            return Some(CliError::new(ExitKind::Damaged, format!("{} not on this machine any more", are(missing))));
        }
        if missing > 0 {
            let kind = if checked.silent.is_empty() { ExitKind::Damaged } else { ExitKind::NotSafeYet };
            return Some(CliError::new(kind, format!("{} on no node that answered", are(missing))));
        }
        let rooms = self.rooms.iter().map(|(peer, room)| (session.name(peer), room));
        let reasons = |error: CliError| {
            let error = rooms.fold(error, |error, (name, (used, limit))| match full.get(&name) {
                Some(why) => error.detail(format!("{name}: {why}")),
                None => error.detail(format!("{name}: {} of at most {}", size(*used), size(*limit))),
            });
            checked.silent.iter().fold(error, |error, (name, why)| error.detail(format!("{name}: {why}")))
        };
        if !self.only_here.is_empty() {
            let here = self.only_here.len() as u64;
            return Some(reasons(CliError::new(ExitKind::NotSafeYet, format!("{} on this machine only, and on no node", are(here)))));
        }
        (self.state() == AT_RISK).then(|| reasons(CliError::new(ExitKind::NotSafeYet, "some files have fewer copies than agreed")))
    }
}

fn text(checked: &Checked, nodes: usize) -> String {
    let Checked { state, blocks, copies: fewest, wanted, .. } = checked;
    let silent: Vec<&str> = checked.silent.keys().map(String::as_str).collect();
    let of = parts(*blocks);
    let mut text = if nodes == 0 {
        format!("{state}  {of}, on this machine only")
    } else if silent.len() >= nodes {
        format!("{state}  nothing is known of the copies of {of}")
    } else {
        let at_least = if checked.short.is_empty() || fewest == wanted { "" } else { "at least " };
        format!("{state}  {at_least}{fewest} of {} of {of}, by what the nodes say", copies(u64::from(*wanted)))
    };
    if !silent.is_empty() {
        text.push_str(&format!("; {} did not answer", silent.join(", ")));
    }
    let silent_all = nodes > 0 && silent.len() >= nodes;
    for (copies, count) in &checked.short {
        text.push_str(&format!("\n  {} {}", have(*count as u64), self::copies(u64::from(*copies))));
    }
    if checked.only_here > 0 {
        text.push_str(&format!("\n  {} on this machine only", are(checked.only_here as u64)));
    }
    if !checked.missing.is_empty() && !silent_all {
        let place = if nodes == 0 { "not on this machine any more" } else { "on no node that answered" };
        text.push_str(&format!("\n  {} {place}", are(checked.missing.len() as u64)));
    }
    if checked.mended > 0 {
        text.push_str(&format!(
            "\n  {} brought back",
            if checked.mended == 1 { "1 copy was".into() } else { format!("{} copies were", checked.mended) }
        ));
    }
    if checked.strangers > 0 {
        let (belong, cost) = if checked.strangers == 1 { ("belongs", "costs") } else { ("belong", "cost") };
        let strangers = parts(checked.strangers);
        text.push_str(&format!("\n  {strangers} on nodes {belong} to nothing that the vault needs now; that {cost} space only"));
    }
    for (node, why) in &checked.silent {
        text.push_str(&format!("\n  {node}: {why}"));
    }
    if *state == SAFE {
        // Where the check fails, they stand with the error.
        checked.hints.iter().for_each(|hint| text.push_str(&format!("\n  hint: {hint}")));
    }
    text
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// Counts parts of files in words.
pub(super) fn parts(count: u64) -> String {
    if count == 1 { "1 part".into() } else { format!("{count} parts") }
}

/// Counts copies in words.
pub(super) fn copies(count: u64) -> String {
    if count == 1 { "1 copy".into() } else { format!("{count} copies") }
}

fn are(count: u64) -> String {
    format!("{} {}", parts(count), if count == 1 { "is" } else { "are" })
}

fn have(count: u64) -> String {
    format!("{} {}", parts(count), if count == 1 { "has" } else { "have" })
}

/// How long nothing may move while parts are sent.
const PATIENCE: Duration = Duration::from_secs(30);
/// Room that the largest part of a file takes.
const ONE_MORE: u64 = 1 << 20;

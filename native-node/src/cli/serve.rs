//! `cachette serve`.

use std::path::PathBuf;

use bytesize::ByteSize;
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::Context;
use super::error::{CliError, ExitKind};
use crate::config::keys;
use crate::serve::{Serving, Settings};

/// Runs a storage node: keeps encrypted copies for vaults that its operator invited
///
/// The node holds no key and reads nothing of what it keeps. On its first start it prints an invitation for one vault; `cachette invite`
/// makes more. SIGTERM and SIGINT stop it in order, SIGHUP reads the TLS certificate again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address and port for peers and the web
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<String>,
    /// Loopback address and port for metrics and for commands on this machine
    #[arg(long, value_name = "IP:PORT")]
    local_listen: Option<String>,
    /// Bytes that all vaults together may take, such as 500GiB
    #[arg(long, value_name = "SIZE")]
    store_limit: Option<String>,
    /// Free space of the disk that stays free, such as 10GiB
    #[arg(long, value_name = "SIZE")]
    reserve: Option<String>,
    /// What the node fails together with: copies go to distinct zones first
    #[arg(long)]
    zone: Option<String>,
    /// What people call the node
    #[arg(long)]
    name: Option<String>,
    /// A PEM file with the certificate chain for wss and https
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The PEM file with its private key
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Where others reach the node, as wss://host:port; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    public_address: Vec<String>,
    /// The origin of a web page that may connect; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Print an invitation for a vault of at most this size, also when the node is not new
    #[arg(long, value_name = "SIZE")]
    invite: Option<ByteSize>,
}

#[derive(Serialize)]
struct Listening<'a> {
    event: &'static str,
    peer: String,
    name: &'a str,
    listen: String,
    local: String,
    addresses: &'a [String],
    tls: bool,
}

#[derive(Serialize)]
struct Stopped {
    event: &'static str,
}

impl Args {
    pub(super) async fn run(self, mut context: Context) -> Result<(), CliError> {
        // Before anything runs: a signal that comes early must not be lost.
        let mut signals = Signals::listen()?;
        let invite = self.invite;
        self.apply(&mut context);
        let settings = Settings::from_config(&context.config)?;
        let tls = settings.tls.is_some();
        let serving = Serving::start(settings).await?;
        announce(&context, &serving, tls);
        if serving.is_new() || invite.is_some() {
            let limit = invite.map_or(serving.desk().store_limit, |limit| limit.as_u64());
            match serving.desk().invite(limit).await {
                Ok(answer) => super::invite::print(&context, &answer),
                Err(error) => {
                    serving.shutdown().await;
                    return Err(CliError::new(ExitKind::Environment, &error));
                }
            }
        }
        while signals.next().await == Asked::Reload {
            match serving.reload() {
                Ok(()) => info!("TLS certificate read again"),
                Err(error) => warn!(%error, "the TLS certificate in use stays in use"),
            }
        }
        info!("stopping");
        tokio::select! {
            () = serving.shutdown() => {}
            // Who asks twice wants it now.
            _ = signals.next() => return Err(CliError::new(ExitKind::Environment, "stopped before everything was closed")),
        }
        context.output.event(&Stopped { event: "stopped" }, || "stopped".into());
        Ok(())
    }

    fn apply(self, context: &mut Context) {
        let config = &mut context.config;
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        config.take_flag(keys::LISTEN, "--listen", self.listen);
        config.take_flag(keys::LOCAL_LISTEN, "--local-listen", self.local_listen);
        config.take_flag(keys::STORE_LIMIT, "--store-limit", self.store_limit);
        config.take_flag(keys::RESERVE, "--reserve", self.reserve);
        config.take_flag(keys::ZONE, "--zone", self.zone);
        config.take_flag(keys::NAME, "--name", self.name);
        config.take_flag(keys::TLS_CERT, "--tls-cert", self.tls_cert.map(path));
        config.take_flag(keys::TLS_KEY, "--tls-key", self.tls_key.map(path));
        config.take_flag(keys::PUBLIC_ADDRESSES, "--public-address", self.public_address);
        config.take_flag(keys::ALLOW_ORIGINS, "--allow-origin", self.allow_origin);
    }
}

fn announce(context: &Context, serving: &Serving, tls: bool) {
    let desk = serving.desk();
    let listening = Listening {
        event: "listening",
        peer: desk.peer.to_string(),
        name: &desk.name,
        listen: desk.listen.to_string(),
        local: desk.local.to_string(),
        addresses: &desk.addresses,
        tls,
    };
    context.output.event(&listening, || {
        format!(
            "node {} listens on {}\n  peer id     {}\n  address     {}\n  on this machine (metrics, commands)  http://{}",
            desk.name,
            desk.listen,
            desk.peer,
            desk.addresses.join(", "),
            desk.local
        )
    });
}

#[derive(PartialEq, Eq)]
enum Asked {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, CliError> {
        let on = |kind| signal(kind).map_err(|error| CliError::new(ExitKind::Environment, format!("signals cannot be caught: {error}")));
        Ok(Self { terminate: on(SignalKind::terminate())?, interrupt: on(SignalKind::interrupt())?, hangup: on(SignalKind::hangup())? })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }
}

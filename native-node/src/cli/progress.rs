//! Progress for a person's terminal: bars on standard error, nothing for pipes and machines.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Context;
use super::session::Session;

/// Bars for what is read and what is sent.
pub(super) struct Progress {
    read: Arc<AtomicU64>,
    bars: Option<Bars>,
}

struct Bars {
    sealing: ProgressBar,
    sending: ProgressBar,
    ticker: tokio::task::JoinHandle<()>,
}

impl Progress {
    /// Starts bars for so many bytes, if a person watches.
    pub(super) fn start(context: &Context, session: &Session, bytes: u64) -> Self {
        let read = Arc::new(AtomicU64::new(0));
        let watched = std::io::stderr().is_terminal() && !context.output.is_json() && !context.output.is_quiet();
        let bars = watched.then(|| {
            let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(5));
            let sealing = all.add(ProgressBar::new(bytes));
            sealing.set_style(style("  {prefix:<8}  {bar:32}  {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}  {eta} left"));
            sealing.set_prefix("sealing");
            let sending = all.add(ProgressBar::new_spinner());
            sending.set_style(style("  {prefix:<8}  {msg}"));
            sending.set_prefix("sending");
            let ticker = tokio::spawn({
                let (sealing, sending, read) = (sealing.clone(), sending.clone(), Arc::clone(&read));
                let (links, names) = (session.links.clone(), session.names());
                async move {
                    let mut before: Vec<u64> = vec![0; names.len()];
                    loop {
                        sealing.set_position(read.load(Ordering::Relaxed));
                        let mut rates = Vec::new();
                        for ((peer, name), before) in names.iter().zip(&mut before) {
                            let sent = links.all().iter().filter(|link| link.peer == *peer).map(|link| link.traffic().1).sum::<u64>();
                            let rate = sent.saturating_sub(*before) * 1000 / u64::try_from(TICK.as_millis()).unwrap_or(1);
                            rates.push(format!("{name} {}", rate >> 20));
                            *before = sent;
                        }
                        sending.set_message(if rates.is_empty() {
                            "to this machine".into()
                        } else {
                            format!("{} MiB/s", rates.join(" · "))
                        });
                        tokio::time::sleep(TICK).await;
                    }
                }
            });
            Bars { sealing, sending, ticker }
        });
        Self { read, bars }
    }

    /// Returns where bytes that were read are counted.
    pub(super) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }

    /// Shows what is still waited for once everything is read.
    pub(super) async fn show(&self, session: &Session) {
        if let Some(bars) = &self.bars {
            let waiting = session.client.look(|peer| peer.vault().in_flight()).await.unwrap_or_default();
            if waiting > 0 {
                bars.sealing.set_position(self.read.load(Ordering::Relaxed));
            }
        }
    }

    /// Takes the bars away.
    pub(super) fn finish(&self) {
        if let Some(bars) = &self.bars {
            bars.ticker.abort();
            bars.sealing.finish_and_clear();
            bars.sending.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("█▉▊▋▌▍▎▏░")
}

/// How often rates are measured.
const TICK: Duration = Duration::from_millis(500);

//! How far a command is: bars for a person's terminal, a line now and then for a pipe, an event now and then for machines.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachette_core::id::PeerId;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Context;
use super::output::Output;
use super::paths::printable;
use super::session::Session;
use crate::driver::links::LinkTable;

/// The progress of one command. Dropping it takes the bars away.
pub(super) struct Progress {
    counts: Arc<Counts>,
    teller: Option<JoinHandle<()>>,
    bars: Option<Bars>,
}

/// Bytes that are done, and that there are, as far as is known.
struct Counts {
    done: Arc<AtomicU64>,
    of: AtomicU64,
}

/// Which way the bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Put,
    Get,
}

#[derive(Clone)]
struct Bars {
    main: ProgressBar,
    nodes: ProgressBar,
}

/// What `--json` prints on the way.
#[derive(Serialize)]
struct Told {
    event: &'static str,
    command: &'static str,
    bytes: u64,
    of: u64,
}

impl Progress {
    /// Starts to tell of so many bytes that are put.
    pub(super) fn start(context: &Context, session: &Session, bytes: u64) -> Self {
        Self::of(context, session, bytes, Way::Put)
    }

    /// Starts to tell of so many bytes that are got, and of what [`Self::expect`] adds.
    pub(super) fn of_get(context: &Context, session: &Session, bytes: u64) -> Self {
        Self::of(context, session, bytes, Way::Get)
    }

    fn of(context: &Context, session: &Session, bytes: u64, way: Way) -> Self {
        let counts = Arc::new(Counts { done: Arc::default(), of: AtomicU64::new(bytes) });
        let output = context.output;
        let watched = std::io::stderr().is_terminal() && !output.is_json();
        let bars = (watched && !output.is_quiet()).then(|| Bars::new(way));
        let teller = match &bars {
            Some(bars) => Some(tokio::spawn(bars.clone().follow(Arc::clone(&counts), Nodes::of(session, way)))),
            None if output.is_quiet() => None,
            None => Some(tokio::spawn(tell(output, Arc::clone(&counts), way))),
        };
        Self { counts, teller, bars }
    }

    /// Returns where bytes that are done are counted.
    pub(super) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.counts.done)
    }

    /// Adds bytes that were found to be there too.
    pub(super) fn expect(&self, bytes: u64) {
        self.counts.of.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes the bars away.
    pub(super) fn finish(&self) {
        if let Some(teller) = &self.teller {
            teller.abort();
        }
        if let Some(bars) = &self.bars {
            bars.main.finish_and_clear();
            bars.nodes.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Counts {
    fn read(&self) -> (u64, u64) {
        let done = self.done.load(Ordering::Relaxed);
        (done, self.of.load(Ordering::Relaxed).max(done))
    }
}

impl Way {
    const fn command(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
        }
    }
}

impl Bars {
    fn new(way: Way) -> Self {
        let (bytes, nodes) = match way {
            Way::Put => ("sealing", "sending"),
            Way::Get => ("getting", "from"),
        };
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        let main = all.add(ProgressBar::new(0)).with_style(style("  {prefix:<8}  {wide_bar}  {msg}")).with_prefix(bytes);
        let nodes = all.add(ProgressBar::new_spinner()).with_style(style("  {prefix:<8}  {wide_msg}")).with_prefix(nodes);
        Self { main, nodes }
    }

    /// Keeps the bars true.
    async fn follow(self, counts: Arc<Counts>, mut nodes: Nodes) {
        loop {
            let (done, of) = counts.read();
            self.main.set_length(of);
            self.main.set_position(done);
            let rate = self.main.per_sec() as u64;
            self.main.set_message(format!("{} of {}  {}/s  {} left", short(done), short(of), short(rate), clock(self.main.eta())));
            self.nodes.set_message(nodes.rates());
            sleep(TICK).await;
        }
    }
}

/// The nodes and what each of them moved.
struct Nodes {
    links: LinkTable,
    way: Way,
    known: Vec<(PeerId, String, u64)>,
}

impl Nodes {
    fn of(session: &Session, way: Way) -> Self {
        let known = session.names().into_iter().map(|(peer, name)| (peer, printable(&name), 0)).collect();
        Self { links: session.links.clone(), way, known }
    }

    /// Says how fast each node is, since the last time.
    fn rates(&mut self) -> String {
        let Self { links, way, known } = self;
        if known.is_empty() {
            return if *way == Way::Put { "to this machine" } else { "this machine" }.into();
        }
        let links = links.all();
        let rate = |(peer, name, before): &mut (PeerId, String, u64)| {
            let of = |(received, sent)| if *way == Way::Put { sent } else { received };
            let moved = links.iter().filter(|link| link.peer == *peer).map(|link| of(link.traffic())).sum::<u64>();
            let rate = moved.saturating_sub(*before) * 1000 / TICK.as_millis() as u64;
            *before = moved;
            format!("{name} {}/s", short(rate))
        };
        known.iter_mut().map(rate).collect::<Vec<_>>().join(" · ")
    }
}

/// Tells those who see no bars, while something goes on.
async fn tell(output: Output, counts: Arc<Counts>, way: Way) {
    let (every, mut before) = (if output.is_json() { EVENT } else { LINE }, 0);
    loop {
        sleep(every).await;
        let (bytes, of) = counts.read();
        if bytes == before {
            continue;
        }
        before = bytes;
        let told = Told { event: "progress", command: way.command(), bytes, of };
        output.doubt(&told, &format!("{}  {} of {}", way.command(), short(bytes), short(of)));
    }
}

/// Writes a size in as few letters as tell it: `812 MiB`, `9.7 MiB`.
fn short(bytes: u64) -> String {
    let unit = UNITS.iter().position(|(size, _)| bytes >= *size).unwrap_or(UNITS.len() - 1);
    let (size, name) = UNITS[unit];
    let tenths = bytes as u128 * 10 / u128::from(size);
    if size == 1 || tenths >= 100 { format!("{} {name}", tenths / 10) } else { format!("{}.{} {name}", tenths / 10, tenths % 10) }
}

/// Writes a time as clocks do: `0:07`, `1:02:03`.
fn clock(time: Duration) -> String {
    let (minutes, seconds) = (time.as_secs() / 60, time.as_secs() % 60);
    if minutes < 60 { format!("{minutes}:{seconds:02}") } else { format!("{}:{:02}:{seconds:02}", minutes / 60, minutes % 60) }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("█▉▊▋▌▍▎▏░")
}

const UNITS: [(u64, &str); 5] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")];
/// How often bars and rates are looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often machines hear of progress.
const EVENT: Duration = Duration::from_secs(2);
/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_take_little_room() {
        let sizes = [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (10_239, "9.9 KiB"), (10_240, "10 KiB"), (5 << 30, "5.0 GiB")];
        for (bytes, text) in sizes {
            assert_eq!(short(bytes), text);
        }
        assert_eq!(short(u64::MAX), "16777215 TiB");
        assert_eq!((clock(Duration::from_secs(7)), clock(Duration::from_secs(3723))), ("0:07".into(), "1:02:03".into()));
    }
}

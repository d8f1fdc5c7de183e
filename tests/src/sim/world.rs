//! The world: hosts, the network between them, one clock, and the loop that lets the earliest thing happen next.

mod acts;
mod life;

use std::collections::VecDeque;

use cachette_core::link;
use cachette_core::node::{self, LinkId, Request};
use cachette_core::peer;
use cachette_core::time::{Span, Time};
use cachette_core::vault::{Command, CommandError, CommandId, Reply};

use bytes::Bytes;

use super::checked::Watch;
use super::faults::Fault;
use super::host::{Host, Kind};
use super::invariants::Invariants;
use super::network::{Network, Weather};
use super::rng::Rng;
use super::schedule::Schedule;
use super::story::Story;
use super::{HostNo, Rule, Violation};

/// What a world is to be like.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The rule that its machines or its driver break.
    pub broken: Option<Rule>,
    /// What its clocks are like.
    pub watch: Watch,
}

/// A simulated world.
pub struct World {
    /// The seed that determines everything.
    pub seed: u64,
    /// The world's own chance, for tests to draw from too.
    pub rng: Rng,
    /// What has happened.
    pub story: Story,
    /// All hosts, by number.
    pub hosts: Vec<Host>,
    /// What connects them.
    pub network: Network,
    /// What must hold.
    pub invariants: Invariants,
    now: Time,
    settings: Settings,
    faults: Schedule<Fault>,
    jobs: Schedule<(HostNo, u64, peer::Input)>,
    work: VecDeque<Work>,
    next_link: u64,
    /// Steps since time last went on.
    still: u32,
    violation: Option<Violation>,
}

/// An input on its way to a machine of a host's present life.
#[derive(Debug)]
enum Work {
    Brain(HostNo, peer::Input),
    Link(HostNo, LinkId, link::Input),
}

impl World {
    /// Starts an empty world.
    #[must_use]
    pub fn new(seed: u64, settings: Settings) -> Self {
        let mut rng = Rng::new(seed);
        Self {
            seed,
            story: Story::new(START),
            hosts: Vec::new(),
            network: Network::new(rng.fork()),
            invariants: Invariants::default(),
            now: START,
            settings,
            faults: Schedule::new(),
            jobs: Schedule::new(),
            work: VecDeque::new(),
            next_link: 0,
            still: 0,
            violation: None,
            rng,
        }
    }

    /// Adds a host, and starts it unless it is a device, whose vault has to be set up first.
    pub fn add(&mut self, kind: Kind) -> HostNo {
        let no = HostNo(self.hosts.len());
        let starts = kind != Kind::Device;
        let rng = self.rng.fork();
        self.hosts.push(Host::new(no, kind, rng));
        if starts {
            self.start(no);
        }
        no
    }

    /// Draws the weather between all hosts: from a good line to a bad one, with so much loss at most.
    pub fn draw_weather(&mut self, loss: u64) {
        for from in 0..self.hosts.len() {
            for to in 0..self.hosts.len() {
                let weather = Weather {
                    delay: self.rng.span(1, 60),
                    jitter: self.rng.span(0, 30),
                    rate: self.rng.between(100, 20_000),
                    loss: self.rng.below(loss + 1),
                };
                self.network.set_weather(HostNo(from), HostNo(to), weather);
            }
        }
    }

    /// Puts a fault on the schedule.
    pub fn plan(&mut self, after: Span, fault: Fault) {
        self.faults.put(self.now + after, fault);
    }

    /// Returns the world's time.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// Returns a host.
    #[must_use]
    pub fn host(&self, no: HostNo) -> &Host {
        &self.hosts[no.0]
    }

    /// Returns a host, to change it.
    pub fn host_mut(&mut self, no: HostNo) -> &mut Host {
        &mut self.hosts[no.0]
    }

    /// Asks something of a host's node.
    pub fn ask(&mut self, no: HostNo, request: Request) {
        self.work.push_back(Work::Brain(no, peer::Input::Node(node::Input::Request(request))));
        self.pump();
    }

    /// Gives a command to a host's vault; `content` is what a put is fed.
    pub fn command(&mut self, no: HostNo, command: Command, content: Option<Bytes>) -> CommandId {
        self.story.tell(self.now, Some(no), format_args!("command {command:?}"));
        let (id, inputs) = self.host_mut(no).app.begin(command, content);
        self.tell_vault(no, inputs);
        self.pump();
        id
    }

    /// Gives a command and waits for what comes of it.
    ///
    /// # Errors
    /// A [`Violation`] when nothing comes of it in time, or when something must not be.
    pub fn done(
        &mut self,
        no: HostNo,
        command: Command,
        content: Option<Bytes>,
        within: Span,
    ) -> Result<Result<Reply, CommandError>, Violation> {
        let what = format!("{command:?} on {no}");
        let id = self.command(no, command, content);
        self.replied(no, id, within, &what)
    }

    /// Waits for what comes of a command; it is cancelled when the host dies.
    ///
    /// # Errors
    /// A [`Violation`] when nothing comes of it in time, or when something must not be.
    pub fn replied(&mut self, no: HostNo, id: CommandId, within: Span, what: &str) -> Result<Result<Reply, CommandError>, Violation> {
        let life = self.host(no).lives;
        self.until(within, what, |world| {
            let host = world.host(no);
            host.app.reply(id).is_some() || !host.is_up() || host.lives != life
        })?;
        Ok(self.host(no).app.reply(id).cloned().unwrap_or(Err(CommandError::Cancelled)))
    }

    /// Lets things happen until something holds.
    ///
    /// # Errors
    /// [`Violation::Stalled`] when it does not hold in time; any other violation that occurs on the way.
    pub fn until(&mut self, within: Span, what: &str, mut holds: impl FnMut(&Self) -> bool) -> Result<(), Violation> {
        let end = self.now + within;
        while !holds(self) {
            if !self.step(end)? {
                return Err(Violation::Stalled { what: what.to_owned(), within });
            }
        }
        Ok(())
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// Any violation that occurs on the way.
    pub fn run(&mut self, span: Span) -> Result<(), Violation> {
        let end = self.now + span;
        while self.step(end)? {}
        Ok(())
    }

    /// Lets the earliest thing happen, if that is before `end`; else it is `end` now, and `false` comes back.
    ///
    /// # Errors
    /// Any violation that occurs.
    pub fn step(&mut self, end: Time) -> Result<bool, Violation> {
        self.verdict()?;
        let hosts = self.hosts.iter().filter_map(Host::deadline);
        let others = [self.network.deadline(), self.faults.deadline(), self.jobs.deadline()];
        let next = hosts.chain(others.into_iter().flatten()).min().filter(|at| *at <= end);
        let Some(at) = next else {
            self.now = self.now.max(end);
            self.check_hidden();
            self.verdict()?;
            return Ok(false);
        };
        self.still = if at > self.now { 0 } else { self.still + 1 };
        if self.still > STILL_MAX {
            return Err(Violation::Promise(format!("time stands still: {}", self.wakers())));
        }
        self.now = self.now.max(at);
        self.happen();
        self.pump();
        self.verdict()?;
        Ok(true)
    }

    /// Ends the world's faults: everybody is up and reachable, disks are sound and have room.
    pub fn calm(&mut self) {
        self.story.tell(self.now, None, "calm");
        self.faults.clear();
        self.network.calm();
        self.network.heal_all(self.now);
        for no in (0..self.hosts.len()).map(HostNo) {
            let host = self.host_mut(no);
            host.disk.failing = 0;
            host.disk.capacity = u64::MAX;
            host.notes.failing = 0;
            host.saboteur = None;
            host.meddler = None;
            self.inflict(Fault::Thaw(no));
            if !self.host(no).is_up() {
                self.start(no);
            }
        }
        self.pump();
    }

    /// Everything whose time has come.
    fn happen(&mut self) {
        while let Some(fault) = self.faults.due(self.now) {
            self.inflict(fault);
        }
        while let Some((no, life, input)) = self.jobs.due(self.now) {
            let host = self.host(no);
            if host.lives != life || !host.is_up() {
                continue;
            }
            if host.frozen.is_some() {
                self.jobs.put(self.now + Span(100), (no, life, input));
            } else {
                self.work.push_back(Work::Brain(no, input));
            }
        }
        self.network.tick(self.now);
        while let Some(output) = self.network.poll() {
            self.arrived(output);
        }
        for no in (0..self.hosts.len()).map(HostNo) {
            self.answers(no);
            self.ticks(no);
        }
    }

    /// What a host's disk and notes answer.
    fn answers(&mut self, no: HostNo) {
        let now = self.now;
        let host = &mut self.hosts[no.0];
        host.disk.tick(now);
        host.notes.tick(now);
        if host.frozen.is_some() {
            return;
        }
        while let Some((request, answer)) = host.disk.poll() {
            self.work.push_back(Work::Brain(no, peer::Input::Node(node::Input::Answer(request, answer))));
        }
        while let Some((keep, kept)) = host.notes.poll() {
            self.work.push_back(Work::Brain(no, peer::Input::Vault(cachette_core::vault::Input::Kept(keep, kept))));
        }
    }

    /// Wakes the machines of a host that wanted to be woken.
    fn ticks(&mut self, no: HostNo) {
        let host = &self.hosts[no.0];
        if host.frozen.is_some() {
            return;
        }
        let local = host.local(self.now);
        let Some(life) = &host.life else { return };
        if life.brain.deadline().is_some_and(|deadline| deadline.at <= local) {
            self.work.push_back(Work::Brain(no, peer::Input::Tick));
        }
        for (link, line) in &life.lines {
            if line.link.deadline().is_some_and(|deadline| deadline.at <= local) {
                self.work.push_back(Work::Link(no, *link, link::Input::Tick));
            }
        }
    }

    /// The first violation that anybody saw.
    fn verdict(&mut self) -> Result<(), Violation> {
        for host in &mut self.hosts {
            let local = host.local(self.now);
            // A host that stood still has had no time to answer itself.
            let frozen = host.frozen.is_some() || self.now.since(host.thawed) < Span::seconds(60);
            if let Some(life) = &mut host.life {
                if !frozen {
                    life.brain.check_answers(local);
                }
                let seen = life.lines.values_mut().find_map(|line| line.link.violation());
                self.violation = self.violation.take().or_else(|| life.brain.violation()).or(seen);
            }
        }
        let violation = self.violation.take().or_else(|| self.invariants.violation());
        violation.map_or(Ok(()), Err)
    }

    /// Looks into every machine for what is hidden, now that nothing happens any more.
    fn check_hidden(&mut self) {
        for life in self.hosts.iter_mut().filter_map(|host| host.life.as_mut()) {
            life.brain.check_hidden();
            life.lines.values_mut().for_each(|line| line.link.check_hidden());
        }
    }

    fn wakers(&self) -> String {
        let mut wakers = Vec::new();
        for host in &self.hosts {
            if host.deadline().is_some_and(|at| at <= self.now) {
                let life = host.life.as_ref();
                wakers.push(format!("{}: {:?}", host.no, life.and_then(|life| life.brain.deadline())));
            }
        }
        wakers.join(", ")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { broken: None, watch: Watch::True }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.story.end(STORY_LINES));
            eprintln!("seed {} (again: CACHETTE_SEED={} cargo test -p cachette-tests <this test>)", self.seed, self.seed);
        }
    }
}

/// When every world begins.
const START: Time = Time(1_793_000_000_000);
/// Steps within one millisecond until something must be spinning.
const STILL_MAX: u32 = 50_000;
/// Lines of a story that are shown when something fails.
pub(super) const STORY_LINES: usize = 60;

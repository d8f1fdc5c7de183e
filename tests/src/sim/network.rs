//! The network between hosts, as a machine of its own: connections that carry socket messages in order, with delay, jitter, rate,
//! loss and cuts.
//!
//! Every connection is a stream, as TCP makes it: nothing inside it is lost or reordered, but the whole connection may break, for both
//! ends or for one end only (*half-open*: the other end hears nothing any more). Across connections everything overtakes everything.
//! A cut holds back one direction between two hosts; what was on its way arrives when it is healed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use cachette_core::time::{Span, Time};

use super::HostNo;
use super::rng::Rng;
use super::schedule::Schedule;

/// A connection's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conn(pub u64);

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct End {
    /// The connection.
    pub conn: Conn,
    /// Whether it is the end that called.
    pub caller: bool,
}

/// What a path between two hosts is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// The delay of every message.
    pub delay: Span,
    /// Up to so much more.
    pub jitter: Span,
    /// Bytes per millisecond.
    pub rate: u64,
    /// How many of a thousand messages break their connection.
    pub loss: u64,
}

/// What the network tells the world.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Somebody calls; [`Network::answer`] says whether it is heard.
    Knock(End, HostNo),
    /// A call was answered.
    Opened(End),
    /// A call came to nothing: `true` if it was refused, `false` if nothing answered in time.
    Failed(End, bool),
    /// A socket message arrived.
    Delivered(End, Bytes),
    /// This many bytes that an end sent were taken at the other end.
    Taken(End, usize),
    /// The connection is over for this end.
    Gone(End),
}

/// All connections.
#[derive(Debug)]
pub struct Network {
    rng: Rng,
    weather: BTreeMap<(HostNo, HostNo), Weather>,
    uplinks: BTreeMap<HostNo, Uplink>,
    cuts: BTreeSet<(HostNo, HostNo)>,
    conns: BTreeMap<Conn, Connection>,
    events: Schedule<Event>,
    outputs: VecDeque<Output>,
    next: u64,
    calm: bool,
}

#[derive(Debug)]
struct Connection {
    hosts: [HostNo; 2],
    /// From the caller, and to it.
    ways: [Way; 2],
    /// Whether each end is still told anything.
    ends: [bool; 2],
    /// Whether the caller knows that its call was taken.
    opened: bool,
    /// Whether whatever is sent is lost.
    broken: bool,
}

/// What everything has to pass that a host sends, whoever it is for.
#[derive(Debug)]
struct Uplink {
    /// Bytes per millisecond.
    rate: u64,
    busy_until: Time,
    passed: u64,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Way {
    queue: VecDeque<Parcel>,
    busy_until: Time,
    /// Arrivals that a cut holds back.
    held: usize,
}

#[derive(Debug)]
enum Parcel {
    Message(Bytes),
    End,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Knock(Conn),
    Opened(Conn),
    Failed(Conn, bool),
    Arrive(Conn, usize),
    Taken(End, usize),
    Gone(End),
}

impl Network {
    /// Starts without connections.
    #[must_use]
    pub const fn new(rng: Rng) -> Self {
        Self {
            rng,
            weather: BTreeMap::new(),
            uplinks: BTreeMap::new(),
            cuts: BTreeSet::new(),
            conns: BTreeMap::new(),
            events: Schedule::new(),
            outputs: VecDeque::new(),
            next: 0,
            calm: false,
        }
    }

    /// Sets what the path from one host to another is like.
    pub fn set_weather(&mut self, from: HostNo, to: HostNo, weather: Weather) {
        self.weather.insert((from, to), weather);
    }

    /// Lets everything that a host sends pass one uplink of so many bytes per millisecond.
    pub fn set_uplink(&mut self, host: HostNo, rate: u64) {
        self.uplinks.insert(host, Uplink { rate, busy_until: Time(0), passed: 0 });
    }

    /// Returns how many bytes have passed a host's uplink since it was set.
    #[must_use]
    pub fn uploaded(&self, host: HostNo) -> u64 {
        self.uplinks.get(&host).map_or(0, |uplink| uplink.passed)
    }

    /// Stops breaking connections by chance.
    pub const fn calm(&mut self) {
        self.calm = true;
    }

    /// Calls another host; ends in [`Output::Opened`] or [`Output::Failed`] at the returned end.
    pub fn call(&mut self, now: Time, from: HostNo, to: HostNo) -> End {
        let conn = Conn(self.next);
        self.next += 1;
        self.conns.insert(
            conn,
            Connection { hosts: [from, to], ways: [Way::default(), Way::default()], ends: [true, false], opened: false, broken: false },
        );
        self.events.put(now + CALL_TIMEOUT, Event::Failed(conn, false));
        if !self.cuts.contains(&(from, to)) && !self.cuts.contains(&(to, from)) {
            let at = now + self.delay(from, to);
            self.events.put(at, Event::Knock(conn));
        }
        End { conn, caller: true }
    }

    /// Answers a knock: takes the call, refuses it, or (`None`) stays silent.
    pub fn answer(&mut self, now: Time, end: End, taken: Option<bool>) {
        let Some(connection) = self.conns.get_mut(&end.conn) else { return };
        let [from, to] = connection.hosts;
        connection.ends[1] = taken == Some(true);
        let Some(taken) = taken else { return };
        let at = now + self.delay(to, from);
        let event = if taken { Event::Opened(end.conn) } else { Event::Failed(end.conn, true) };
        // What the listener says first may not overtake the answer itself.
        if let Some(connection) = self.conns.get_mut(&end.conn) {
            connection.ways[1].busy_until = at;
        }
        self.events.put(at, event);
    }

    /// Sends a socket message from an end.
    pub fn send(&mut self, now: Time, from: End, bytes: Bytes) {
        let Some(connection) = self.conns.get(&from.conn) else { return };
        let weather = self.weather_of(connection, from.way());
        if !self.calm && self.rng.per_mille(weather.loss) {
            let told = if self.rng.per_mille(250) { vec![*self.rng.pick(&[from, from.other()])] } else { vec![from, from.other()] };
            self.break_conn(now, from.conn, &told);
            return;
        }
        self.post(now, from, Parcel::Message(bytes));
    }

    /// Says that an end has taken so many bytes in.
    pub fn take(&mut self, now: Time, at: End, bytes: usize) {
        let Some(connection) = self.conns.get(&at.conn) else { return };
        let delay = self.weather_of(connection, at.way()).delay;
        self.events.put(now + delay, Event::Taken(at.other(), bytes));
    }

    /// Closes an end; the other one learns it after everything that was sent before.
    pub fn close(&mut self, now: Time, end: End) {
        self.post(now, end, Parcel::End);
        self.deafen(end);
    }

    /// Breaks a connection. Only the ends in `told` learn it; the other believes that it lives, and what it sends is lost.
    pub fn break_conn(&mut self, now: Time, conn: Conn, told: &[End]) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        connection.broken = true;
        connection.ways.iter_mut().for_each(|way| way.queue.clear());
        let hosts = connection.hosts;
        for end in told {
            let way = end.other().way();
            let at = now + self.delay(hosts[way], hosts[1 - way]);
            self.events.put(at, Event::Gone(*end));
        }
    }

    /// Ends all connections of a host that died; `told`: the others learn it now (a killed process), or never (a power cut).
    pub fn vanish(&mut self, now: Time, host: HostNo, told: bool) {
        for conn in self.conns_of(host) {
            for end in [End { conn, caller: true }, End { conn, caller: false }] {
                if self.host_at(end) == Some(host) {
                    let survivor = [end.other()];
                    self.break_conn(now, conn, if told { &survivor } else { &[] });
                    self.deafen(end);
                }
            }
        }
    }

    /// Holds back what one host sends to another.
    pub fn cut(&mut self, from: HostNo, to: HostNo) {
        self.cuts.insert((from, to));
    }

    /// Lets everything through again.
    pub fn heal_all(&mut self, now: Time) {
        for (from, to) in std::mem::take(&mut self.cuts) {
            for (conn, connection) in &mut self.conns {
                for way in 0..2 {
                    if (connection.hosts[way], connection.hosts[1 - way]) == (from, to) {
                        for _ in 0..std::mem::take(&mut connection.ways[way].held) {
                            self.events.put(now + Span(1), Event::Arrive(*conn, way));
                        }
                    }
                }
            }
        }
    }

    /// Takes time in.
    pub fn tick(&mut self, now: Time) {
        while let Some(event) = self.events.due(now) {
            self.happen(now, event);
        }
    }

    /// Returns what the network tells next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when something happens next.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.events.deadline()
    }

    /// Returns the open connections of a host.
    #[must_use]
    pub fn conns_of(&self, host: HostNo) -> Vec<Conn> {
        self.conns.iter().filter(|(_, connection)| connection.hosts.contains(&host)).map(|(conn, _)| *conn).collect()
    }

    /// Returns the host at an end.
    #[must_use]
    pub fn host_at(&self, end: End) -> Option<HostNo> {
        Some(self.conns.get(&end.conn)?.hosts[usize::from(!end.caller)])
    }

    fn happen(&mut self, now: Time, event: Event) {
        let output = match event {
            Event::Knock(conn) => self
                .conns
                .get(&conn)
                .filter(|connection| !connection.broken)
                .map(|connection| Output::Knock(End { conn, caller: false }, connection.hosts[1])),
            Event::Opened(conn) => {
                let Some(connection) = self.conns.get_mut(&conn) else { return };
                connection.opened = true;
                self.told(End { conn, caller: true }).map(Output::Opened)
            }
            Event::Failed(conn, refused) => {
                let Some(connection) = self.conns.get(&conn).filter(|connection| !connection.opened) else { return };
                let told = connection.ends[0];
                self.conns.remove(&conn);
                told.then_some(Output::Failed(End { conn, caller: true }, refused))
            }
            Event::Taken(end, bytes) => self.told(end).map(|end| Output::Taken(end, bytes)),
            Event::Gone(end) => {
                let told = self.told(end);
                self.deafen(end);
                told.map(Output::Gone)
            }
            Event::Arrive(conn, way) => return self.arrive(now, conn, way),
        };
        self.outputs.extend(output);
    }

    fn arrive(&mut self, now: Time, conn: Conn, way: usize) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let hosts = (connection.hosts[way], connection.hosts[1 - way]);
        if self.cuts.contains(&hosts) {
            connection.ways[way].held += 1;
            return;
        }
        let end = End { conn, caller: way == 1 };
        let open = connection.ends[usize::from(!end.caller)];
        match connection.ways[way].queue.pop_front() {
            Some(Parcel::Message(bytes)) if open => self.outputs.push_back(Output::Delivered(end, bytes)),
            // Sent to a socket that was closed: the sender learns it, as by a reset.
            Some(Parcel::Message(_)) => self.events.put(now + Span(1), Event::Gone(end.other())),
            Some(Parcel::End) => self.happen(now, Event::Gone(end)),
            None => {}
        }
    }

    fn post(&mut self, now: Time, from: End, parcel: Parcel) {
        let Some(connection) = self.conns.get(&from.conn) else { return };
        let weather = self.weather_of(connection, from.way());
        let bytes = match &parcel {
            Parcel::Message(bytes) => bytes.len() as u64,
            Parcel::End => 0,
        };
        let lag = weather.delay.millis() + self.rng.below(weather.jitter.millis() + 1) + bytes / weather.rate.max(1);
        let Some(connection) = self.conns.get_mut(&from.conn).filter(|connection| !connection.broken) else { return };
        let leaves = self.uplinks.get_mut(&connection.hosts[from.way()]).map_or(now, |uplink| uplink.pass(now, bytes));
        let way = &mut connection.ways[from.way()];
        way.queue.push_back(parcel);
        way.busy_until = way.busy_until.max(leaves + Span(lag));
        self.events.put(way.busy_until, Event::Arrive(from.conn, from.way()));
    }

    fn told(&self, end: End) -> Option<End> {
        self.conns.get(&end.conn)?.ends[usize::from(!end.caller)].then_some(end)
    }

    /// Tells an end nothing any more; a connection that neither end hears of is forgotten once its last words have arrived.
    fn deafen(&mut self, end: End) {
        if let Some(connection) = self.conns.get_mut(&end.conn) {
            connection.ends[usize::from(!end.caller)] = false;
            if connection.ends == [false, false] {
                self.conns.remove(&end.conn);
            }
        }
    }

    fn delay(&mut self, from: HostNo, to: HostNo) -> Span {
        let weather = self.weather.get(&(from, to)).copied().unwrap_or(FAIR);
        Span(weather.delay.millis() + self.rng.below(weather.jitter.millis() + 1))
    }

    fn weather_of(&self, connection: &Connection, way: usize) -> Weather {
        self.weather.get(&(connection.hosts[way], connection.hosts[1 - way])).copied().unwrap_or(FAIR)
    }
}

impl Uplink {
    /// Lets bytes pass; returns when they have.
    fn pass(&mut self, now: Time, bytes: u64) -> Time {
        self.passed += bytes;
        self.busy_until = self.busy_until.max(now) + Span(bytes / self.rate.max(1));
        self.busy_until
    }
}

impl Output {
    /// Returns the end that it concerns.
    #[must_use]
    pub const fn end(&self) -> End {
        match self {
            Self::Knock(end, _)
            | Self::Opened(end)
            | Self::Failed(end, _)
            | Self::Delivered(end, _)
            | Self::Taken(end, _)
            | Self::Gone(end) => *end,
        }
    }
}

impl End {
    /// Returns the other end.
    #[must_use]
    pub const fn other(self) -> Self {
        Self { conn: self.conn, caller: !self.caller }
    }

    /// Which way bytes go that this end sends.
    const fn way(self) -> usize {
        if self.caller { 0 } else { 1 }
    }
}

/// A call that nobody hears is given up after this long, as by an operating system.
const CALL_TIMEOUT: Span = Span::seconds(20);
/// Where nothing else is set: a good line.
const FAIR: Weather = Weather { delay: Span(5), jitter: Span(2), rate: 10_000, loss: 0 };

#[cfg(test)]
mod tests {
    use super::*;

    const A: HostNo = HostNo(0);
    const B: HostNo = HostNo(1);

    /// Calls, and lets the other side take the call.
    fn open(network: &mut Network) -> End {
        let caller = network.call(Time(0), A, B);
        run(network, Time(50), |network, output| {
            if let Output::Knock(end, _) = output {
                network.answer(Time(50), *end, Some(true));
            }
        });
        let opened = run(network, Time(100), |_, _| {});
        assert_eq!(opened, [Output::Opened(caller)]);
        caller
    }

    fn run(network: &mut Network, until: Time, mut react: impl FnMut(&mut Network, &Output)) -> Vec<Output> {
        let mut outputs = Vec::new();
        network.tick(until);
        while let Some(output) = network.poll() {
            react(network, &output);
            outputs.push(output);
        }
        outputs
    }

    fn texts(outputs: &[Output]) -> Vec<&str> {
        let text = |output: &'_ Output| match output {
            Output::Delivered(_, bytes) => Some(bytes.clone()),
            _ => None,
        };
        outputs.iter().filter_map(text).map(|bytes| if bytes == "one" { "one" } else { "two" }).collect()
    }

    #[test]
    fn a_connection_keeps_the_order() {
        for seed in 0..50 {
            let mut network = Network::new(Rng::new(seed));
            network.set_weather(A, B, Weather { delay: Span(3), jitter: Span(40), rate: 1, loss: 0 });
            let caller = open(&mut network);
            network.send(Time(100), caller, "one".into());
            network.send(Time(101), caller, "two".into());
            network.close(Time(102), caller);
            let outputs = run(&mut network, Time(1000), |_, _| {});
            assert_eq!(texts(&outputs), ["one", "two"]);
            assert_eq!(outputs.last(), Some(&Output::Gone(caller.other())));
            assert!(network.conns_of(A).is_empty());
        }
    }

    #[test]
    fn a_cut_holds_back_one_direction_until_it_heals() {
        let mut network = Network::new(Rng::new(1));
        let caller = open(&mut network);
        network.cut(A, B);
        network.send(Time(100), caller, "one".into());
        network.send(Time(100), caller.other(), "two".into());
        assert_eq!(texts(&run(&mut network, Time(1000), |_, _| {})), ["two"]);
        network.heal_all(Time(1000));
        network.send(Time(1000), caller, "two".into());
        assert_eq!(texts(&run(&mut network, Time(2000), |_, _| {})), ["one", "two"]);
    }

    #[test]
    fn a_half_open_connection_is_known_to_one_end_only() {
        let mut network = Network::new(Rng::new(1));
        let caller = open(&mut network);
        network.break_conn(Time(100), caller.conn, &[caller]);
        network.send(Time(100), caller.other(), "one".into());
        assert_eq!(run(&mut network, Time(90_000), |_, _| {}), [Output::Gone(caller)]);
        network.close(Time(90_000), caller.other());
        assert!(network.conns_of(A).is_empty());
    }

    #[test]
    fn a_call_into_a_cut_times_out_and_a_refused_one_says_so() {
        let mut network = Network::new(Rng::new(1));
        network.cut(B, A);
        let silent = network.call(Time(0), A, B);
        assert_eq!(run(&mut network, Time(20_000), |_, _| {}), [Output::Failed(silent, false)]);
        network.heal_all(Time(20_000));
        let refused = network.call(Time(20_000), A, B);
        run(&mut network, Time(20_100), |network, output| {
            if let Output::Knock(end, _) = output {
                network.answer(Time(20_100), *end, Some(false));
            }
        });
        assert_eq!(run(&mut network, Time(20_200), |_, _| {}), [Output::Failed(refused, true)]);
    }
}

//! Everything at once: the loops, the network, the clients, and a queue of what happens when.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use wigwag::server::{DetachedLoop, Readiness};

use crate::client::{Client, Phase};
use crate::log::Log;
use crate::model::{Model, Seen};
use crate::network::{Flight, MILLISECOND, Pipe, SECOND, Time, Wire};
use crate::random::Random;
use crate::script::{Opening, Scenario};
use crate::setting;

/// When all that clients do by themselves is long over.
pub const CHECK_AT: Time = 27 * SECOND;
/// How long the server may take to drain.
pub const DRAIN: Time = 2 * SECOND;
/// More events than any scenario should need: then something goes in circles.
const MAX_EVENTS: u64 = 400_000;

pub enum Event {
    Connect(usize),
    Trickle(usize, Vec<u8>),
    Act(usize),
    Resume(usize),
    /// Something reaches the server.
    Up(usize, Flight),
    /// Something reaches a client.
    Down(usize, Flight),
    /// There is room again in a send buffer of the server.
    Writable(usize),
    Turn(usize),
    Check,
    Drain,
    End,
    Final,
}

pub struct World {
    pub scenario: Scenario,
    pub random: Random,
    pub now: Time,
    start: Instant,
    pub loops: Vec<DetachedLoop<Pipe>>,
    /// When each loop's next turn is.
    scheduled: Vec<Option<Time>>,
    pub model: Arc<Mutex<Model>>,
    pub clients: Vec<Client>,
    pub ends: Vec<Ends>,
    queue: BinaryHeap<Reverse<(Time, u64)>>,
    events: BTreeMap<u64, Event>,
    count: u64,
    pub log: Log,
    pub draining: bool,
    pub forced: bool,
    /// Since when more is queued than the budget has for it.
    pub over_budget: Option<Time>,
    pub done: bool,
}

/// What of a connection's end was passed on already.
#[derive(Clone, Default)]
pub struct Ends {
    pub shut_down: bool,
    pub dropped: bool,
    pub writable_soon: bool,
}

impl World {
    pub fn new(seed: u64, start: Instant, print: bool) -> Self {
        let mut random = Random::new(seed);
        let scenario = Scenario::new(&mut random);
        let clients: Vec<Client> =
            scenario.plans.iter().map(|plan| Client::new(plan.clone(), random.fork())).collect();
        let seen = clients.iter().map(|it| Seen { path: it.plan.path, ..Seen::default() });
        let model = Model { rate: scenario.rate, clients: seen.collect(), ..Model::default() };
        let model = Arc::new(Mutex::new(model));
        let loops = DetachedLoop::group(setting::config(&scenario, &model), start);
        let mut world = Self {
            random,
            now: 0,
            start,
            scheduled: vec![None; loops.len()],
            loops,
            model,
            ends: vec![Ends::default(); clients.len()],
            clients,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            count: 0,
            log: Log::new(print),
            draining: false,
            forced: false,
            over_budget: None,
            done: false,
            scenario,
        };
        for client in 0..world.clients.len() {
            world.push(world.clients[client].plan.start, Event::Connect(client));
        }
        let (at, event) = match world.scenario.drain_at {
            Some(at) => (at, Event::Drain),
            None => (CHECK_AT, Event::Check),
        };
        world.push(at, event);
        world
    }

    /// Runs to the end, or to the first fault.
    pub fn run(&mut self) {
        while let Some(Reverse((time, number))) = self.queue.pop() {
            let Some(event) = self.events.remove(&number) else { continue };
            self.now = time;
            self.log.now = time;
            self.model().now = time;
            if self.count > MAX_EVENTS {
                self.model().faults.push("it does not come to rest".to_owned());
            }
            self.happen(event);
            if self.done || !self.model().faults.is_empty() {
                return;
            }
        }
    }

    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().expect("the model does not panic")
    }

    pub fn instant(&self) -> Instant {
        self.start + Duration::from_micros(self.now)
    }

    pub fn push(&mut self, at: Time, event: Event) {
        self.count += 1;
        self.queue.push(Reverse((at, self.count)));
        self.events.insert(self.count, event);
    }

    pub fn note(&mut self, client: usize, what: &str) {
        self.log.note(Some(client), what);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Connect(client) => self.connect(client),
            Event::Trickle(client, bytes) => self.send_up(client, &bytes),
            Event::Act(client) => self.act(client),
            Event::Resume(client) => {
                self.note(client, "reads again");
                self.clients[client].stalled = false;
                self.client_reads(client);
            }
            Event::Up(client, flight) => self.reach_server(client, flight),
            Event::Down(client, flight) => self.reach_client(client, flight),
            Event::Writable(client) => {
                self.ends[client].writable_soon = false;
                if let Some(wire) = &self.clients[client].wire {
                    wire.borrow_mut().blocked = false;
                }
                self.tell(client, Readiness { writable: true, ..Readiness::default() });
            }
            Event::Turn(index) => self.turn(index),
            Event::Check => {
                self.check();
                self.push(self.now, Event::Drain);
            }
            Event::Drain => self.drain(),
            Event::End => self.end(),
            Event::Final => self.conclude(),
        }
    }

    fn connect(&mut self, client: usize) {
        let home = self.clients[client].plan.home;
        if self.draining {
            self.note(client, "is refused, the server listens no more");
            self.clients[client].phase = Phase::Over;
            return;
        }
        if !self.loops[home].has_room() {
            // It waits in the backlog, for a while.
            if self.now < self.clients[client].plan.start + 4 * SECOND {
                self.push(self.now + 100 * MILLISECOND, Event::Connect(client));
            }
            return;
        }
        let weather = self.clients[client].plan.weather.clone();
        let wire = Wire::new(weather, self.random.fork(), self.now);
        let address = SocketAddr::from(([10, 0, 0, client as u8], 50_000));
        let now = self.instant();
        let peer = self.loops[home].insert(Pipe(wire.clone()), address, now);
        self.model().peers.insert(peer, client);
        self.clients[client].wire = Some(wire);
        self.clients[client].peer = Some(peer);
        let head = self.clients[client].ask();
        let (path, opening) = (self.clients[client].plan.path, self.clients[client].plan.opening);
        self.note(client, &format!("connects as {peer}, {opening:?}, {path}"));
        self.wake(home);
        if opening == Opening::Slow {
            let mut at = self.now;
            for piece in head.chunks(head.len() / 6) {
                at += self.random.within(MILLISECOND, 220 * MILLISECOND);
                self.push(at, Event::Trickle(client, piece.to_vec()));
            }
        } else {
            self.send_up(client, &head);
        }
    }

    pub fn next_act(&mut self, client: usize) {
        let it = &self.clients[client];
        if let Some((pause, _)) = it.plan.acts.get(it.next_act) {
            self.push(self.now + pause, Event::Act(client));
        }
    }

    /// Sees to it that a loop has a turn soon.
    pub fn wake(&mut self, index: usize) {
        let late = self.random.percent(self.scenario.late_turns);
        let latency = if late { 60 * MILLISECOND } else { self.scenario.latency };
        let at = self.now + self.random.within(1, latency);
        self.schedule(index, at);
    }

    fn schedule(&mut self, index: usize, at: Time) {
        if self.scheduled[index].is_none_or(|scheduled| at < scheduled) {
            self.scheduled[index] = Some(at);
            self.push(at, Event::Turn(index));
        }
    }

    fn turn(&mut self, index: usize) {
        if self.scheduled[index] != Some(self.now) {
            return;
        }
        self.scheduled[index] = None;
        for client in &self.clients {
            if let Some(wire) = &client.wire {
                wire.borrow_mut().now = self.now;
            }
        }
        let now = self.instant();
        self.loops[index].turn(now);
        self.after_turn();
        if let Some(due) = self.loops[index].next_deadline() {
            // Rounded up, as a timeout of `poll` is.
            let at = due.saturating_duration_since(self.start).as_nanos().div_ceil(1000) as Time;
            self.schedule(index, at.max(self.now + 1));
        }
    }

    /// Puts on its way what the server has written, and looks at what it holds.
    fn after_turn(&mut self) {
        let calls = std::mem::take(&mut self.model().calls);
        for (client, call) in calls {
            self.note(client, &call);
        }
        for client in 0..self.clients.len() {
            self.pump(client);
        }
        for index in 0..self.loops.len() {
            if self.loops[index].must_run() {
                self.wake(index);
            }
        }
        self.judge_memory();
    }

    fn drain(&mut self) {
        self.draining = true;
        self.log.note(None, "is asked to stop");
        let now = self.instant();
        for index in 0..self.loops.len() {
            self.loops[index].drain(now);
            self.wake(index);
        }
        self.after_turn();
        self.push(self.now + DRAIN, Event::End);
    }

    fn end(&mut self) {
        self.forced = true;
        self.log.note(None, "has no more time to drain");
        let now = self.instant();
        for index in 0..self.loops.len() {
            self.loops[index].end(now);
        }
        self.after_turn();
        // What a loop has for one that has ended is nobody's any more.
        self.push(self.now + SECOND, Event::Final);
    }
}

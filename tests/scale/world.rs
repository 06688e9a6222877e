//! Time, and what happens in each of its ticks.

use super::client::{Ask, Connection, DIAL, Job, Next};
use super::harbor::Harbor;
use super::holder::{GaveWay, Held};
use super::outcome::{Outcome, Trouble};
use super::random::Random;
use super::replica::{Replica, State};
use super::setting::{Event, Setting, TICK, ZONES};
use crate::net::client_network::Owner;
use crate::oci::request_class::Class;
use crate::proxy::PATIENCE;
use crate::runtime::{HeldMemory, Permit, PermitRequest, PermitTerms, Room};
use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What no scenario lasts: something never ends.
const FOREVER: u64 = 6 * 3_600_000;

/// A request that is under way.
pub struct Request {
    serial: u64,
    job: usize,
    lane: usize,
    ask: Ask,
    replica: usize,
    held: Arc<Held>,
    place: Option<Permit>,
    memory: Option<HeldMemory>,
    /// Where the replica's flow is when its body is through.
    ends: Option<f64>,
}

type Id = (usize, u64);

/// What is to happen: to a job in one of its tries, and of a lane.
#[derive(Clone, Copy)]
enum Due {
    Begin,
    Ask(usize),
    NotConnected(usize),
}

pub struct World {
    pub setting: Setting,
    pub now: u64,
    begin: Instant,
    random: Random,
    pub replicas: Vec<Replica>,
    /// Those that the balancer sends new connections to.
    pub visible: Vec<usize>,
    harbor: Harbor,
    jobs: Vec<Job>,
    requests: Vec<Option<Request>>,
    free: Vec<usize>,
    serial: u64,
    due: BTreeMap<u64, Vec<(usize, u32, Due)>>,
    /// Connections of clients that are done, until they are closed.
    kept: VecDeque<(u64, Connection)>,
    gave_way: GaveWay,
    open_jobs: usize,
    owed: [f64; 2],
    pub outcome: Outcome,
}

impl World {
    pub fn new(setting: Setting, seed: u64) -> World {
        World {
            now: 0,
            begin: Instant::now(),
            random: Random::new(seed),
            replicas: (0..setting.replicas)
                .map(|n| Replica::new(n % ZONES))
                .collect(),
            visible: (0..setting.replicas).collect(),
            harbor: Harbor::new(setting.bears, setting.moves, setting.gone),
            jobs: Vec::new(),
            requests: Vec::new(),
            free: Vec::new(),
            serial: 0,
            due: BTreeMap::new(),
            kept: VecDeque::new(),
            gave_way: GaveWay::default(),
            open_jobs: 0,
            owed: [0.0; 2],
            outcome: Outcome::default(),
            setting,
        }
    }

    /// Until all that began has ended.
    pub fn run(mut self) -> Outcome {
        for _ in 0..self.setting.nodes {
            let at = self.random.below(10_000) as u64;
            self.arrives(false, at);
        }
        while self.open_jobs > 0 || self.now < self.setting.lasts {
            self.now += TICK;
            assert!(
                self.now < FOREVER,
                "{}: {} never end",
                self.setting.name,
                self.open_jobs
            );
            self.events();
            self.arrivals();
            self.due();
            self.harbor_works();
            self.bytes_move();
            self.places_are_freed();
            self.who_gave_way();
            self.measure();
        }
        self.outcome.ended = self.now;
        self.outcome
    }

    fn instant(&self) -> Instant {
        self.begin + Duration::from_millis(self.now)
    }

    fn at(&mut self, time: u64, job: usize, due: Due) {
        let tries = self.jobs[job].tries;
        self.due.entry(time).or_default().push((job, tries, due));
    }

    fn arrivals(&mut self) {
        if self.now >= self.setting.lasts {
            return;
        }
        for (index, rate) in [self.setting.pulls, self.setting.pushes]
            .into_iter()
            .enumerate()
        {
            self.owed[index] += rate * TICK as f64 / 1000.0;
            while self.owed[index] >= 1.0 {
                self.owed[index] -= 1.0;
                self.arrives(index == 1, self.now);
            }
        }
    }

    fn arrives(&mut self, is_push: bool, at: u64) {
        let number = self.jobs.len();
        let address = self
            .setting
            .addresses
            .map_or(number, |count| number % count);
        let address = Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(address).unwrap());
        let owner = Owner::of(Some(address.into()));
        self.jobs.push(match is_push {
            true => Job::push(owner, &self.setting, at, &mut self.random),
            false => Job::pull(owner, &self.setting, at),
        });
        self.outcome.begun += 1;
        self.open_jobs += 1;
        self.at(at.max(self.now), number, Due::Begin);
    }

    fn due(&mut self) {
        while let Some(entry) = self
            .due
            .first_entry()
            .filter(|entry| *entry.key() <= self.now)
        {
            for (job, tries, due) in entry.remove() {
                if self.jobs[job].tries != tries || self.jobs[job].is_over {
                    continue;
                }
                match due {
                    Due::Begin => self.goes_on(job),
                    Due::Ask(lane) => self.ask(job, lane),
                    Due::NotConnected(lane) => self.turned_away(job, lane, None, Trouble::Gone),
                }
            }
        }
    }

    /// Its lanes do what is next, or it is done.
    fn goes_on(&mut self, job: usize) {
        for lane in self.jobs[job].next(self.setting.layer) {
            self.ask(job, lane);
        }
        if self.jobs[job].is_over {
            let took = self.now - self.jobs[job].began;
            match self.jobs[job].is_push {
                true => self.outcome.pushed += 1,
                false => {
                    self.outcome.pulled += 1;
                    self.outcome.took.push(took);
                }
            }
            self.over(job);
        }
    }

    fn over(&mut self, job: usize) {
        self.open_jobs -= 1;
        self.jobs[job].is_over = true;
        let until = self.now + self.setting.kept;
        for lane in &mut self.jobs[job].lanes {
            if let Some(connection) = lane.connection.take() {
                self.kept.push_back((until, connection));
            }
        }
    }

    fn ask(&mut self, job: usize, lane: usize) {
        let Some(ask) = self.jobs[job].lanes[lane].ask else {
            return;
        };
        if !self.is_connected(job, lane) && !self.connect(job, lane) {
            return;
        }
        let connection = self.jobs[job].lanes[lane].connection.as_ref();
        let connection = connection.expect("it is connected");
        connection.held.moves();
        let replica = connection.replica;
        let key = self.free.pop().unwrap_or_else(|| {
            self.requests.push(None);
            self.requests.len() - 1
        });
        self.serial += 1;
        let id = (key, self.serial);
        self.requests[key] = Some(Request {
            serial: id.1,
            job,
            lane,
            ask,
            replica,
            held: Held::new(id, self.begin, false, &self.gave_way),
            place: None,
            memory: None,
            ends: None,
        });
        self.jobs[job].lanes[lane].request = Some(id);
        if !self.is_admitted(id) {
            let until = self.now + PATIENCE.as_millis() as u64;
            let class = Class::of(ask.operation()) as usize;
            self.replicas[replica].waiting[class].push_back((id, until));
        }
    }

    fn is_connected(&mut self, job: usize, lane: usize) -> bool {
        let connection = &mut self.jobs[job].lanes[lane].connection;
        let takes = |replica: usize| match self.replicas[replica].state {
            State::Serves | State::Gone => true,
            // It ends each connection with the answer that goes out on it.
            State::Drains(_) | State::Ended => false,
        };
        if connection
            .as_ref()
            .is_some_and(|it| !takes(it.replica) || it.held.is_cut())
        {
            *connection = None;
        }
        connection.is_some()
    }

    /// A new connection, to whichever replica the balancer chooses for it.
    fn connect(&mut self, job: usize, lane: usize) -> bool {
        let chosen = self.visible[self.random.below(self.visible.len())];
        let replica = &mut self.replicas[chosen];
        if replica.state == State::Gone {
            self.at(self.now + DIAL, job, Due::NotConnected(lane));
            return false;
        }
        let owner = self.jobs[job].owner;
        let limits = &self.setting.limits;
        let room = Room {
            places: limits.connections,
            patience: limits.stands_still,
            now: self.begin + Duration::from_millis(self.now),
        };
        let held = Held::new((0, 0), self.begin, true, &GaveWay::default());
        let Some(share) = replica.connections.take(owner, &held, room) else {
            self.turned_away(job, lane, None, Trouble::Connections);
            return false;
        };
        if replica.connections.held_by(owner) > limits.connections_per_client {
            drop(share);
            self.turned_away(job, lane, None, Trouble::PerClient);
            return false;
        }
        replica.connected();
        self.jobs[job].lanes[lane].connection = Some(Connection {
            replica: chosen,
            held,
            _share: share,
        });
        true
    }

    fn request(&self, (key, serial): Id) -> Option<&Request> {
        let request = self.requests.get(key)?.as_ref();
        request.filter(|request| request.serial == serial)
    }

    /// It has a place, and goes to Harbor or is turned away for memory.
    fn is_admitted(&mut self, id: Id) -> bool {
        let now = self.instant();
        let (replica, job) = {
            let request = self.requests[id.0].as_ref().expect("it is there");
            (request.replica, request.job)
        };
        let owner = self.jobs[job].owner;
        let replica = &mut self.replicas[replica];
        let request = self.requests[id.0].as_mut().expect("it is there");
        let asks = PermitRequest {
            operation: request.ask.operation(),
            owner,
            account: None,
            holder: &request.held,
        };
        let terms = PermitTerms {
            limits: self.setting.places,
            stands_still: self.setting.limits.stands_still,
            patience: PATIENCE,
        };
        let Some(place) = replica.load.place(&asks, terms, now) else {
            return false;
        };
        request.place = Some(place);
        let class = Class::of(request.ask.operation());
        replica.in_flight[class as usize] += 1;
        let bytes = request.ask.memory();
        if bytes > 0 {
            let limit = self.setting.limits.body_memory;
            request.memory = replica.memory.hold(owner, bytes, limit);
            if request.memory.is_none() {
                self.ends_badly(id, Trouble::Memory);
                return true;
            }
        }
        match request.ask {
            Ask::Commit => self.carry(id, true, self.setting.layer),
            _ => self.ask_harbor(id),
        }
        true
    }

    fn ask_harbor(&mut self, id: Id) {
        if let Some(request) = self.requests[id.0].as_ref() {
            // Uploads are spared.
            if Class::of(request.ask.operation()) == Class::Other {
                request.held.stands_still(self.now);
            }
            self.harbor.asked(id, self.now);
        }
    }

    fn carry(&mut self, id: Id, is_upload: bool, bytes: f64) {
        if let Some(request) = self.requests[id.0].as_mut() {
            request.held.moves();
            let line = self.jobs[request.job].line;
            let replica = &mut self.replicas[request.replica];
            request.ends = Some(replica.moved(is_upload, line) + bytes);
            replica.carry(id, is_upload, line, bytes);
        }
    }

    fn harbor_works(&mut self) {
        let slower = self.slower();
        for ended in self.harbor.work(self.now, TICK, slower) {
            let Some(request) = self.request(ended.id) else {
                continue;
            };
            // Nobody hears the answer, and clients notice with the balancer.
            if self.replicas[request.replica].state == State::Gone {
                continue;
            }
            if !ended.is_answered {
                self.ends_badly(ended.id, Trouble::Silent);
                continue;
            }
            match request.ask {
                Ask::Fetch(left) if !self.setting.redirects => self.carry(ended.id, false, left),
                _ => self.ends_well(ended.id),
            }
        }
    }

    fn bytes_move(&mut self) {
        let paces: Vec<(f64, f64)> = self.replicas.iter_mut().map(Replica::pace).collect();
        let all: f64 = paces.iter().map(|(_, all)| all).sum();
        let moves = self.harbor.moves * TICK as f64 / self.slower();
        let slower = if all > moves { moves / all } else { 1.0 };
        let mut done = Vec::new();
        for (replica, (share, _)) in self.replicas.iter_mut().zip(paces) {
            if replica.state != State::Gone {
                done.extend(replica.carry_on(share, slower));
            }
        }
        for id in done {
            match self.carried(id) {
                Some(Ask::Commit) => self.ask_harbor(id),
                Some(_) => self.ends_well(id),
                None => {}
            }
        }
    }

    /// Its body is through.
    fn carried(&mut self, id: Id) -> Option<Ask> {
        self.request(id)?;
        let request = self.requests[id.0].as_mut()?;
        request.ends.take()?;
        let line = self.jobs[request.job].line;
        self.replicas[request.replica].carried(request.ask == Ask::Commit, line);
        Some(request.ask)
    }

    /// Those that wait get what is free, in their order, or have waited for too long.
    fn places_are_freed(&mut self) {
        for replica in 0..self.replicas.len() {
            for (class, trouble) in [(0, Trouble::Uploads), (1, Trouble::Other)] {
                let mut waiting = std::mem::take(&mut self.replicas[replica].waiting[class]);
                let mut kept = VecDeque::new();
                while let Some((id, until)) = waiting.pop_front() {
                    if self.request(id).is_none() || self.is_admitted(id) {
                        continue;
                    }
                    if until <= self.now {
                        self.ends_badly(id, trouble);
                        continue;
                    }
                    kept.push_back((id, until));
                    // Only what begins an upload has less room than others that wait.
                    if class == 1 {
                        break;
                    }
                }
                kept.append(&mut waiting);
                // Who was turned away may have asked again meanwhile.
                kept.append(&mut self.replicas[replica].waiting[class]);
                self.replicas[replica].waiting[class] = kept;
            }
        }
        let now = self.now;
        while self.kept.front().is_some_and(|(until, _)| *until <= now) {
            self.kept.pop_front();
        }
    }

    fn who_gave_way(&mut self) {
        let gave_way = std::mem::take(&mut *self.gave_way.lock());
        for id in gave_way {
            if self.request(id).is_some() {
                self.ends_badly(id, Trouble::GaveWay);
            }
        }
    }

    fn take(&mut self, id: Id) -> Option<Request> {
        self.request(id)?;
        let request = self.requests[id.0].take()?;
        self.free.push(id.0);
        if request.place.is_some() {
            let class = Class::of(request.ask.operation()) as usize;
            self.replicas[request.replica].in_flight[class] -= 1;
        }
        let job = &self.jobs[request.job];
        if request.ends.is_some() {
            self.replicas[request.replica].carried(request.ask == Ask::Commit, job.line);
        }
        let lane = &job.lanes[request.lane];
        if let Some(connection) = &lane.connection {
            connection.held.stands_still(self.now);
        }
        Some(request)
    }

    fn ends_well(&mut self, id: Id) {
        if let Some(request) = self.take(id) {
            let (job, lane) = (request.job, request.lane);
            drop(request);
            match self.jobs[job].answered(lane) {
                true => self.ask(job, lane),
                false => self.goes_on(job),
            }
        }
    }

    pub fn ends_badly(&mut self, id: Id, trouble: Trouble) {
        if let Some(request) = self.take(id) {
            let is_upload = request.ask == Ask::Commit;
            let line = self.jobs[request.job].line;
            let moved = self.replicas[request.replica].moved(is_upload, line);
            let left = request.ends.map(|ends| (ends - moved).max(1.0));
            let (job, lane) = (request.job, request.lane);
            drop(request);
            self.turned_away(job, lane, left, trouble);
        }
    }

    fn turned_away(&mut self, job: usize, lane: usize, left: Option<f64>, trouble: Trouble) {
        self.outcome.trouble(trouble, self.now);
        match self.jobs[job].refused(lane, left, trouble) {
            Next::Again(wait) => self.at(self.now + wait.max(TICK), job, Due::Ask(lane)),
            Next::Failed(again) => {
                for lane in 0..self.jobs[job].lanes.len() {
                    let request = self.jobs[job].lanes[lane].request;
                    drop(request.and_then(|id| self.take(id)));
                }
                match again {
                    Some(wait) => {
                        self.outcome.repeated += 1;
                        self.jobs[job].try_again();
                        self.at(self.now + wait, job, Due::Begin);
                    }
                    None => {
                        self.outcome.lost += 1;
                        self.over(job);
                    }
                }
            }
        }
    }

    /// All requests of a replica are cut.
    pub fn cut(&mut self, replica: usize, trouble: Trouble) {
        let cut: Vec<Id> = (0..self.requests.len())
            .filter_map(|key| {
                let request = self.requests[key].as_ref()?;
                (request.replica == replica).then_some((key, request.serial))
            })
            .collect();
        self.replicas[replica].state = State::Ended;
        for id in cut {
            self.ends_badly(id, trouble);
        }
    }

    fn slower(&self) -> f64 {
        let is_slow =
            self.setting.event == Event::Slow && super::scenarios::EVENT.contains(&self.now);
        if is_slow { 10.0 } else { 1.0 }
    }

    fn measure(&mut self) {
        let peaks = &mut self.outcome.peaks;
        for replica in &mut self.replicas {
            if replica.state == State::Ended {
                continue;
            }
            replica.open = replica.connections.taken();
            peaks.connections = peaks.connections.max(replica.open);
            peaks.uploads = peaks
                .uploads
                .max(replica.in_flight[Class::Uploads as usize]);
            peaks.other = peaks.other.max(replica.in_flight[Class::Other as usize]);
            peaks.memory = peaks.memory.max(replica.held_memory());
            replica.check(&self.setting);
        }
        peaks.queue = peaks.queue.max(self.harbor.waiting());
    }
}

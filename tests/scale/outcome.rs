//! What came of a scenario.

/// What turned a request away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Connections,
    PerClient,
    Uploads,
    Other,
    Memory,
    GaveWay,
    /// The replica was gone.
    Gone,
    /// The drain was over.
    Drained,
    /// Harbor said nothing for as long as clients wait.
    Silent,
}

impl Trouble {
    /// A 429 or 503 says that it may be asked again.
    pub fn is_answer(self) -> bool {
        match self {
            Trouble::Uploads | Trouble::Other | Trouble::Memory | Trouble::GaveWay => true,
            Trouble::Connections
            | Trouble::PerClient
            | Trouble::Gone
            | Trouble::Drained
            | Trouble::Silent => false,
        }
    }

    /// The connection ends in the middle.
    pub fn is_cut(self) -> bool {
        self == Trouble::Gone || self == Trouble::Drained
    }

    pub const ALL: [(Trouble, &'static str); 9] = [
        (Trouble::Connections, "limits.connections"),
        (Trouble::PerClient, "limits.connections_per_client"),
        (Trouble::Uploads, "max_in_flight.uploads"),
        (Trouble::Other, "max_in_flight.other"),
        (Trouble::Memory, "limits.body_memory"),
        (Trouble::GaveWay, "limits.stands_still"),
        (Trouble::Gone, "replica gone"),
        (Trouble::Drained, "drain.timeout"),
        (Trouble::Silent, "client's 30 s"),
    ];
}

/// The highest that was seen at one replica, and at Harbor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peaks {
    pub connections: usize,
    pub uploads: usize,
    pub other: usize,
    pub memory: u64,
    pub queue: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub begun: usize,
    pub pulled: usize,
    pub pushed: usize,
    /// Pushes that failed: nobody repeats them.
    pub lost: usize,
    /// Tries of pulls that failed: the kubelet repeats them.
    pub repeated: usize,
    /// By kind.
    pub troubles: [u64; Trouble::ALL.len()],
    pub first: Option<(u64, Trouble)>,
    /// Milliseconds.
    pub last_trouble: u64,
    pub peaks: Peaks,
    /// Milliseconds that pulls took.
    pub took: Vec<u64>,
    pub ended: u64,
}

impl Outcome {
    pub fn trouble(&mut self, trouble: Trouble, now: u64) {
        self.troubles[trouble as usize] += 1;
        self.first.get_or_insert((now, trouble));
        self.last_trouble = now;
    }

    pub fn of(&self, trouble: Trouble) -> u64 {
        self.troubles[trouble as usize]
    }

    /// In seconds, at so many percent of the pulls.
    pub fn percentile(&self, percent: usize) -> u64 {
        let mut took = self.took.clone();
        took.sort_unstable();
        let last = took.len().saturating_sub(1);
        took.get(last * percent / 100).map_or(0, |took| took / 1000)
    }

    /// All that turned requests away.
    pub fn turned_away(&self) -> String {
        let found = Trouble::ALL
            .iter()
            .filter(|(trouble, _)| self.of(*trouble) > 0);
        let found: Vec<String> = found
            .map(|(trouble, name)| format!("{name} {}", self.of(*trouble)))
            .collect();
        match found.is_empty() {
            true => "nothing".to_owned(),
            false => found.join(", "),
        }
    }
}

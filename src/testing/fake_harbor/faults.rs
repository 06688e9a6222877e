//! Faults that can be injected while a fake Harbor runs: which requests they hit, how often, and what
//! happens. `fault_injection` and `connection` apply them to the connection.

use http::{Method, StatusCode};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// Something that goes wrong with one request.
#[derive(Clone, Debug)]
pub enum InjectedFault {
    /// The request is served; its answer's header waits this long. On the last PUT of an upload:
    /// a registry that hashes or moves a large layer in silence.
    Delay(Duration),
    /// After this many bytes of content nothing is read for this long: backpressure.
    StallRequest { after: u64, pause: Duration },
    /// The connection ends once this many bytes of content were read; nothing is answered. With 0
    /// this is a pooled connection that dies just as it is used again.
    CutRequest { after: u64, end: ConnectionEnd },
    /// Answered before the content is read.
    AnswerEarly {
        status: StatusCode,
        body: String,
        end: ConnectionEnd,
    },
    /// Answered in place of Harbor, after the content was read.
    Answer {
        status: StatusCode,
        content_type: &'static str,
        body: String,
    },
    /// Sets a header of the answer.
    SetHeader(&'static str, String),
    /// Removes a header of the answer.
    RemoveHeader(&'static str),
    /// These bytes, verbatim, in place of an answer, after the content was read: an answer that breaks
    /// off, interim answers before it, trailers, a connection that ends unannounced.
    Raw { bytes: Vec<u8>, end: ConnectionEnd },
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// FIN, and the receiving side stays for half a second, as Go's server does it.
    Close,
    /// RST: with SO_LINGER 0, whatever is under way is lost.
    Reset,
}

/// Which requests a fault strikes.
#[derive(Clone)]
pub struct Match {
    method: Option<Method>,
    path: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl Match {
    pub fn any() -> Match {
        Match {
            method: None,
            path: Arc::new(|_| true),
        }
    }

    pub fn method(method: Method) -> Match {
        Match {
            method: Some(method),
            ..Match::any()
        }
    }

    /// Strikes when the path (as received, without the query) satisfies `path`.
    pub fn path(self, path: impl Fn(&str) -> bool + Send + Sync + 'static) -> Match {
        Match {
            path: Arc::new(path),
            ..self
        }
    }

    pub fn path_contains(self, part: &'static str) -> Match {
        self.path(move |path| path.contains(part))
    }

    fn strikes(&self, method: &Method, path: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method) && (self.path)(path)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    Once,
    N(u32),
    Always,
}

/// Names an injected fault, to ask how often it struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(usize);

struct FaultRule {
    which: Match,
    /// `None`: without end.
    left: Option<u32>,
    struck: u32,
    fault: InjectedFault,
}

/// The faults of one fake Harbor.
#[derive(Default)]
pub struct Faults(Mutex<Vec<FaultRule>>);

impl Faults {
    /// From now on `fault` strikes what `which` matches. Several can strike one request.
    pub fn inject(&self, which: Match, times: Times, fault: InjectedFault) -> FaultId {
        let left = match times {
            Times::Once => Some(1),
            Times::N(count) => Some(count),
            Times::Always => None,
        };
        let mut rules = self.0.lock();
        rules.push(FaultRule {
            which,
            left,
            struck: 0,
            fault,
        });
        FaultId(rules.len() - 1)
    }

    /// Nothing strikes any more. Ids given out stay valid.
    pub fn clear(&self) {
        for rule in self.0.lock().iter_mut() {
            rule.left = Some(0);
        }
    }

    /// How often a fault struck.
    pub fn struck(&self, id: FaultId) -> u32 {
        self.0.lock().get(id.0).map_or(0, |rule| rule.struck)
    }

    /// The faults that strike this request, in the order of their injection.
    pub(super) fn take(&self, method: &Method, path: &str) -> Vec<InjectedFault> {
        let mut rules = self.0.lock();
        let strikes =
            |rule: &&mut FaultRule| rule.left != Some(0) && rule.which.strikes(method, path);
        let strike = |rule: &mut FaultRule| {
            rule.left = rule.left.map(|left| left - 1);
            rule.struck += 1;
            rule.fault.clone()
        };
        rules.iter_mut().filter(strikes).map(strike).collect()
    }
}

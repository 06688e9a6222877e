//! The listeners: from a TCP connection to requests that the gateway sees.
//!
//! We accept, shake hands and count ourselves: Pingora's own listeners keep a large buffer per
//! connection, report failed handshakes only to the log, deal connections out at random, and can't
//! tell a test which port they got. Messages are read and written here as well (`http1`, `http2`);
//! what becomes of a request is Pingora's proxy's business, which takes each as a session.

mod accept;
mod allowance;
mod arrival;
mod arriving;
mod certificates;
mod connection;
mod ending;
mod entrance;
mod farewell;
mod form;
mod frame;
mod frames;
mod gate;
mod guard;
mod header;
mod http1;
mod http2;
mod introduction;
mod life;
mod multiplexed;
mod outflow;
mod progress;
mod refused;
mod session_methods;
mod stream;
mod timer;
mod worker;

pub(crate) use accept::Listener;
pub(crate) use arrival::{Arrival, Way, arrival};
pub(crate) use certificates::Certificates;
pub(crate) use ending::Ending;
pub(crate) use http2::Shortened;
pub(crate) use life::Life;
pub(crate) use progress::{Given, Pace};
pub(crate) use timer::keep_only_short_timers;
pub(crate) use worker::Workers;

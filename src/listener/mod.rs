//! The listeners: from a TCP connection to requests that the gateway sees.
//!
//! We accept, shake hands and count ourselves and hand each connection to Pingora's HTTP server:
//! its own listeners keep a large buffer per connection, report failed handshakes only to the log,
//! deal connections out at random, and can't tell a test which port they got.

mod accept;
mod certificates;
mod connection;
mod introduction;
mod stream;
mod worker;

pub use accept::{ListenError, Listener};
pub use certificates::Certificates;
pub use connection::{Arrival, Way, arrival};
pub use introduction::Announced;
pub use worker::Workers;

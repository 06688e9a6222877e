//! The limits on clients, and the answer to a client that exceeds one.

mod bodies;
mod connections;
mod frames;
mod headers;
mod http2;
mod keepalive;
mod load;
mod memory;
mod sockets;
mod storm;

use crate::setup::Setup;

const REFUSED: &str = "harbormouth_connections_refused_total";

/// One registry at this endpoint, and these limits.
fn setup(endpoint: impl ToString, limits: &str) -> Setup {
    let mut setup = Setup::new(endpoint);
    setup.top = format!("limits: {{ {limits} }}\n");
    setup
}

//! The listeners: from a TCP connection to requests that the gateway sees.
//!
//! We accept, shake hands and count ourselves: Pingora's own listeners keep a large buffer per
//! connection, report failed handshakes only to the log, deal connections out at random, and can't
//! tell a test which port they got. Messages are read and written here as well (`http1`, `http2`);
//! what becomes of a request is Pingora's proxy's business, which takes each as a session.

mod accept;
mod certificates;
mod client_stream;
mod close_reason;
mod connection;
mod connection_info;
mod connection_limit;
mod connection_state;
mod form_body_copy;
mod h1_header_limit;
mod h1_header_scan;
mod h2_frame_reader;
mod h2_frame_scan;
mod h2_limits;
mod h2_unread_responses;
mod handshake;
mod http1;
mod http2;
mod limited_stream;
mod lingering_close;
mod min_data_rate;
mod proxy_protocol;
mod session_methods;
mod shutdown;
mod timer;
mod token_bucket;
mod worker;

pub(crate) use accept::BoundListener;
pub(crate) use certificates::Certificates;
pub(crate) use connection_info::{ConnectionInfo, TlsVersion, Transport, current_connection};
pub(crate) use connection_state::ConnectionState;
pub(crate) use http2::Shortened;
pub(crate) use min_data_rate::{GivenUp, MinDataRate};
pub(crate) use shutdown::Shutdown;
pub(crate) use timer::keep_only_short_timers;
pub(crate) use worker::Workers;

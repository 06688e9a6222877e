//! How many replicas a demand takes, and what else it needs: a model of measured figures, for the command
//! `size` and for docs/scale.md. Pure: it counts the series that the code makes, and measures nothing.
//!
//! What this module deliberately doesn't know: what Harbor can take. Little of that is published; see
//! `harbor`.

mod demand;
mod figures;
mod harbor;
mod model;
mod record;
mod series;
#[cfg(test)]
mod tests;
mod told;

pub use demand::{Demand, DemandError, Rate, Speed, Tls};
pub use figures::{FIGURES, Figure, Source};
pub use harbor::CEILINGS;
pub use model::{Bounds, Sizing};
pub use record::PULL;
pub use series::{Series, SeriesError, defaults};
pub use told::lines;

/// CPU seconds of a GiB up, of one down, and of a connection, where TLS is spoken to clients.
#[cfg(test)]
pub(crate) fn per_gib_and_connection() -> (f64, f64, f64) {
    let (up, down) = model::per_gib(Tls::Clients);
    (up, down, model::per_request(Tls::Clients))
}

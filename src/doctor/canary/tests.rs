//! Canaries over walks that are made by hand.

mod made;
mod runs;
mod supervised;

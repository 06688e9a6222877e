//! The admin listener's page in a real browser: what it shows of states from files, and of a
//! gateway's real failures. Pictures of it stand in `target/page` afterwards, for people.

#[path = "../common/mod.rs"]
mod common;

mod browser;
mod reach;
mod shown;
mod stage;

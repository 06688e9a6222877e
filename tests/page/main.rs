//! The admin listener's page in a real browser: what it shows of states from files, and of a
//! gateway's real failures. Pictures of it stand in `target/page` afterwards, for people.

#[path = "../common/mod.rs"]
mod common;

#[allow(dead_code)]
#[path = "../gateway/client.rs"]
mod client;
#[allow(dead_code)]
#[path = "../gateway/push.rs"]
mod push;

mod browser;
mod failing;
mod fleet;
mod reach;
mod shown;
mod stage;
mod stories;
mod verdicts;

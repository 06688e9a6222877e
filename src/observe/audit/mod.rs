//! The audit log: one JSON line for each push, pull, deletion, login and denial, for those who have to
//! say later who did what. Its lines are made of the same values as the access record, and aren't lost in
//! silence: what isn't written yet is kept, and where there is no more room either nothing goes to
//! Harbor that would be audited, or the lines that are missing are counted.
//!
//! A thread of its own writes each log; requests only put lines into its queue. What this module
//! deliberately doesn't know: requests, and when a configuration is read again.

mod event;
mod line;
mod log;
mod output;
mod queue;
mod strangers;

pub use event::{AUDITED, AuditEvent, AuditResult};
pub(crate) use event::{AuditAnswer, AuditAsked};
pub(crate) use line::{AuditLine, AuditedJob};
pub(crate) use log::{AuditLog, AuditLogs, AuditState};

//! The audit log: where its lines go, and what happens where they can't be written.

use super::files::{self, Making};
use super::problem::Keyed;
use super::setting::{Made, Setting, made};
use super::table::settings;
use super::text::AUDIT_FILE;
use super::values::choice;
use crate::str_enum::str_enum;
use std::fmt;
use std::path::PathBuf;

pub(super) const AUDIT: &str = "a table with file, on_full";

settings! {
    /// One line for each push, pull, deletion, login and denial.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Audit as DraftAudit {
        /// The file that lines are appended to; stderr for standard error.
        pub(crate) file: AuditTarget = AUDIT_FILE;
        /// What happens when lines aren't written in time: `block` answers requests that would be
        /// audited with 429 or 503, `drop` serves them, and counts the lines that are missing.
        // Who keeps an audit log has to answer for its gaps.
        pub(crate) on_full: OnFull = "block or drop", or OnFull::Block;
    }
}

str_enum! {
    /// What happens when the audit log takes no more lines.
    pub(crate) enum OnFull {
        /// What would be audited waits for a while, and is refused then.
        Block "block",
        /// Lines are dropped, and counted.
        Drop "drop",
    }
}

choice!(OnFull);

/// Where audit lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AuditTarget {
    Stderr,
    File(PathBuf),
}

const STDERR: &str = "stderr";

made!(AuditTarget);

/// The file is opened by whoever writes to it, and may not be there yet.
impl Made for AuditTarget {
    type Keys = String;

    fn make(name: String, _: &Keyed<String>, making: &mut Making<'_, '_>) -> Option<AuditTarget> {
        Some(match name.as_str() {
            STDERR => AuditTarget::Stderr,
            file => AuditTarget::File(making.around.directory.join(file)),
        })
    }

    fn keys(&self) -> String {
        match self {
            AuditTarget::Stderr => STDERR.to_owned(),
            AuditTarget::File(file) => files::name(file),
        }
    }
}

impl fmt::Display for AuditTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuditTarget::Stderr => f.write_str("standard error"),
            AuditTarget::File(file) => write!(f, "{}", file.display()),
        }
    }
}

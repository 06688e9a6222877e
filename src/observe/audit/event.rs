//! Which requests are audited, and as what. Pure.

use crate::oci::login_response::Password;
use crate::oci::operation::Operation;
use crate::str_enum::str_enum;

str_enum! {
    /// What happened.
    pub enum AuditEvent {
        /// A manifest was put: what ends every push.
        Push "push",
        /// A manifest was given to a client: what begins every pull.
        Pull "pull",
        Delete "delete",
        Login "login",
        /// This gateway said no.
        Denial "denial",
    }
}

str_enum! {
    /// How it went, by Harbor's answer: what the client got of that changes nothing.
    pub enum AuditResult {
        /// Harbor did it.
        Ok "ok",
        /// Harbor, or this gateway, said no.
        Refused "refused",
        /// Harbor failed; it may have done a part.
        Failed "failed",
        /// Harbor had the request, and its answer never came: it may have done it.
        Unknown "unknown",
    }
}

/// One row of the table of what is audited, for its documentation.
pub struct AuditedRow {
    pub event: AuditEvent,
    pub requests: &'static str,
    pub results: &'static [AuditResult],
}

/// What is audited.
pub const AUDITED: [AuditedRow; 5] = [
    AuditedRow {
        event: AuditEvent::Push,
        requests: "`manifest_put` that went to Harbor, but for those that it only asked for credentials",
        results: &AuditResult::ALL,
    },
    AuditedRow {
        event: AuditEvent::Pull,
        requests: "`manifest_get` that Harbor answered with the manifest; a HEAD is no pull",
        results: &[AuditResult::Ok],
    },
    AuditedRow {
        event: AuditEvent::Delete,
        requests: "`manifest_delete` and `blob_delete` that went to Harbor, with the same exception",
        results: &AuditResult::ALL,
    },
    AuditedRow {
        event: AuditEvent::Login,
        requests: "`token` with a credential, `ping` with a password, and the portal's login form, that went to Harbor; a token for nobody is no login",
        results: &AuditResult::ALL,
    },
    AuditedRow {
        event: AuditEvent::Denial,
        requests: "any request that a filter or a rule denied, or that `login_limit` or an identity refused, whatever it was for",
        results: &[AuditResult::Refused],
    },
];

/// What is asked for, as far as that decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuditAsked {
    pub(crate) operation: Operation,
    /// It gives a credential to be checked.
    pub(crate) logs_in: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AuditAnswer {
    /// It went to Harbor, which gave this status, or none.
    Harbor(Option<u16>),
    /// Harbor only asked for credentials, or for fresh ones.
    Challenged,
    /// This gateway denied it to somebody.
    Denied,
    /// It didn't go to Harbor, and nobody was denied anything.
    Elsewhere,
}

impl AuditAsked {
    /// Whether its end may be audited, as far as it shows at its beginning.
    pub(crate) fn may_be_audited(self) -> bool {
        self.logs_in || self.of_content().is_some()
    }

    /// The line that its end is worth; `password` is what Harbor's answer says of the credential.
    pub(crate) fn event(
        self,
        answer: AuditAnswer,
        password: Option<Password>,
    ) -> Option<(AuditEvent, AuditResult)> {
        let status = match answer {
            AuditAnswer::Denied => return Some((AuditEvent::Denial, AuditResult::Refused)),
            AuditAnswer::Elsewhere => return None,
            AuditAnswer::Challenged if !self.logs_in => return None,
            AuditAnswer::Challenged => Some(401),
            AuditAnswer::Harbor(status) => status,
        };
        if self.logs_in {
            return Some((AuditEvent::Login, login(status, password)));
        }
        let (event, result) = (self.of_content()?, result(status));
        (event != AuditEvent::Pull || result == AuditResult::Ok).then_some((event, result))
    }

    fn of_content(self) -> Option<AuditEvent> {
        match self.operation {
            Operation::ManifestPut => Some(AuditEvent::Push),
            Operation::ManifestGet => Some(AuditEvent::Pull),
            Operation::ManifestDelete | Operation::BlobDelete => Some(AuditEvent::Delete),
            _ => None,
        }
    }
}

/// Harbor gives a token for nobody in exchange for a wrong password.
fn login(status: Option<u16>, password: Option<Password>) -> AuditResult {
    match (password, result(status)) {
        (Some(Password::Right), _) => AuditResult::Ok,
        (Some(Password::Wrong), _) => AuditResult::Refused,
        // An answer that couldn't be read.
        (Some(Password::Doubtful) | None, AuditResult::Ok) => AuditResult::Unknown,
        (Some(Password::Doubtful) | None, result) => result,
    }
}

fn result(status: Option<u16>) -> AuditResult {
    match status {
        None => AuditResult::Unknown,
        Some(200..=299) => AuditResult::Ok,
        Some(400..=499) => AuditResult::Refused,
        Some(_) => AuditResult::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AuditAnswer::{Challenged, Denied, Elsewhere, Harbor};
    use Operation::{
        Api, BlobDelete, BlobGet, ManifestDelete, ManifestGet, ManifestHead, ManifestPut, Ping,
        Token, Ui, UploadCancel, UploadCommit,
    };

    fn worded(asked: AuditAsked, answer: AuditAnswer, password: Option<Password>) -> String {
        let event = asked.event(answer, password);
        event.map_or("-".to_owned(), |(event, result)| {
            format!("{event} {result}")
        })
    }

    #[test]
    fn pushes_pulls_and_deletions_are_audited_by_harbors_answer() {
        for (operation, answer, expected) in [
            (ManifestPut, Harbor(Some(201)), "push ok"),
            (ManifestPut, Harbor(Some(403)), "push refused"),
            (ManifestPut, Harbor(Some(502)), "push failed"),
            (ManifestPut, Harbor(Some(301)), "push failed"),
            (ManifestPut, Harbor(None), "push unknown"),
            (ManifestPut, Challenged, "-"),
            (ManifestPut, Elsewhere, "-"),
            (ManifestGet, Harbor(Some(200)), "pull ok"),
            (ManifestGet, Harbor(Some(404)), "-"),
            (ManifestGet, Harbor(None), "-"),
            (ManifestHead, Harbor(Some(200)), "-"),
            (ManifestDelete, Harbor(Some(202)), "delete ok"),
            (BlobDelete, Harbor(Some(405)), "delete refused"),
            (UploadCancel, Harbor(Some(204)), "-"),
            (UploadCommit, Harbor(Some(201)), "-"),
            (BlobGet, Harbor(Some(200)), "-"),
            (Api, Harbor(Some(200)), "-"),
        ] {
            let asked = AuditAsked {
                operation,
                logs_in: false,
            };
            let found = worded(asked, answer, None);
            assert_eq!(found, expected, "{operation} {answer:?}");
            assert!(found == "-" || asked.may_be_audited(), "{operation}");
        }
    }

    #[test]
    fn a_login_is_one_by_what_harbor_says_of_the_password() {
        use Password::{Doubtful, Right, Wrong};
        for (operation, answer, password, expected) in [
            (Token, Harbor(Some(200)), Some(Right), "login ok"),
            (Token, Harbor(Some(200)), Some(Wrong), "login refused"),
            (Token, Harbor(Some(200)), Some(Doubtful), "login unknown"),
            (Token, Harbor(Some(200)), None, "login unknown"),
            (Token, Harbor(Some(401)), Some(Wrong), "login refused"),
            (Token, Challenged, Some(Wrong), "login refused"),
            (Ping, Challenged, None, "login refused"),
            (Ping, Harbor(Some(200)), Some(Right), "login ok"),
            (Ui, Harbor(Some(403)), Some(Doubtful), "login refused"),
            (Token, Harbor(Some(503)), Some(Doubtful), "login failed"),
            (Token, Harbor(None), None, "login unknown"),
            (Token, Elsewhere, None, "-"),
            (Token, Denied, None, "denial refused"),
        ] {
            let asked = AuditAsked {
                operation,
                logs_in: true,
            };
            assert!(asked.may_be_audited());
            let found = worded(asked, answer, password);
            assert_eq!(found, expected, "{operation} {answer:?} {password:?}");
        }
    }

    #[test]
    fn a_denial_is_audited_whatever_it_was_for() {
        for operation in Operation::ALL {
            for logs_in in [true, false] {
                let asked = AuditAsked { operation, logs_in };
                assert_eq!(worded(asked, Denied, None), "denial refused");
                assert_eq!(worded(asked, Elsewhere, None), "-");
            }
        }
    }

    #[test]
    fn the_table_has_every_result_that_there_is() {
        let answers = [None, Some(200), Some(302), Some(404), Some(500)];
        for row in AUDITED {
            let mut found = Vec::new();
            for operation in Operation::ALL {
                for logs_in in [true, false] {
                    let asked = AuditAsked { operation, logs_in };
                    let answers = answers.map(Harbor).into_iter().chain([Denied]);
                    for (event, result) in answers.filter_map(|it| asked.event(it, None)) {
                        if event == row.event && !found.contains(&result) {
                            found.push(result);
                        }
                    }
                }
            }
            // A login's own word for it.
            let asked = AuditAsked {
                operation: Token,
                logs_in: true,
            };
            let right = asked.event(Harbor(Some(200)), Some(Password::Right));
            found.extend(
                right
                    .filter(|(event, _)| *event == row.event)
                    .map(|(_, it)| it),
            );
            for result in AuditResult::ALL {
                let is_told = row.results.contains(&result);
                assert_eq!(found.contains(&result), is_told, "{} {result}", row.event);
            }
        }
    }
}

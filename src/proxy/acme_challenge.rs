//! The path at which an authority looks for the proof of a name (RFC 8555, section 8.3), on every listener:
//! some proxies in front redirect port 80 by themselves.

use super::local_reply::{read_small_body, send};
use super::message_header::path_and_query;
use crate::acme::{self, ChallengeAnswer};
use crate::config::Config;
use http::Method;
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use std::path::PathBuf;

/// A proof that is asked for.
pub(super) struct AskedProof {
    token: String,
    folders: Vec<PathBuf>,
}

/// What is asked for; none where proofs aren't answered here, or it is something else.
pub(super) fn asked(session: &Session, config: &Config) -> Option<AskedProof> {
    let target = std::str::from_utf8(path_and_query(session.req_header())).ok()?;
    let token = acme::token(target)?;
    let folders = config.challenge_folders();
    (!folders.is_empty()).then(|| AskedProof {
        token: token.to_owned(),
        folders,
    })
}

impl AskedProof {
    /// Answers with the token's file.
    pub(super) async fn answer(&self, session: &mut Session) -> Result<()> {
        let AskedProof { token, folders } = self;
        let method = &session.req_header().method;
        let (status, body) = if !matches!(*method, Method::GET | Method::HEAD) {
            (405, String::new())
        } else {
            match acme::answer(folders, token).await {
                ChallengeAnswer::Found(answer) => {
                    log::info!("the proof {token} was asked for, and given");
                    (200, String::from_utf8_lossy(&answer).into_owned())
                }
                ChallengeAnswer::Unknown => (404, "no such token\n".to_owned()),
                ChallengeAnswer::Busy => (503, "the token's file can't be read now\n".to_owned()),
            }
        };
        let mut response = ResponseHeader::build(status, Some(3))?;
        response.set_content_length(body.len())?;
        response.insert_header("Content-Type", "text/plain")?;
        response.insert_header("Cache-Control", "no-store")?;
        if status == 405 {
            response.insert_header("Allow", "GET, HEAD")?;
        }
        read_small_body(session).await;
        send(session, response, body).await
    }
}

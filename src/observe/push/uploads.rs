//! Uploads that are open, from their POST to their commit, and those that were opened at another
//! replica.
//!
//! What this file deliberately doesn't know: which push they belong to, and why they fail.

use super::bounds::{
    HOST, ID, QUIET, REPOSITORY, UNPROVEN_UPLOADS, UNPROVEN_UPLOADS_EACH, UPLOADS,
};
use super::clock::Moment;
use super::event::{RequestBegan, RequestEnded, UploadEnd};
use super::fair_list::{Places, owner};
use super::table_key::key;
use crate::net::bounded_text::Text;
use crate::oci::operation::Operation;
use crate::oci::reason::{Outcome, Proof, Reason};
use crate::oci::user_agent::ClientFamily;
use lru::LruCache;
use std::net::IpAddr;

#[derive(Debug)]
pub(crate) struct TrackedUpload {
    pub(crate) registry: usize,
    pub(crate) repository: Text,
    pub(crate) id: Text,
    pub(crate) client: Option<IpAddr>,
    pub(crate) client_family: ClientFamily,
    /// The Host of its POST, if this replica saw it.
    pub(crate) host: Option<Text>,
    pub(crate) started: Moment,
    pub(crate) touched: Moment,
    /// Of the requests that ended.
    pub(crate) bytes: u64,
    /// The last request, and what it wanted.
    pub(crate) request_id: Text,
    pub(crate) operation: Operation,
    pub(crate) in_flight: u32,
    /// Why its last request failed, if it did.
    pub(crate) failure: Option<Reason>,
    /// Harbor has said that it exists. Without that it may be anybody's invention: it is forgotten
    /// with its last request, and not counted.
    pub(crate) is_proven: bool,
}

/// By registry and id, the one that moved last first.
#[derive(Debug)]
pub(crate) struct TrackedUploads {
    open: LruCache<u64, TrackedUpload>,
    /// The places of those that nobody has proven.
    unproven: Places,
    /// By registry: pushed out since the last sweep.
    forgotten: Vec<u64>,
}

impl TrackedUploads {
    pub(crate) fn new() -> TrackedUploads {
        TrackedUploads {
            open: LruCache::unbounded(),
            unproven: Places::new(UNPROVEN_UPLOADS, UNPROVEN_UPLOADS_EACH),
            forgotten: Vec::new(),
        }
    }

    /// There is one more registry.
    pub(crate) fn enroll(&mut self) {
        self.forgotten.push(0);
    }

    pub(crate) fn find(&self, registry: usize, id: &str) -> Option<&TrackedUpload> {
        self.open.peek(&key((registry, id)))
    }

    /// Whether a request is known for a credential holder's by its upload.
    pub(crate) fn proof(&self, began: &RequestBegan<'_>) -> Proof {
        let upload = began.upload.and_then(|id| self.find(began.registry, id));
        if upload.is_some_and(|upload| upload.is_proven) {
            Proof::Proven
        } else {
            Proof::Unproven
        }
    }

    pub(crate) fn get(&self, key: u64) -> Option<&TrackedUpload> {
        self.open.peek(&key)
    }

    /// Harbor opened an upload.
    pub(crate) fn opened(&mut self, ended: &RequestEnded<'_>, id: &str, now: Moment) {
        let mut upload = TrackedUpload::seen(ended, id, now);
        upload.host = Some(Text::name(ended.host, HOST));
        upload.started = now.before(ended.duration);
        self.insert(key((ended.registry, id)), upload);
    }

    /// A request for an upload goes to Harbor; the key to land it with, if it could be kept.
    pub(crate) fn took_off(
        &mut self,
        began: &RequestBegan<'_>,
        id: &str,
        now: Moment,
    ) -> Option<u64> {
        let key = key((began.registry, id));
        if self.open.peek(&key).is_none() {
            if !self.unproven.take(owner(began.client)) {
                return None;
            }
            let upload = TrackedUpload {
                registry: began.registry,
                repository: Text::name(began.repository, REPOSITORY),
                id: Text::name(id, ID),
                client: began.client,
                client_family: began.client_family,
                host: None,
                started: now,
                touched: now,
                bytes: 0,
                request_id: Text::name(began.request_id, ID),
                operation: began.operation,
                in_flight: 0,
                failure: None,
                is_proven: false,
            };
            self.insert(key, upload);
        }
        let upload = self.open.get_mut(&key)?;
        upload.in_flight += 1;
        upload.touched = now;
        Some(key)
    }

    /// A request for an upload is over, one way or the other.
    pub(crate) fn landed(&mut self, key: u64, now: Moment) {
        if let Some(upload) = self.open.get_mut(&key) {
            upload.in_flight = upload.in_flight.saturating_sub(1);
            upload.touched = now;
        }
    }

    /// What the end of a request makes of its upload.
    pub(crate) fn ended(
        &mut self,
        ended: &RequestEnded<'_>,
        id: &str,
        now: Moment,
    ) -> Option<UploadEnd> {
        let key = key((ended.registry, id));
        match (ended.reason.outcome(), ended.operation) {
            // A redirect, say, by a hop that asks nobody who they are.
            (
                Outcome::Ok,
                Operation::UploadCommit | Operation::UploadChunk | Operation::UploadStatus,
            ) if ended.proof == Proof::Unproven => {}
            (Outcome::Ok, Operation::UploadCommit) if ended.reason == Reason::Success => {
                self.remove(key);
                return Some(UploadEnd::Success);
            }
            (Outcome::Ok, Operation::UploadCancel) if ended.reason == Reason::Success => {
                self.remove(key);
                return Some(UploadEnd::Cancelled);
            }
            (Outcome::Ok, _) if ended.reason == Reason::Success => {
                if self.open.peek(&key).is_none() {
                    self.insert(key, TrackedUpload::seen(ended, id, now));
                }
                if let Some(upload) = self.open.get_mut(&key) {
                    if !upload.is_proven {
                        self.unproven.give_back(owner(upload.client));
                    }
                    upload.went_on(ended, now);
                }
            }
            (Outcome::Ok, _) => {}
            (Outcome::Refused | Outcome::Failed | Outcome::Aborted, _) => {
                if let Some(upload) = self.open.get_mut(&key) {
                    upload.saw(ended, now);
                    upload.failure = Some(ended.reason);
                }
            }
        }
        self.forget_unproven(key);
        None
    }

    /// Lets go of an upload that nobody has proven and nobody asks for any more.
    pub(crate) fn forget_unproven(&mut self, key: u64) {
        let is_invention = |upload: &TrackedUpload| !upload.is_proven && upload.in_flight == 0;
        if self.open.peek(&key).is_some_and(is_invention) {
            self.remove(key);
        }
    }

    fn remove(&mut self, key: u64) -> Option<TrackedUpload> {
        let upload = self.open.pop(&key)?;
        if !upload.is_proven {
            self.unproven.give_back(owner(upload.client));
        }
        Some(upload)
    }

    /// Ends those that have been quiet for too long, and tells of those that were pushed out: how
    /// many of which registry.
    pub(crate) fn sweep(&mut self, now: Moment) -> Vec<(usize, UploadEnd, u64)> {
        // In the order of their last movement, so the search ends at the first that is young.
        let quiet: Vec<u64> = self
            .open
            .iter()
            .rev()
            .take_while(|(_, upload)| now.since(upload.touched) > QUIET)
            .filter(|(_, upload)| upload.in_flight == 0)
            .map(|(key, _)| *key)
            .collect();
        let quiet = quiet.into_iter().filter_map(|key| self.remove(key));
        let mut ends: Vec<(usize, UploadEnd, u64)> = quiet
            .filter(|upload| upload.is_proven)
            .map(|upload| {
                let end = upload.failure.and_then(UploadEnd::of);
                (upload.registry, end.unwrap_or(UploadEnd::Unseen), 1)
            })
            .collect();
        for (registry, count) in self.forgotten.iter_mut().enumerate() {
            match std::mem::take(count) {
                0 => {}
                count => ends.push((registry, UploadEnd::Forgotten, count)),
            }
        }
        ends
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TrackedUpload> {
        self.open.iter().map(|(_, upload)| upload)
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Keeps an upload, in place of the one that has been idle longest if there are too many; if
    /// none of them is idle, the new one is not kept.
    fn insert(&mut self, key: u64, upload: TrackedUpload) {
        if self.open.len() >= UPLOADS && !self.open.contains(&key) {
            let oldest = self.oldest_idle();
            let gone = oldest.and_then(|key| self.remove(key));
            let lost = gone.as_ref().unwrap_or(&upload);
            if lost.is_proven
                && let Some(count) = self.forgotten.get_mut(lost.registry)
            {
                *count = count.saturating_add(1);
            }
            // Each of them has a request in flight, and more than so many are not followed: what is
            // new came with an answer, and has no place to give back.
            if gone.is_none() {
                return;
            }
        }
        if let Some(before) = self.open.put(key, upload)
            && !before.is_proven
        {
            self.unproven.give_back(owner(before.client));
        }
    }

    /// Those in flight that stand in the way go to the other end, so that the next search doesn't
    /// pass them again; their place says nothing until they land.
    fn oldest_idle(&mut self) -> Option<u64> {
        for _ in 0..self.open.len() {
            let (key, upload) = self.open.peek_lru()?;
            let key = *key;
            if upload.in_flight == 0 {
                return Some(key);
            }
            self.open.promote(&key);
        }
        None
    }
}

impl TrackedUpload {
    /// From an answer that proves it.
    fn seen(ended: &RequestEnded<'_>, id: &str, now: Moment) -> TrackedUpload {
        TrackedUpload {
            registry: ended.registry,
            repository: Text::name(ended.repository.unwrap_or_default(), REPOSITORY),
            id: Text::name(id, ID),
            client: ended.client,
            client_family: ended.client_family,
            host: None,
            started: now.before(ended.upload_age.unwrap_or(ended.duration)),
            touched: now,
            bytes: 0,
            request_id: Text::name(ended.request_id, ID),
            operation: ended.operation,
            in_flight: 0,
            failure: None,
            is_proven: true,
        }
    }

    fn went_on(&mut self, ended: &RequestEnded<'_>, now: Moment) {
        self.saw(ended, now);
        self.is_proven = true;
        // Asking for the status mends nothing.
        if ended.operation != Operation::UploadStatus {
            self.failure = None;
        }
    }

    fn saw(&mut self, ended: &RequestEnded<'_>, now: Moment) {
        self.touched = now;
        self.bytes = self.bytes.saturating_add(ended.received);
        self.operation = ended.operation;
        self.request_id = Text::name(ended.request_id, ID);
    }
}

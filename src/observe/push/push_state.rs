//! One push: all that one client uploads to one repository until its manifests are put. Further tags,
//! and images of other platforms, that follow within a minute belong to the same push.
//!
//! What this file deliberately doesn't know: single uploads, and other pushes.

use super::bounds::{AFTER_MANIFEST, CONSEQUENCE, ID, QUIET, REFERENCE, REPOSITORY};
use super::clock::{Clock, Moment};
use super::event::{PushedBlobs, RequestEnded};
use super::fair_list::{EntryOwner, Owned, owner};
use super::filter::PushFilter;
use super::finding::PushFinding;
use super::outcome::PushOutcome;
use super::view::PushView;
use crate::net::bounded_text::Text;
use crate::oci::operation::Operation;
use crate::oci::reason::{Outcome, Proof, Reason};
use crate::oci::user_agent::ClientFamily;
use std::net::IpAddr;

#[derive(Debug)]
pub(crate) struct Push {
    registry: usize,
    repository: Text,
    client: Option<IpAddr>,
    client_family: ClientFamily,
    started: Moment,
    pub(crate) updated: Moment,
    uploads: u32,
    uploads_done: u32,
    mounted: u32,
    bytes: u64,
    manifests: u32,
    /// Since the last of them.
    since_manifest: PushedBlobs,
    reference: Option<Text>,
    /// Steps of its uploads that are proven to be a credential holder's.
    proven: u32,
    /// Manifests that came without their Authorization.
    bare_manifests: u32,
    /// The PUT of an upload came with its own Authorization: nothing in front removes it.
    pub(crate) puts_carry_authorization: bool,
    /// The last request.
    request_id: Text,
    stage: PushStage,
    /// What stands in the way of the next manifest.
    trouble: Option<Box<PushTrouble>>,
    /// What there was to find out although it went well.
    remark: Option<(PushFinding, Text)>,
}

/// What the last request made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PushStage {
    Moving,
    Failing,
    /// A manifest was put, and nothing came after it.
    Complete,
}

/// Whether anything of a push can still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    InFlight,
    Quiet,
    Over,
}

#[derive(Debug)]
struct PushTrouble {
    at: Moment,
    reason: Reason,
    finding: Option<PushFinding>,
    diagnosis: Text,
    request_id: Text,
}

impl Push {
    pub(crate) fn new(ended: &RequestEnded<'_>, repository: &str, now: Moment) -> Push {
        Push {
            registry: ended.registry,
            repository: Text::name(repository, REPOSITORY),
            client: ended.client,
            client_family: ended.client_family,
            started: now.before(ended.duration),
            updated: now,
            uploads: 0,
            uploads_done: 0,
            mounted: 0,
            bytes: 0,
            manifests: 0,
            since_manifest: PushedBlobs::default(),
            reference: None,
            proven: 0,
            bare_manifests: 0,
            puts_carry_authorization: false,
            request_id: Text::name(ended.request_id, ID),
            stage: PushStage::Moving,
            trouble: None,
            remark: None,
        }
    }

    pub(crate) fn saw(
        &mut self,
        ended: &RequestEnded<'_>,
        finding: Option<PushFinding>,
        diagnosis: Option<&Text>,
        now: Moment,
    ) {
        self.updated = now;
        self.bytes = self.bytes.saturating_add(ended.received);
        self.request_id = Text::name(ended.request_id, ID);
        let is_manifest = ended.operation == Operation::ManifestPut;
        if !is_manifest {
            let bytes = &mut self.since_manifest.bytes;
            *bytes = bytes.saturating_add(ended.received);
        }
        let count = |number: &mut u32, counts: bool| *number = number.saturating_add(counts.into());
        count(
            &mut self.proven,
            !is_manifest && ended.proof == Proof::Proven,
        );
        count(
            &mut self.bare_manifests,
            is_manifest && !ended.had_credential,
        );
        if let Some(reference) = ended.reference {
            self.reference = Some(Text::name(reference, REFERENCE));
        }
        match ended.reason.outcome() {
            Outcome::Ok => {
                self.went_on(ended);
                self.remark = finding.zip(diagnosis.cloned()).or(self.remark.take());
            }
            Outcome::Refused | Outcome::Failed | Outcome::Aborted => {
                self.stage = PushStage::Failing;
                if self.is_news(ended.reason, now) {
                    self.trouble = Some(Box::new(PushTrouble {
                        at: now,
                        reason: ended.reason,
                        finding,
                        diagnosis: diagnosis.cloned().unwrap_or_default(),
                        request_id: self.request_id.clone(),
                    }));
                }
            }
        }
    }

    /// Whether a manifest without Authorization is this push's: layers of it were proven, and so many
    /// manifests have not come bare yet. Who only shares the client's address, program and
    /// repository can't tell of more losses than there were layers.
    pub(crate) fn is_manifest_expected(&self) -> bool {
        self.bare_manifests < self.proven
    }

    fn went_on(&mut self, ended: &RequestEnded<'_>) {
        self.stage = PushStage::Moving;
        // Of a challenge nothing follows: only what Harbor took shows that it was a real one.
        self.puts_carry_authorization |= ended.operation == Operation::UploadCommit
            && ended.reason == Reason::Success
            && ended.had_credential
            && !ended.reattached;
        let count = |number: &mut u32| *number = number.saturating_add(1);
        match ended.operation {
            Operation::ManifestPut => {
                count(&mut self.manifests);
                self.stage = PushStage::Complete;
                // Whatever had gone wrong before, the client got over it.
                self.trouble = None;
            }
            Operation::UploadCommit => {
                count(&mut self.uploads_done);
                count(&mut self.since_manifest.blobs);
            }
            Operation::UploadMonolithic if ended.opens().is_none() => {
                count(&mut self.uploads_done);
                count(&mut self.since_manifest.blobs);
            }
            Operation::UploadMount if ended.opens().is_none() => {
                count(&mut self.mounted);
                count(&mut self.since_manifest.mounted);
            }
            _ if ended.opens().is_some() => count(&mut self.uploads),
            _ => {}
        }
        // Some were opened at another replica.
        self.uploads = self.uploads.max(self.uploads_done);
    }

    /// Whether a failure says more than the one that is known: that the client aborts its other
    /// uploads after one was refused doesn't.
    fn is_news(&self, reason: Reason, now: Moment) -> bool {
        self.trouble.as_ref().is_none_or(|known| {
            reason.outcome() != Outcome::Aborted
                || known.reason.outcome() == Outcome::Aborted
                || now.since(known.at) > CONSEQUENCE
        })
    }

    /// What came before the manifest that Harbor took just now.
    pub(crate) fn take_pushed(&mut self) -> PushedBlobs {
        std::mem::take(&mut self.since_manifest)
    }

    /// Whether it is no client's, but Harbormouth's.
    pub(crate) fn is_our_own(&self) -> bool {
        self.client_family == ClientFamily::Harbormouth
    }

    /// Whether what begins at this time is another push.
    pub(crate) fn is_over(&self, at: Moment) -> bool {
        let quiet = at.since(self.updated);
        match self.stage {
            PushStage::Complete => quiet > AFTER_MANIFEST,
            PushStage::Moving | PushStage::Failing => quiet > QUIET,
        }
    }

    pub(crate) fn outcome(&self, presence: Presence) -> PushOutcome {
        match (presence, self.stage, &self.trouble) {
            (Presence::InFlight, _, _) | (Presence::Quiet, PushStage::Moving, _) => {
                PushOutcome::Open
            }
            (_, PushStage::Complete, _) => PushOutcome::Ok,
            (_, _, Some(trouble)) => match trouble.reason.outcome() {
                Outcome::Refused => PushOutcome::Refused,
                Outcome::Failed => PushOutcome::Failed,
                Outcome::Aborted => PushOutcome::Aborted,
                Outcome::Ok => PushOutcome::Unfinished,
            },
            (_, _, None) => PushOutcome::Unfinished,
        }
    }

    pub(crate) fn is_asked_for(&self, outcome: PushOutcome, filter: &PushFilter) -> bool {
        filter.is_of(self.registry, &self.repository)
            && filter.outcome.is_none_or(|one| one == outcome)
    }

    pub(crate) fn view(
        &self,
        outcome: PushOutcome,
        names: &[Text],
        clock: &Clock,
    ) -> Option<PushView> {
        let trouble = self.trouble.as_ref();
        let remark = self.remark.as_ref();
        let finding = match trouble {
            Some(trouble) => trouble.finding,
            None => remark.map(|remark| remark.0),
        };
        let diagnosis = trouble.map(|trouble| &trouble.diagnosis);
        Some(PushView {
            replica: None,
            registry: names.get(self.registry)?.clone(),
            repository: self.repository.clone(),
            client: self.client,
            client_family: self.client_family.as_str().into(),
            started: clock.wall(self.started),
            updated: clock.wall(self.updated),
            outcome: outcome.as_str().into(),
            uploads: self.uploads,
            uploads_done: self.uploads_done,
            mounted: self.mounted,
            bytes: self.bytes,
            manifests: self.manifests,
            reference: self.reference.clone(),
            reason: trouble.map(|trouble| trouble.reason.as_str().into()),
            fault: trouble.map(|trouble| trouble.reason.fault().as_str().into()),
            finding: finding.map(|finding| finding.as_str().into()),
            diagnosis: diagnosis.or(remark.map(|remark| &remark.1)).cloned(),
            request_id: trouble
                .map_or(&self.request_id, |one| &one.request_id)
                .clone(),
        })
    }
}

impl Owned for Push {
    fn owner(&self) -> EntryOwner {
        owner(self.client)
    }
}

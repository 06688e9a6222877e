//! What Harbor says no to, in the words that were recorded from it: quota, read-only mode,
//! immutable tags, policies, a missing role, a wrong password. None of it is a fault of the
//! service, so none of it counts against the objective.

use super::Expect::GivesUp;
use super::judge::{End, end, judge};
use super::lists::{Failure, failures};
use super::{PLAIN, Scene, ends_of, or_gone, start_pushes, told};
use crate::check::TWO_LAYERS;
use crate::clients::{Client, Login};
use crate::harbor::Harbor;
use crate::world::{World, trial};
use harbormouth::observe::push::PushFinding;
use harbormouth::oci::operation::Operation as Op;
use harbormouth::oci::reason::Reason;
use harbormouth::testing::fake_harbor::{FakeHarbor, InjectedFault, Match, Times};
use http::{Method, StatusCode};
use libtest_mimic::Trial;
use std::sync::Arc;

struct Case {
    name: &'static str,
    fault: fn(&FakeHarbor),
    login: fn(&Harbor) -> Login,
    project: &'static str,
    /// In the order of [`Client::ALL`], as what follows.
    ends: [&'static [End]; 4],
    words: [&'static [&'static str]; 4],
    /// Of Harbor's own words.
    message: &'static str,
}

/// ctr shows the status of the answer, the others its words.
const fn words(
    ctr: &'static [&'static str],
    others: &'static [&'static str],
) -> [&'static [&'static str]; 4] {
    [ctr, others, others, others]
}

const FORBIDDEN: &[&str] = &["unexpected status: 403 Forbidden"];
const NOT_GRANTED: &[&str] = &["insufficient_scope: authorization failed"];
const DENIED: &[&str] = &["denied: requested access to the resource is denied"];

const EMPTY: End = end(Op::Token, Reason::EmptyGrant).found(PushFinding::NoPushGranted);
const LOOK: End = end(Op::BlobHead, Reason::Denied);
const START: End = end(Op::UploadStart, Reason::Denied).found(PushFinding::NoPushGranted);

const CASES: &[Case] = &[
    Case {
        name: "quota_at_the_layer",
        fault: |core| {
            let words = "adding 48.8 KiB of storage resource, which when updated to current usage \
                         of 100 B will exceed the configured upper limit of 19.5 KiB.";
            refuse(
                core,
                Method::PUT,
                "/blobs/uploads/",
                StatusCode::FORBIDDEN,
                "DENIED",
                words,
            );
        },
        login: Harbor::login,
        project: "lab",
        ends: [&[end(Op::UploadCommit, Reason::Quota)]; 4],
        words: words(
            FORBIDDEN,
            &["denied: adding 48.8 KiB", "configured upper limit"],
        ),
        message: "adding 48.8 KiB of storage resource",
    },
    Case {
        name: "quota_at_the_manifest",
        fault: |core| {
            let words = "adding 78.7 KiB of storage resource, which when updated to current usage \
                         of 100 B will exceed the configured upper limit of 19.5 KiB.";
            refuse(
                core,
                Method::PUT,
                "/manifests/",
                StatusCode::FORBIDDEN,
                "DENIED",
                words,
            );
        },
        login: Harbor::login,
        project: "lab",
        ends: [&[end(Op::ManifestPut, Reason::Quota)]; 4],
        words: words(
            FORBIDDEN,
            &["denied: adding 78.7 KiB", "configured upper limit"],
        ),
        message: "adding 78.7 KiB of storage resource",
    },
    Case {
        name: "read_only",
        fault: |core| {
            let words = "The system is in read only mode. Any modification is prohibited.";
            for method in [Method::POST, Method::PUT, Method::PATCH] {
                refuse(core, method, "/v2/", StatusCode::FORBIDDEN, "DENIED", words);
            }
        },
        login: Harbor::login,
        project: "lab",
        ends: [&[end(Op::UploadStart, Reason::ReadOnly)]; 4],
        words: words(FORBIDDEN, &["denied: The system is in read only mode."]),
        message: "The system is in read only mode.",
    },
    Case {
        name: "immutable_tag",
        fault: |core| {
            let words = "Failed to process request due to 'app:v1' configured as immutable.";
            let status = StatusCode::PRECONDITION_FAILED;
            refuse(
                core,
                Method::PUT,
                "/manifests/",
                status,
                "PRECONDITION",
                words,
            );
        },
        login: Harbor::login,
        project: "lab",
        ends: [&[end(Op::ManifestPut, Reason::ImmutableTag)]; 4],
        words: words(
            &["unexpected status: 412 Precondition Failed"],
            &["Failed to process request due to 'app:v1' configured as immutable."],
        ),
        message: "'app:v1' configured as immutable",
    },
    Case {
        name: "policy",
        fault: |core| {
            let words = "denied: can not push artifact to a proxy project: lab";
            let status = StatusCode::FORBIDDEN;
            refuse(
                core,
                Method::POST,
                "/blobs/uploads/",
                status,
                "DENIED",
                words,
            );
        },
        login: Harbor::login,
        project: "lab",
        ends: [&[end(Op::UploadStart, Reason::Policy)]; 4],
        words: words(
            FORBIDDEN,
            &["denied: can not push artifact to a proxy project"],
        ),
        message: "can not push artifact to a proxy project",
    },
    Case {
        name: "a_guest",
        fault: |_| {},
        login: |_| Login {
            user: "bob".to_owned(),
            password: "Bob123456".to_owned(),
        },
        project: "lab",
        ends: [&[end(Op::UploadStart, Reason::Denied).found(PushFinding::NoPushGranted)]; 4],
        words: words(NOT_GRANTED, DENIED),
        message: "unauthorized to access repository: lab/",
    },
    Case {
        name: "no_role",
        fault: |_| {},
        login: Harbor::login,
        project: "other",
        ends: [
            &[EMPTY, LOOK, START],
            &[EMPTY, START],
            &[EMPTY, LOOK],
            &[EMPTY, LOOK],
        ],
        words: words(NOT_GRANTED, DENIED),
        message: "unauthorized to access repository: other/",
    },
    Case {
        name: "wrong_password",
        fault: |_| {},
        login: |_| Login {
            user: "alice".to_owned(),
            password: "wrong".to_owned(),
        },
        project: "lab",
        ends: [
            &[EMPTY, LOOK, START],
            &[EMPTY, START],
            &[EMPTY, LOOK],
            &[EMPTY, LOOK],
        ],
        words: words(NOT_GRANTED, DENIED),
        message: "unauthorized to access repository: lab/",
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    CASES
        .iter()
        .map(|case| {
            let name = format!("failures::refusals::{}", case.name);
            trial(world, name, move |world| refused(world, case))
        })
        .collect()
}

fn refuse(
    core: &FakeHarbor,
    method: Method,
    path: &'static str,
    status: StatusCode,
    code: &str,
    message: &str,
) {
    let body = format!("{{\"errors\":[{{\"code\":\"{code}\",\"message\":\"{message}\"}}]}}\n");
    let which = Match::method(method).path_contains(path);
    let content_type = "application/json; charset=utf-8";
    core.faults().inject(
        which,
        Times::Always,
        InjectedFault::Answer {
            status,
            content_type,
            body,
        },
    );
}

fn refused(world: &World, case: &Case) {
    let scene = Scene::direct(world, PLAIN);
    (case.fault)(scene.harbor.core());
    let login = (case.login)(&scene.harbor);
    let running = start_pushes(
        world,
        &scene.host,
        case.project,
        &login,
        &Client::ALL,
        &TWO_LAYERS,
    );
    told(running, |client| GivesUp(case.words[client as usize]));
    let expected = ends_of(&Client::ALL, &case.ends);
    judge(&scene.gateway, &expected, &or_gone(&Client::ALL));
    let listed = failures(&scene.gateway);
    let has_words = |failure: &Failure| {
        let message = failure.message.as_deref();
        message.is_some_and(|message| message.contains(case.message))
    };
    // An answer to a HEAD has none.
    assert!(listed.iter().any(has_words), "{listed:#?}");
    let coded = listed.iter().filter(|failure| failure.code.is_some());
    assert!(coded.clone().all(has_words), "{listed:#?}");
}

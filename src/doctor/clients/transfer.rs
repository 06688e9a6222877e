//! What each client makes of an upload that goes wrong: refusals, lost headers, limits and cuts.

use super::circumstance::{Circumstance, Header, LostOn};
use super::client::Client;
use super::outcome::{Fate, breaks, sometimes, works};
use super::rules::{Framing, Patience, Upload, rules};
use super::words::refused;

pub(super) fn buffered(client: Client) -> Fate {
    match rules(client).patience {
        Patience::Short => sometimes(
            "containerd from 2.3 and Docker from 29.7 wait 30 s for the answer to a layer that the \
             hop still has to pass on",
        ),
        Patience::Long => works("later: each layer is sent twice, one after the other"),
    }
}

pub(super) fn cut(client: Client) -> Fate {
    sometimes(format!(
        "{} or \"EOF\" at the end of a large layer, which it has to send again",
        refused(client, 504)
    ))
}

pub(super) fn slow(client: Client) -> Fate {
    match rules(client).patience {
        Patience::Short => sometimes(
            "\"timeout awaiting response headers\" after 30 s (containerd from 2.3, Docker from 29.7)",
        ),
        Patience::Long => works("waits, as long as every hop does"),
    }
}

pub(super) fn lost(client: Client, on: LostOn) -> Fate {
    match (on, rules(client).upload) {
        (LostOn::Patch, Upload::Put | Upload::PutOrChunks) => works("sends no PATCH"),
        (LostOn::Put | LostOn::Both, Upload::Put) if client.is_containerd() => breaks(format!(
            "{} or \"failed to copy after 5 retries\", after it sent the layer up to six times",
            refused(client, 401)
        )),
        (LostOn::Patch | LostOn::Put | LostOn::Both, _) => breaks(refused(client, 401)),
    }
}

pub(super) fn without(client: Client, header: Header) -> Fate {
    match (header, client) {
        (Header::Digest, Client::Containerd | Client::Buildkit) => {
            breaks("\"invalid content digest in response\" (up to containerd 2.1)")
        }
        (Header::Range, Client::DockerClassic) => {
            breaks("\"expected integer\" or \"unexpected EOF\", reading the Range")
        }
        (Header::NextLocation, Client::DockerClassic) => {
            breaks("\"blob upload invalid\": it goes on where it began")
        }
        (Header::NextLocation, Client::Containers) => {
            breaks("\"determining upload URL: http: no Location header in response\"")
        }
        (Header::NextLocation, Client::GoContainerregistry) => {
            breaks("\"missing Location header\"")
        }
        (Header::Digest | Header::Range | Header::NextLocation, _) => works("does without"),
    }
}

/// regclient's chunks, which it falls back to.
const CHUNK: u64 = 1 << 20;

pub(super) fn limited(client: Client, circumstance: Circumstance) -> Fate {
    let passes_chunks = matches!(circumstance, Circumstance::Passes(passes) if passes >= CHUNK);
    match rules(client).upload {
        Upload::PutOrChunks if passes_chunks => works("sends chunks of 1 MiB where a PUT fails"),
        Upload::Put if client.is_containerd() => sometimes(format!(
            "{}, or it hangs (containerd 1.6), for every layer over the limit",
            refused(client, 413)
        )),
        Upload::Put | Upload::PatchAndPut | Upload::PutOrChunks => sometimes(format!(
            "{}, for every layer over the limit",
            refused(client, 413)
        )),
    }
}

pub(super) fn chunked(client: Client) -> Fate {
    match rules(client).framing {
        Framing::Length => works("sends bodies with a length"),
        Framing::Chunked => breaks(refused(client, 411)),
        Framing::Either => sometimes(format!(
            "{} for layers that are made while they are sent",
            refused(client, 411)
        )),
    }
}

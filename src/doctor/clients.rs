//! Registry clients, as models: what each does with what it meets, and in which words its user
//! reads it.
//!
//! What a client does follows from its rules (`rules`), as they were read from its source and seen
//! in pushes of ctr 1.6, docker 20.10, skopeo 1.9 and podman 4.3 through broken chains. What this
//! file deliberately doesn't know: how something was found to be wrong.

mod circumstance;
mod entry;
mod fate;
mod location;
mod rules;
mod transfer;
mod words;

pub(crate) use circumstance::{Circumstance, Header, LostOn, Reach, Unusable};

use super::finding::Effect;
#[cfg(test)]
use super::finding::{Finding, Outcome};
use super::kind::Kind;
use serde::{Serialize, Serializer};

/// Clients that push alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Client {
    /// docker with the containerd store, ctr, nerdctl.
    Containerd,
    Buildkit,
    /// docker with its own store.
    DockerClassic,
    /// podman, skopeo, buildah.
    Containers,
    /// crane, kaniko, ko.
    GoContainerregistry,
    /// oras, Helm.
    Oras,
    Regclient,
}

impl Client {
    pub(crate) const ALL: [Client; 7] = [
        Client::Containerd,
        Client::Buildkit,
        Client::DockerClassic,
        Client::Containers,
        Client::GoContainerregistry,
        Client::Oras,
        Client::Regclient,
    ];

    /// The word in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Client::Containerd => "containerd",
            Client::Buildkit => "buildkit",
            Client::DockerClassic => "docker_classic",
            Client::Containers => "containers",
            Client::GoContainerregistry => "go_containerregistry",
            Client::Oras => "oras",
            Client::Regclient => "regclient",
        }
    }

    /// The programs, for people.
    pub(crate) fn programs(self) -> &'static str {
        match self {
            Client::Containerd => "docker (containerd store), ctr, nerdctl",
            Client::Buildkit => "docker buildx, BuildKit",
            Client::DockerClassic => "docker (classic store)",
            Client::Containers => "podman, skopeo, buildah",
            Client::GoContainerregistry => "crane, kaniko, ko",
            Client::Oras => "oras, Helm",
            Client::Regclient => "regctl",
        }
    }
}

impl Serialize for Client {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What else there is that decides what a finding means for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Surroundings {
    pub(crate) authentication: Authentication,
    /// What answers on port 80 of the target's name.
    pub(crate) plain_http: PlainHttp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authentication {
    None,
    Basic,
    Bearer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// Nothing takes a connection, or it wasn't tried.
    Nothing,
    /// A redirect that turns a write into a GET.
    LosesWrites,
    /// 307, 308.
    KeepsWrites,
    /// The registry answers.
    Serves,
    /// Something else answers.
    Other,
}

/// What a finding means for every client of [`Client::ALL`].
pub(crate) fn effects(
    kind: Kind,
    circumstance: Circumstance,
    surroundings: Surroundings,
) -> Vec<Effect> {
    let effect = |client| {
        let fate = fate::fate(client, kind, circumstance, surroundings);
        Effect {
            client,
            outcome: fate.outcome,
            how: fate.how,
        }
    };
    Client::ALL.into_iter().map(effect).collect()
}

/// How a push by this client ends where all of this is wrong: as what is worst for it ends.
#[cfg(test)]
pub(crate) fn prediction(client: Client, findings: &[Finding]) -> Outcome {
    findings
        .iter()
        .flat_map(|finding| &finding.effects)
        .filter(|effect| effect.client == client)
        .map(|effect| effect.outcome)
        .max()
        .unwrap_or(Outcome::Works)
}

#[cfg(test)]
mod tests;

//! Registry clients, as models: what each does with what it meets.

use super::finding::Effect;
use super::kind::Kind;
use serde::{Serialize, Serializer};

/// Clients that push alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Client {
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
    pub const ALL: [Client; 7] = [
        Client::Containerd,
        Client::Buildkit,
        Client::DockerClassic,
        Client::Containers,
        Client::GoContainerregistry,
        Client::Oras,
        Client::Regclient,
    ];

    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
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
    pub fn programs(self) -> &'static str {
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
pub struct Surroundings {
    pub authentication: Authentication,
    /// What answers on port 80 of the target's name.
    pub plain_http: PlainHttp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    None,
    Basic,
    Bearer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
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
pub fn effects(_kind: Kind, _surroundings: Surroundings) -> Vec<Effect> {
    todo!()
}

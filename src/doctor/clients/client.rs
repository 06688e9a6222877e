//! Registry clients that push alike.

use crate::words::words;
use serde::{Deserialize, Serialize};

words! {
    /// Clients that push alike.
    #[derive(Hash, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub(crate) enum Client {
        /// docker with the containerd store, ctr, nerdctl.
        Containerd "containerd",
        Buildkit "buildkit",
        /// docker with its own store.
        DockerClassic "docker_classic",
        /// podman, skopeo, buildah.
        Containers "containers",
        /// crane, kaniko, ko.
        GoContainerregistry "go_containerregistry",
        /// oras, Helm.
        Oras "oras",
        Regclient "regclient",
    }
}

impl Client {
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

    /// containerd's own resolver, which BuildKit has, too.
    pub(super) fn is_containerd(self) -> bool {
        matches!(self, Client::Containerd | Client::Buildkit)
    }
}

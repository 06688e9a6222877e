//! Registry clients that push alike.

use crate::str_enum::str_enum;
use serde::Deserialize;

str_enum! {
    /// Clients that push alike.
    #[derive(Hash, PartialOrd, Ord, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Client {
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

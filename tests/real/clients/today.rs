//! The clients of 2026, from Debian's unstable distribution.

use super::{Program, Release, Tool};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Today {
    /// containerd 2.
    Ctr,
    /// `docker push` with the containerd image store, the default of new installations since 29.
    Docker,
    Crane,
    Oras,
    Skopeo,
    Podman,
}

impl Today {
    pub const ALL: [Today; 6] = [
        Today::Ctr,
        Today::Docker,
        Today::Crane,
        Today::Oras,
        Today::Skopeo,
        Today::Podman,
    ];
}

impl Tool for Today {
    fn name(self) -> &'static str {
        match self {
            Today::Ctr => "ctr_of_today",
            Today::Docker => "docker_of_today",
            Today::Crane => "crane",
            Today::Oras => "oras",
            Today::Skopeo => "skopeo_of_today",
            Today::Podman => "podman_of_today",
        }
    }

    fn modelled(self) -> &'static str {
        match self {
            Today::Ctr | Today::Docker => "containerd",
            Today::Crane => "go_containerregistry",
            Today::Oras => "oras",
            Today::Skopeo | Today::Podman => "containers",
        }
    }

    fn release(self) -> Release {
        Release::Sid
    }

    fn program(self) -> Program {
        match self {
            Today::Ctr => Program::Ctr,
            Today::Docker => Program::Docker,
            Today::Crane => Program::Crane,
            Today::Oras => Program::Oras,
            Today::Skopeo => Program::Skopeo,
            Today::Podman => Program::Podman,
        }
    }
}

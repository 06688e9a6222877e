//! The clients of 2026, from Debian's unstable distribution.

use super::{Login, Outcome, Pulled, Pushed, Reference, Release, Tool};
use super::{crane, ctr, docker, oras, podman, skopeo};
use crate::image::Image;
use crate::world::World;
use std::time::Duration;

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

    fn push(
        self,
        world: &World,
        image: &Image,
        to: &Reference,
        login: &Login,
        patience: Duration,
    ) -> Outcome<Pushed> {
        let release = self.release();
        match self {
            Today::Ctr => ctr::push(world, release, image, to, login, patience),
            Today::Docker => docker::push(world, release, image, to, login, patience),
            Today::Crane => crane::push(world, image, to, login, patience),
            Today::Oras => oras::push(world, image, to, login, patience),
            Today::Skopeo => skopeo::push(world, release, image, to, login, patience),
            Today::Podman => podman::push(world, release, image, to, login, patience),
        }
    }

    fn pull(
        self,
        world: &World,
        from: &Reference,
        login: &Login,
        patience: Duration,
    ) -> Outcome<Pulled> {
        let release = self.release();
        match self {
            Today::Ctr => ctr::pull(world, release, from, login, patience),
            Today::Docker => docker::pull(world, release, from, login, patience),
            Today::Crane => crane::pull(world, from, login, patience),
            Today::Oras => oras::pull(world, from, login, patience),
            Today::Skopeo => skopeo::pull(world, release, from, login, patience),
            Today::Podman => podman::pull(world, release, from, login, patience),
        }
    }
}

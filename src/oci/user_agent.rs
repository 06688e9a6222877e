//! Client families: the client program, as one word of a fixed list, from its User-Agent.
//!
//! What this file deliberately doesn't know: versions, and whether the program tells the truth.

use crate::str_enum::str_enum;

str_enum! {
    /// A family of registry clients that behave alike at an edge.
    #[derive(Hash, PartialOrd, Ord)]
    pub enum ClientFamily {
        /// docker with the containerd store: pushes as containerd does.
        DockerContainerd "docker_containerd",
        /// docker with its own store.
        DockerClassic "docker_classic",
        Containerd "containerd",
        Buildkit "buildkit",
        Skopeo "skopeo",
        /// podman, buildah, CRI-O and others of containers/image.
        Containers "containers",
        /// crane, kaniko, ko.
        GoContainerregistry "go_containerregistry",
        Oras "oras",
        Helm "helm",
        Regclient "regclient",
        /// Another Harbor: replication and proxy cache.
        Harbor "harbor",
        /// Harbormouth's own canary and doctor.
        Harbormouth "harbormouth",
        Curl "curl",
        /// A Go program that doesn't name itself.
        GoHttp "go_http",
        Browser "browser",
        Other "other",
        /// No User-Agent.
        None "none",
    }
}

impl ClientFamily {
    /// The family that a User-Agent value names.
    pub fn of(user_agent: Option<&str>) -> ClientFamily {
        let Some(text) = user_agent.filter(|text| !text.is_empty()) else {
            return ClientFamily::None;
        };
        if text.starts_with("docker/") {
            // With the containerd store the push itself says so; its log-in requests don't.
            return if text.contains("containerd-client/") {
                ClientFamily::DockerContainerd
            } else {
                ClientFamily::DockerClassic
            };
        }
        // Programs built on a library name it behind their own name.
        let named = NAMES.iter().find(|(name, _)| text.contains(name));
        let begun = PREFIXES.iter().find(|(prefix, _)| text.starts_with(prefix));
        begun
            .or(named)
            .map_or(ClientFamily::Other, |(_, family)| *family)
    }
}

const PREFIXES: [(&str, ClientFamily); 16] = [
    ("Docker-Client/", ClientFamily::DockerClassic),
    ("containerd/", ClientFamily::Containerd),
    ("buildkit/", ClientFamily::Buildkit),
    ("skopeo/", ClientFamily::Skopeo),
    ("containers/", ClientFamily::Containers),
    ("Buildah/", ClientFamily::Containers),
    ("cri-o/", ClientFamily::Containers),
    ("oras/", ClientFamily::Oras),
    ("Helm/", ClientFamily::Helm),
    ("regclient/", ClientFamily::Regclient),
    ("harbor-", ClientFamily::Harbor),
    ("harbormouth-canary/", ClientFamily::Harbormouth),
    ("harbormouth-doctor/", ClientFamily::Harbormouth),
    ("curl/", ClientFamily::Curl),
    ("Go-http-client/", ClientFamily::GoHttp),
    ("Mozilla/", ClientFamily::Browser),
];

const NAMES: [(&str, ClientFamily); 4] = [
    ("go-containerregistry", ClientFamily::GoContainerregistry),
    ("oras-go", ClientFamily::Oras),
    ("regclient/", ClientFamily::Regclient),
    ("github.com/containers/image", ClientFamily::Containers),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_agents_have_families() {
        for (text, family) in [
            (
                "docker/20.10.24+dfsg1 go/go1.19.8 git-commit/5d6db84 os/linux arch/amd64 \
                 UpstreamClient(Docker-Client/28.2.2 \\(linux\\))",
                ClientFamily::DockerClassic,
            ),
            (
                "docker/29.7.2 go/go1.26.6 os/linux arch/amd64 containerd-client/2.3.3+unknown \
                 storage-driver/native UpstreamClient(Docker-Client/28.2.2 \\(linux\\))",
                ClientFamily::DockerContainerd,
            ),
            ("containerd/v2.3.4", ClientFamily::Containerd),
            ("containerd/1.6.20~ds1", ClientFamily::Containerd),
            ("buildkit/v0.19", ClientFamily::Buildkit),
            ("skopeo/1.22.2", ClientFamily::Skopeo),
            (
                "containers/5.24.1 (github.com/containers/image)",
                ClientFamily::Containers,
            ),
            (
                "crane/v0.21.9 go-containerregistry/v0.21.9",
                ClientFamily::GoContainerregistry,
            ),
            (
                "kaniko/v1.9 go-containerregistry/v0.14",
                ClientFamily::GoContainerregistry,
            ),
            ("oras/1.3.3", ClientFamily::Oras),
            ("oras-go", ClientFamily::Oras),
            ("Helm/3.18.0", ClientFamily::Helm),
            ("regclient/regctl (v0.11.5+dirty)", ClientFamily::Regclient),
            ("harbor-registry-client", ClientFamily::Harbor),
            ("harbormouth-canary/0.1.0", ClientFamily::Harbormouth),
            ("harbormouth-doctor/0.1.0", ClientFamily::Harbormouth),
            ("harbormouth/0.1.0", ClientFamily::Other),
            ("curl/8.5.0", ClientFamily::Curl),
            ("Go-http-client/2.0", ClientFamily::GoHttp),
            ("Mozilla/5.0 (X11; Linux x86_64)", ClientFamily::Browser),
            ("python-requests/2.31", ClientFamily::Other),
            ("dockerish/1", ClientFamily::Other),
        ] {
            assert_eq!(ClientFamily::of(Some(text)), family, "{text}");
        }
        assert_eq!(ClientFamily::of(None), ClientFamily::None);
        assert_eq!(ClientFamily::of(Some("")), ClientFamily::None);
    }

    #[test]
    fn words_are_unique() {
        for family in ClientFamily::ALL {
            let same = ClientFamily::ALL
                .iter()
                .filter(|other| other.as_str() == family.as_str());
            assert_eq!(same.count(), 1, "{family}");
        }
    }
}

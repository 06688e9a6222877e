//! A Harbor: the fake core in front of a real Distribution registry.

use crate::clients::Login;
use crate::common::plain_http::{self, Answer};
use crate::common::process::{self, Process};
use crate::common::tools;
use crate::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::{Backing, FakeHarbor, FakeHarborConfig};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// What core uses towards its registry; no client ever sees it.
const INNER_USER: &str = "harbor_registry_user";
const INNER_PASSWORD: &str = "harbor_registry_password";

/// What is otherwise in a core's setup.
pub type Change = fn(&mut FakeHarborConfig);

/// A core as it was recorded.
pub const AS_RECORDED: Change = |_| {};

pub struct Harbor {
    core: FakeHarbor,
    /// One, unless something stands between core and several.
    registries: Vec<Registry>,
}

impl Harbor {
    /// Starts one that was told to be reached as `external_url`.
    pub fn start(world: &World, external_url: &str) -> Harbor {
        Harbor::start_with(world, external_url, AS_RECORDED)
    }

    /// The same with a core that is set up otherwise.
    pub fn start_with(world: &World, external_url: &str, change: Change) -> Harbor {
        Harbor::start_before(world, external_url, change, 1, |registries| registries[0])
    }

    /// The same with `count` registries, each with storage of its own; `between` says what core
    /// takes for its registry, told where they are.
    pub fn start_before(
        world: &World,
        external_url: &str,
        change: Change,
        count: usize,
        between: impl FnOnce(&[SocketAddr]) -> SocketAddr,
    ) -> Harbor {
        let registries: Vec<Registry> = (0..count).map(|_| Registry::start(world)).collect();
        let addresses: Vec<SocketAddr> = registries.iter().map(|each| each.address).collect();
        Harbor::before(world, external_url, change, registries, between(&addresses))
    }

    /// With these registries, of which core asks what is at this address.
    pub fn before(
        world: &World,
        external_url: &str,
        change: Change,
        registries: Vec<Registry>,
        address: SocketAddr,
    ) -> Harbor {
        let external_url = Origin::parse(external_url).expect("an external URL");
        let mut config = FakeHarborConfig {
            backing: Backing::Distribution {
                address,
                username: INNER_USER.to_owned(),
                password: INNER_PASSWORD.to_owned(),
            },
            ..FakeHarborConfig::example(external_url)
        };
        change(&mut config);
        let core = world
            .runtime
            .block_on(FakeHarbor::start(config))
            .expect("start core");
        Harbor { core, registries }
    }

    /// Core itself, to look at what arrived there and to break it.
    pub fn core(&self) -> &FakeHarbor {
        &self.core
    }

    /// Where core listens.
    pub fn address(&self) -> SocketAddr {
        self.core.address()
    }

    /// A developer's login; the project `lab` knows it.
    pub fn login(&self) -> Login {
        Login {
            user: "alice".to_owned(),
            password: "Alice12345".to_owned(),
        }
    }

    /// A login that may do everything.
    pub fn admin(&self) -> Login {
        Login {
            user: "admin".to_owned(),
            password: "Harbor12345".to_owned(),
        }
    }

    /// The digest that the (first) registry itself has for a tag, asked past core and everything
    /// else.
    pub fn digest_of(&self, repository: &str, tag: &str) -> Option<String> {
        self.registries[0].digest_of(repository, tag)
    }

    /// The uploads that are open in all its registries.
    pub fn open_uploads(&self) -> usize {
        self.registries.iter().map(Registry::open_uploads).sum()
    }

    /// The tags of a repository in the (first) registry.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        self.registries[0].tags(repository)
    }

    /// The file in which the (first) registry keeps a blob.
    pub fn blob_file(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").expect("a sha256 digest");
        let storage = self.registries[0].home.path().join("storage");
        let blobs = storage.join("docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }
}

/// A Distribution registry with storage in a directory.
pub struct Registry {
    _process: Process,
    home: TempDir,
    pub address: SocketAddr,
}

/// Who may use a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access<'a> {
    Everybody,
    /// One user, with Basic.
    Password(&'a str, &'a str),
}

impl Registry {
    /// As Harbor runs it.
    fn start(world: &World) -> Registry {
        Registry::start_for(world, Access::Password(INNER_USER, INNER_PASSWORD))
    }

    pub fn start_for(world: &World, access: Access<'_>) -> Registry {
        let home = world.directory("registry");
        let file = home.path().join("registry.yml");
        let auth = match access {
            Access::Everybody => String::new(),
            Access::Password(user, password) => write_htpasswd(world, home.path(), user, password),
        };
        let storage = files_in(home.path());
        std::fs::write(&file, configuration(&auth, &storage)).expect("registry.yml");
        let mut command = world.command("docker-registry", home.path());
        command.arg("serve").arg(&file);
        Registry::run(home, command)
    }

    /// As Harbor runs it, with this `storage`, run by another program: `within` is what stands before
    /// the command.
    pub fn start_within(world: &World, within: &[String], storage: &str) -> Registry {
        let home = world.directory("registry");
        let file = home.path().join("registry.yml");
        let auth = write_htpasswd(world, home.path(), INNER_USER, INNER_PASSWORD);
        std::fs::write(&file, configuration(&auth, storage)).expect("registry.yml");
        let (program, before) = within.split_first().expect("a program");
        let mut command = world.command(program, home.path());
        command.args(before).arg(tools::path("docker-registry"));
        command.arg("serve").arg(&file);
        Registry::run(home, command)
    }

    fn run(home: TempDir, command: Command) -> Registry {
        let mut process = Process::start("docker-registry", command);
        let address = process.wait_for("its address", Duration::from_secs(30), |out, err| {
            let said = format!("{out}{err}");
            said.split_once("listening on ")?
                .1
                .split_once('"')?
                .0
                .parse()
                .ok()
        });
        Registry {
            _process: process,
            home,
            address,
        }
    }

    /// The uploads that were begun and neither committed nor cancelled: those whose beginning is
    /// still noted. Of a cancelled one the registry leaves empty directories and a hash's state.
    pub fn open_uploads(&self) -> usize {
        let repositories = "storage/docker/registry/v2/repositories";
        let mut open = vec![self.home.path().join(repositories)];
        let mut uploads = 0;
        while let Some(folder) = open.pop() {
            // What isn't there has nothing in it.
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                if entry.file_name() == "startedat" {
                    uploads += 1
                } else {
                    open.push(entry.path())
                }
            }
        }
        uploads
    }

    /// The tags of a repository, as they are stored.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let storage = self.home.path().join("storage/docker/registry/v2");
        let tags = storage.join(format!("repositories/{repository}/_manifests/tags"));
        // A repository that isn't there has none.
        let entries = std::fs::read_dir(tags).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }

    fn digest_of(&self, repository: &str, tag: &str) -> Option<String> {
        let pair = STANDARD.encode(format!("{INNER_USER}:{INNER_PASSWORD}"));
        let answer: Answer = plain_http::ask(
            self.address,
            "HEAD",
            &format!("/v2/{repository}/manifests/{tag}"),
            &[
                &format!("Authorization: Basic {pair}"),
                "Accept: application/vnd.oci.image.manifest.v1+json",
                "Accept: application/vnd.docker.distribution.manifest.v2+json",
            ],
        );
        match answer.status {
            200 => answer.header("docker-content-digest").map(str::to_owned),
            404 => None,
            status => panic!("the registry answered {status}"),
        }
    }
}

/// Returns the configuration's lines for it.
fn write_htpasswd(world: &World, home: &Path, user: &str, password: &str) -> String {
    let mut htpasswd = world.command("htpasswd", home);
    htpasswd.args(["-nbB", user, password]);
    std::fs::write(home.join("htpasswd"), process::must(htpasswd)).expect("the password file");
    format!(
        "auth: {{ htpasswd: {{ realm: harbor-registry-basic-realm, path: '{}/htpasswd' }} }}\n",
        home.display()
    )
}

/// The lines of a storage in this directory.
fn files_in(home: &Path) -> String {
    format!(
        "  filesystem: {{ rootdirectory: '{}/storage' }}\n",
        home.display()
    )
}

fn configuration(auth: &str, storage: &str) -> String {
    format!(
        "version: 0.1\n\
         log: {{ level: info }}\n\
         http: {{ addr: '127.0.0.1:0', secret: not-a-secret }}\n\
         {auth}\
         storage:\n{storage}  delete: {{ enabled: true }}\n"
    )
}

//! The image that deploy/Dockerfile makes of the binary under test: its stage `runtime`, built by
//! buildah without pulling or compiling anything, and unpacked by umoci.
//!
//! What the real base brings (a C library, authorities, mount points) comes from this machine
//! instead: the binary is linked against this machine's library, and nothing can be pulled here.

use crate::common::process;
use crate::world::World;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

const BASE: &str = "localhost/harbormouth-test-base";
const IMAGE: &str = "localhost/harbormouth-test";
pub const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

/// A built image.
pub struct Built {
    place: TempDir,
    /// What a registry would serve as the image's configuration.
    pub config: Value,
    /// Compressed sizes, the base's layers first.
    pub layer_sizes: Vec<u64>,
    /// The paths in the layer that the Dockerfile adds to its base.
    pub added: Vec<String>,
}

impl Built {
    /// Built when a test first asks for it. What it wrote goes with the run's directory.
    pub fn get(world: &World) -> &'static Built {
        static BUILT: OnceLock<Built> = OnceLock::new();
        BUILT.get_or_init(|| Built::new(world))
    }

    fn new(world: &World) -> Built {
        let place = world.directory("built");
        open_to_all(&place);
        let path = place.path();
        make_base(&path.join("base"), &world.ca.bundle());
        make_binary(&path.join("binary"));
        fs::write(path.join("Base"), "FROM scratch\nCOPY . /\n").expect("the base's Dockerfile");
        build(world, path, "Base", BASE, &[], "base");
        let repository = env!("CARGO_MANIFEST_DIR");
        let dockerfile = format!("{repository}/deploy/Dockerfile");
        let binary = format!("build={}", path.join("binary").display());
        let revision = format!("REVISION={REVISION}");
        let runtime_base = format!("RUNTIME_BASE={BASE}");
        let arguments = [
            ["--target", "runtime"],
            ["--build-context", &binary],
            ["--build-arg", &runtime_base],
            ["--build-arg", &revision],
        ];
        let arguments = arguments.as_flattened();
        build(world, path, &dockerfile, IMAGE, arguments, repository);
        let mut push = buildah(world, path);
        push.args(["push", "--quiet", IMAGE, "oci:oci:made"]);
        process::must(push);
        let mut unpack = world.command("umoci", path);
        unpack.current_dir(path);
        unpack.args(["unpack", "--image", "oci:made", "bundle"]);
        process::must(unpack);
        // Its owner's alone until here.
        fs::set_permissions(path.join("bundle"), PermissionsExt::from_mode(0o755))
            .expect("open the bundle");
        Built::read(place)
    }

    fn read(place: TempDir) -> Built {
        let layout = place.path().join("oci");
        let index = json(&layout.join("index.json"));
        let manifest = blob(&layout, &index["manifests"][0]["digest"]);
        let manifest = json(&manifest);
        let layers = manifest["layers"].as_array().expect("layers");
        let last = blob(&layout, &layers.last().expect("a layer")["digest"]);
        let mut list = Command::new("tar");
        list.arg("--list").arg("--gzip").arg("--file").arg(last);
        let added = process::must(list).lines().map(str::to_owned).collect();
        let size = |layer: &Value| layer["size"].as_u64().expect("a size");
        Built {
            config: json(&blob(&layout, &manifest["config"]["digest"])),
            layer_sizes: layers.iter().map(size).collect(),
            added,
            place,
        }
    }

    /// The unpacked root.
    pub fn root(&self) -> PathBuf {
        self.place.path().join("bundle/rootfs")
    }

    /// The image for `docker load`, called `name`.
    pub fn docker_archive(&self, world: &World, name: &str) -> PathBuf {
        let file = self.place.path().join("docker.tar");
        let mut copy = world.command("skopeo", self.place.path());
        copy.current_dir(self.place.path());
        copy.args(["--insecure-policy", "copy", "--quiet", "oci:oci:made"]);
        copy.arg(format!("docker-archive:{}:{name}", file.display()));
        process::must(copy);
        file
    }

    /// What a container runtime would be told to do.
    pub fn runtime_config(&self) -> Value {
        json(&self.place.path().join("bundle/config.json"))
    }
}

/// Lets every user reach what is in a directory of the run, as the gateway's user must.
pub fn open_to_all(place: &TempDir) {
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("open a directory");
    };
    mode(place.path(), 0o755);
    mode(place.path().parent().expect("the run's directory"), 0o711);
}

fn buildah(world: &World, place: &Path) -> Command {
    let mut command = world.command("buildah", place);
    command.current_dir(place);
    command.args(["--storage-driver", "vfs", "--root", "store"]);
    command.args(["--runroot", "run"]);
    command
}

fn build(
    world: &World,
    place: &Path,
    dockerfile: &str,
    tag: &str,
    arguments: &[&str],
    context: &str,
) {
    let mut command = buildah(world, place);
    command.args(["bud", "--quiet", "--isolation", "chroot"]);
    command.args(["--pull-never", "--file", dockerfile, "--tag", tag]);
    command.args(arguments).arg(context);
    process::must(command);
}

/// What distroless/cc has that matters here: the libraries, at the paths where they are, the
/// authorities (the run's own), and the places where a container runtime mounts.
fn make_base(base: &Path, authorities: &Path) {
    let mut ldd = Command::new("ldd");
    ldd.arg(env!("CARGO_BIN_EXE_harbormouth"));
    let needed = process::must(ldd);
    let libraries: Vec<&Path> = needed
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(Path::new)
        .collect();
    assert!(!libraries.is_empty(), "no library in:\n{needed}");
    for library in libraries {
        copy(library, &base.join(library.strip_prefix("/").expect("/")));
    }
    copy(authorities, &base.join("etc/ssl/certs/ca-certificates.crt"));
    for (file, text) in [
        ("etc/nsswitch.conf", "hosts: files dns\n"),
        ("etc/hosts", ""),
        ("etc/resolv.conf", ""),
    ] {
        fs::write(base.join(file), text).expect("a file of the base");
    }
    fs::create_dir_all(base.join("proc")).expect("a mount point");
}

/// The stand-in for the stage `build`.
fn make_binary(place: &Path) {
    let binary = Path::new(env!("CARGO_BIN_EXE_harbormouth"));
    copy(binary, &place.join("harbormouth"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
    fs::copy(from, to).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
}

fn blob(layout: &Path, digest: &Value) -> PathBuf {
    let digest = digest.as_str().expect("a digest");
    layout.join("blobs").join(digest.replace(':', "/"))
}

fn json(file: &Path) -> Value {
    let text = fs::read(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

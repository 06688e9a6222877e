//! Images made from nothing: OCI layouts whose layers are real tar archives of random bytes, so
//! every image is new to every registry and client.

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// The tag inside every layout.
pub const TAG: &str = "made";

/// An image as an OCI layout in a directory.
pub struct Image {
    pub layout: PathBuf,
    pub config: String,
    pub manifest: String,
    /// Digests of the compressed layers.
    pub layers: Vec<String>,
}

impl Image {
    /// Writes a layout with one layer for each of `sizes` into `directory`.
    pub fn make(directory: &Path, sizes: &[u64]) -> Image {
        let blobs = directory.join("blobs/sha256");
        std::fs::create_dir_all(&blobs).expect("the layout's directory");
        let layers: Vec<Layer> = sizes
            .iter()
            .map(|&size| write_layer(&blobs, size).expect("write a layer"))
            .collect();
        let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "created": "2024-01-01T00:00:00Z",
            "config": { "Cmd": ["/nothing"] },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": layers.iter().map(|_| json!({ "created_by": "test" })).collect::<Vec<_>>(),
        });
        let (config_digest, config_size) = write_json(&blobs, &config);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config_digest,
                "size": config_size,
            },
            "layers": layers.iter().map(|layer| json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": layer.digest,
                "size": layer.size,
            })).collect::<Vec<_>>(),
        });
        let (manifest_digest, manifest_size) = write_json(&blobs, &manifest);
        let image = Image {
            layout: directory.to_owned(),
            config: config_digest,
            manifest: manifest_digest,
            layers: layers.into_iter().map(|layer| layer.digest).collect(),
        };
        image.write_index(manifest_size);
        image
    }

    /// The layout as a tar archive in which the image is called `name` for containerd.
    pub fn oci_archive(&self, file: &Path, name: &str) {
        let index_file = self.layout.join("index.json");
        let mut index: Value =
            serde_json::from_slice(&std::fs::read(&index_file).expect("read the index"))
                .expect("parse the index");
        index["manifests"][0]["annotations"]["io.containerd.image.name"] = json!(name);
        let mut archive = tar::Builder::new(File::create(file).expect("create the archive"));
        append(&mut archive, "index.json", index.to_string().as_bytes());
        archive
            .append_path_with_name(self.layout.join("oci-layout"), "oci-layout")
            .and_then(|()| archive.append_dir_all("blobs", self.layout.join("blobs")))
            .and_then(|()| archive.finish())
            .expect("write the archive");
    }

    /// The image as `docker load` takes it, called `name`.
    pub fn docker_archive(&self, file: &Path, name: &str) {
        let mut archive = tar::Builder::new(File::create(file).expect("create the archive"));
        let config_name = format!("{}.json", hex_of(&self.config));
        let layer_names: Vec<String> = self
            .layers
            .iter()
            .map(|layer| format!("{}/layer.tar", hex_of(layer)))
            .collect();
        let manifest = json!([{
            "Config": config_name,
            "RepoTags": [name],
            "Layers": layer_names,
        }]);
        archive
            .append_path_with_name(self.blob(&self.config), &config_name)
            .expect("the config");
        for (layer, name) in self.layers.iter().zip(&layer_names) {
            archive
                .append_path_with_name(self.blob(layer), name)
                .expect("a layer");
        }
        append(
            &mut archive,
            "manifest.json",
            manifest.to_string().as_bytes(),
        );
        archive.finish().expect("write the archive");
    }

    /// The file that holds a blob.
    pub fn blob(&self, digest: &str) -> PathBuf {
        self.layout.join("blobs/sha256").join(hex_of(digest))
    }

    fn write_index(&self, manifest_size: usize) {
        let index = json!({
            "schemaVersion": 2,
            "manifests": [{
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": self.manifest,
                "size": manifest_size,
                "platform": { "architecture": "amd64", "os": "linux" },
                "annotations": { "org.opencontainers.image.ref.name": TAG },
            }],
        });
        let layout = json!({ "imageLayoutVersion": "1.0.0" });
        std::fs::write(self.layout.join("index.json"), index.to_string()).expect("the index");
        std::fs::write(self.layout.join("oci-layout"), layout.to_string()).expect("oci-layout");
    }
}

/// The digest of what `source` gives, read to its end.
pub fn digest_of(mut source: impl Read) -> io::Result<String> {
    let mut hashing = Hashing::new(io::sink());
    io::copy(&mut source, &mut hashing)?;
    Ok(hashing.finish().0)
}

/// Writes what `source` gives into `file`, and returns its digest.
pub fn write_hashed(mut source: impl Read, file: &Path) -> io::Result<String> {
    let mut hashing = Hashing::new(BufWriter::with_capacity(1 << 20, File::create(file)?));
    io::copy(&mut source, &mut hashing)?;
    let (digest, _, mut file) = hashing.finish();
    file.flush()?;
    Ok(digest)
}

struct Layer {
    digest: String,
    diff_id: String,
    size: u64,
}

/// Writes a tar archive with one file of `size` random bytes, gzipped without compression (random
/// bytes don't compress, and trying costs seconds a gigabyte).
fn write_layer(blobs: &Path, size: u64) -> io::Result<Layer> {
    let unnamed = tempfile::NamedTempFile::new_in(blobs)?;
    let file = Hashing::new(BufWriter::with_capacity(1 << 20, unnamed.as_file()));
    let mut archive = tar::Builder::new(Hashing::new(GzEncoder::new(file, Compression::none())));
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    let random = File::open("/dev/urandom")?.take(size);
    archive.append_data(&mut header, "random", random)?;
    let (diff_id, _, gzip) = archive.into_inner()?.finish();
    let (digest, size, mut file) = gzip.finish()?.finish();
    file.flush()?;
    drop(file);
    unnamed
        .persist(blobs.join(hex_of(&digest)))
        .map_err(|e| e.error)?;
    Ok(Layer {
        digest,
        diff_id,
        size,
    })
}

fn write_json(blobs: &Path, value: &Value) -> (String, usize) {
    let bytes = value.to_string().into_bytes();
    let digest = digest_of(bytes.as_slice()).expect("hash memory");
    std::fs::write(blobs.join(hex_of(&digest)), &bytes).expect("write a blob");
    (digest, bytes.len())
}

fn append(archive: &mut tar::Builder<File>, name: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    archive
        .append_data(&mut header, name, bytes)
        .expect("append to the archive");
}

fn hex_of(digest: &str) -> &str {
    digest.strip_prefix("sha256:").expect("a sha256 digest")
}

/// Passes bytes on, hashing and counting them.
struct Hashing<W> {
    to: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    fn new(to: W) -> Hashing<W> {
        Hashing {
            to,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    fn finish(self) -> (String, u64, W) {
        let hex: String = self
            .hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        (format!("sha256:{hex}"), self.bytes, self.to)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

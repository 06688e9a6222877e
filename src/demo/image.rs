//! An image made of a seed: a layer large enough to take a moment, a config, a manifest.

use crate::standin::content::{Pattern, digest};
use bytes::Bytes;

/// Large enough that an early refusal comes while it is being sent.
const LAYER: u64 = 64 * 1024 * 1024;

pub(super) struct Image {
    pub(super) repository: &'static str,
    pub(super) tag: &'static str,
    pub(super) layer: Layer,
    pub(super) config: Bytes,
    pub(super) manifest: Bytes,
}

/// A layer and its digest, which costs a pass over it.
pub(super) struct Layer {
    pub(super) content: Pattern,
    pub(super) digest: String,
}

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

impl Image {
    /// Each seed is another image, so that nothing is there already.
    pub(super) fn new(seed: u64) -> Image {
        let content = Pattern { seed, size: LAYER };
        let layer = Layer {
            digest: content.digest(),
            content,
        };
        let config = format!(
            "{{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{{\"type\":\"layers\",\
             \"diff_ids\":[\"{}\"]}}}}",
            layer.digest
        );
        let manifest = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\"config\":{{\"mediaType\":\
             \"application/vnd.oci.image.config.v1+json\",\"digest\":\"{}\",\"size\":{}}},\
             \"layers\":[{{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\
             \"digest\":\"{}\",\"size\":{LAYER}}}]}}",
            digest(config.as_bytes()),
            config.len(),
            layer.digest
        );
        Image {
            repository: "lab/demo",
            tag: "v1",
            layer,
            config: config.into(),
            manifest: manifest.into(),
        }
    }
}

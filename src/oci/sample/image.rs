//! The smallest image that every registry takes: one layer that is made of a seed, a
//! configuration, a manifest.

use super::content::{Pattern, digest};
use bytes::Bytes;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

pub struct Image {
    pub layer: Layer,
    pub(crate) config: Bytes,
    pub(crate) manifest: Bytes,
}

/// A layer and its digest, which costs a pass over it.
pub struct Layer {
    pub(crate) content: Pattern,
    pub digest: String,
}

impl Image {
    /// Another layer is another image.
    pub fn new(content: Pattern) -> Image {
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
             \"digest\":\"{}\",\"size\":{}}}]}}",
            digest(config.as_bytes()),
            config.len(),
            layer.digest,
            content.size
        );
        Image {
            layer,
            config: config.into(),
            manifest: manifest.into(),
        }
    }
}

//! The image that the demo pushes: its layer is large enough to take a moment.

use crate::sample::content::Pattern;
use crate::sample::image::{Image as Content, Layer};
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

pub(super) use crate::sample::image::MANIFEST;

impl Image {
    /// Each seed is another image, so that nothing is there already.
    pub(super) fn new(seed: u64) -> Image {
        let Content {
            layer,
            config,
            manifest,
        } = Content::new(Pattern { seed, size: LAYER });
        Image {
            repository: "lab/demo",
            tag: "v1",
            layer,
            config,
            manifest,
        }
    }
}

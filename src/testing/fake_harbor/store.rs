//! The memory behind the fake Harbor: blobs, manifests, tags, open uploads. It knows the registry's
//! data model and nothing of HTTP.

use super::content::{MAGIC, Pattern, digest_of};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::Mutex;

#[derive(Default)]
pub(super) struct Store {
    blobs: HashMap<String, Arc<Blob>>,
    repositories: BTreeMap<String, Repository>,
    pub(super) uploads: HashMap<String, Arc<Mutex<StoredUpload>>>,
}

pub(super) struct Blob {
    pub(super) size: u64,
    content: BlobContent,
}

#[derive(Clone)]
enum BlobContent {
    Kept(Vec<Bytes>),
    /// Made of a seed, which is kept in its place.
    Made(u64),
    /// Too large to keep and no pattern: the digest and the size are all that is left.
    Forgotten,
}

#[derive(Default)]
pub(super) struct Repository {
    blobs: HashSet<String>,
    pub(super) manifests: BTreeMap<String, Manifest>,
    pub(super) tags: BTreeMap<String, String>,
    /// Harbor knows a repository from its first manifest on.
    pub(super) known: bool,
}

#[derive(Clone)]
pub(super) struct Manifest {
    pub(super) media_type: String,
    pub(super) body: Bytes,
    pub(super) subject: Option<String>,
    pub(super) artifact_type: String,
}

/// An upload that goes on.
pub(super) struct StoredUpload {
    pub(super) repository: String,
    pub(super) uuid: String,
    pub(super) started: String,
    pub(super) size: u64,
    hasher: Sha256,
    content: BlobContent,
    keep_up_to: u64,
}

impl Store {
    pub(super) fn blob(&self, repository: &str, digest: &str) -> Option<Arc<Blob>> {
        let linked = self.repositories.get(repository)?.blobs.contains(digest);
        linked.then(|| self.blobs.get(digest).cloned()).flatten()
    }

    /// Whether any repository has the blob.
    pub(super) fn has_anywhere(&self, digest: &str) -> bool {
        self.blobs.contains_key(digest)
    }

    pub(super) fn link_blob(&mut self, repository: &str, digest: &str) {
        let repository = self.repository_mut(repository);
        repository.blobs.insert(digest.into());
    }

    pub(super) fn unlink_blob(&mut self, repository: &str, digest: &str) {
        self.repository_mut(repository).blobs.remove(digest);
    }

    pub(super) fn put_pattern(&mut self, repository: &str, digest: &str, pattern: Pattern) {
        let Pattern { seed, size } = pattern;
        self.put(repository, digest, size, BlobContent::Made(seed));
    }

    pub(super) fn repository(&self, name: &str) -> Option<&Repository> {
        let repository = self.repositories.get(name);
        repository.filter(|repository| repository.known)
    }

    pub(super) fn repository_mut(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.into()).or_default()
    }

    pub(super) fn known_repositories(&self) -> impl Iterator<Item = &str> {
        let known = self.repositories.iter().filter(|(_, known)| known.known);
        known.map(|(name, _)| name.as_str())
    }

    /// Forgets what a project holds, and its open uploads with it.
    pub(super) fn remove_project(&mut self, project: &str) {
        let is_outside = |repository: &str| repository.split('/').next() != Some(project);
        self.repositories.retain(|name, _| is_outside(name));
        self.uploads.retain(|_, upload| {
            // One that a request is writing to is that request's to end.
            let upload = upload.try_lock();
            upload.map_or(true, |upload| is_outside(&upload.repository))
        });
    }

    pub(super) fn begin(&mut self, upload: StoredUpload) {
        let uuid = upload.uuid.clone();
        self.uploads.insert(uuid, Arc::new(Mutex::new(upload)));
    }

    /// Makes a finished upload a blob of its repository.
    pub(super) fn commit(&mut self, upload: &StoredUpload, digest: &str) {
        let content = upload.content.clone();
        self.put(&upload.repository, digest, upload.size, content);
        self.uploads.remove(&upload.uuid);
    }

    fn put(&mut self, repository: &str, digest: &str, size: u64, content: BlobContent) {
        let blob = Arc::new(Blob { size, content });
        self.blobs.insert(digest.into(), blob);
        self.link_blob(repository, digest);
    }
}

impl StoredUpload {
    /// One that begins now. What is larger than `keep_up_to` is not kept.
    pub(super) fn new(repository: &str, keep_up_to: u64) -> StoredUpload {
        StoredUpload {
            repository: repository.into(),
            uuid: uuid::Uuid::new_v4().to_string(),
            started: humantime::format_rfc3339_nanos(SystemTime::now()).to_string(),
            size: 0,
            hasher: Sha256::new(),
            content: BlobContent::Kept(Vec::new()),
            keep_up_to,
        }
    }

    pub(super) fn append(&mut self, bytes: Bytes) {
        self.hasher.update(&bytes);
        let at = self.size;
        self.size += bytes.len() as u64;
        match &mut self.content {
            BlobContent::Kept(pieces) => {
                pieces.push(bytes);
                if self.size > self.keep_up_to {
                    self.content =
                        recognised(pieces).map_or(BlobContent::Forgotten, BlobContent::Made);
                }
            }
            BlobContent::Made(seed) if !is_made(*seed, at, &bytes) => {
                self.content = BlobContent::Forgotten
            }
            BlobContent::Made(_) | BlobContent::Forgotten => {}
        }
    }

    pub(super) fn digest(&self) -> String {
        digest_of(self.hasher.clone())
    }
}

/// The seed that these pieces are made of, if they are.
fn recognised(pieces: &[Bytes]) -> Option<u64> {
    let mut head = pieces.iter().flatten().copied();
    let magic: Vec<u8> = head.by_ref().take(MAGIC.len()).collect();
    let seed: Vec<u8> = head.take(8).collect();
    let seed = u64::from_le_bytes(seed.try_into().ok()?);
    let mut at = 0;
    let are_made = pieces.iter().all(|piece| {
        let begin = at;
        at += piece.len() as u64;
        is_made(seed, begin, piece)
    });
    (magic == MAGIC && are_made).then_some(seed)
}

/// Whether these are the bytes at `at` of what is made of a seed.
fn is_made(seed: u64, at: u64, bytes: &Bytes) -> bool {
    let size = u64::MAX;
    Pattern { seed, size }.bytes(at, bytes.len() as u64) == *bytes
}

impl Blob {
    /// The bytes from `from` up to (not including) `to`, piece by piece; `None` if forgotten.
    pub(super) fn pieces(
        &self,
        from: u64,
        to: u64,
    ) -> Option<Box<dyn Iterator<Item = Bytes> + Send>> {
        let size = self.size;
        match &self.content {
            BlobContent::Forgotten => None,
            BlobContent::Made(seed) => {
                const PIECE: u64 = 64 * 1024;
                let pattern = Pattern { seed: *seed, size };
                let starts = (from..to).step_by(PIECE as usize);
                Some(Box::new(
                    starts.map(move |at| pattern.bytes(at, PIECE.min(to - at))),
                ))
            }
            BlobContent::Kept(kept) => {
                let mut at = 0;
                let mut pieces = Vec::new();
                for piece in kept {
                    let end = at + piece.len() as u64;
                    let (first, last) = (from.max(at), to.min(end));
                    if first < last {
                        pieces.push(piece.slice((first - at) as usize..(last - at) as usize));
                    }
                    at = end;
                }
                Some(Box::new(pieces.into_iter()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_recognised_in_whatever_pieces_it_comes() {
        let pattern = Pattern {
            seed: 9,
            size: 1000,
        };
        let whole = pattern.bytes(0, 1000);
        for piece in [1, 7, 16, 64, 1000] {
            let mut upload = StoredUpload::new("lab/x", 100);
            for bytes in whole.chunks(piece) {
                upload.append(Bytes::copy_from_slice(bytes));
            }
            let is_recognised = matches!(upload.content, BlobContent::Made(9));
            assert!(is_recognised, "pieces of {piece}");
        }
        for place in [0, 10, 50, 500] {
            let mut damaged = whole.to_vec();
            damaged[place] ^= 1;
            let mut upload = StoredUpload::new("lab/x", 100);
            for bytes in damaged.chunks(90) {
                upload.append(Bytes::copy_from_slice(bytes));
            }
            let is_forgotten = matches!(upload.content, BlobContent::Forgotten);
            assert!(is_forgotten, "damaged at {place}");
        }
    }
}

//! The memory behind the stand-in: blobs, manifests, tags, open uploads. It knows the registry's
//! data model and nothing of HTTP.

use super::content::{Pattern, digest_of};
use super::recognition::Recognition;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

#[derive(Default)]
pub(super) struct Store {
    discard_over: Option<u64>,
    blobs: HashMap<String, Arc<Blob>>,
    repositories: BTreeMap<String, Repository>,
    uploads: HashMap<String, Arc<tokio::sync::Mutex<Upload>>>,
}

pub(super) struct Blob {
    pub(super) size: u64,
    pub(super) content: Content,
}

pub(super) enum Content {
    Kept(Vec<Bytes>),
    Made(Pattern),
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
pub(super) struct Upload {
    pub(super) repository: String,
    pub(super) started: String,
    pub(super) size: u64,
    hasher: Sha256,
    kept: Option<Vec<Bytes>>,
    recognition: Recognition,
    keep_up_to: u64,
}

impl Store {
    pub(super) fn new(discard_over: Option<u64>) -> Store {
        Store {
            discard_over,
            ..Store::default()
        }
    }

    pub(super) fn blob(&self, repository: &str, digest: &str) -> Option<Arc<Blob>> {
        let linked = self.repositories.get(repository)?.blobs.contains(digest);
        linked.then(|| self.blobs.get(digest).cloned()).flatten()
    }

    /// Whether any repository has the blob.
    pub(super) fn has_anywhere(&self, digest: &str) -> bool {
        self.blobs.contains_key(digest)
    }

    pub(super) fn link_blob(&mut self, repository: &str, digest: &str) {
        self.repositories
            .entry(repository.into())
            .or_default()
            .blobs
            .insert(digest.into());
    }

    pub(super) fn unlink_blob(&mut self, repository: &str, digest: &str) -> bool {
        let repository = self.repositories.get_mut(repository);
        repository.is_some_and(|repository| repository.blobs.remove(digest))
    }

    pub(super) fn put_pattern(&mut self, repository: &str, digest: &str, pattern: Pattern) {
        let blob = Blob {
            size: pattern.size,
            content: Content::Made(pattern),
        };
        self.blobs.insert(digest.into(), Arc::new(blob));
        self.link_blob(repository, digest);
    }

    pub(super) fn repository(&self, name: &str) -> Option<&Repository> {
        self.repositories
            .get(name)
            .filter(|repository| repository.known)
    }

    pub(super) fn repository_mut(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.into()).or_default()
    }

    pub(super) fn known_repositories(&self) -> impl Iterator<Item = &str> {
        self.repositories
            .iter()
            .filter(|(_, known)| known.known)
            .map(|(name, _)| name.as_str())
    }

    pub(super) fn begin_upload(&mut self, repository: &str, started: String) -> String {
        let uuid = uuid::Uuid::new_v4().to_string();
        let upload = Upload {
            repository: repository.into(),
            started,
            size: 0,
            hasher: Sha256::new(),
            kept: Some(Vec::new()),
            recognition: Recognition::new(),
            keep_up_to: self.discard_over.unwrap_or(u64::MAX),
        };
        self.uploads
            .insert(uuid.clone(), Arc::new(tokio::sync::Mutex::new(upload)));
        uuid
    }

    pub(super) fn upload(&self, uuid: &str) -> Option<Arc<tokio::sync::Mutex<Upload>>> {
        self.uploads.get(uuid).cloned()
    }

    pub(super) fn end_upload(&mut self, uuid: &str) {
        self.uploads.remove(uuid);
    }

    pub(super) fn open_uploads(&self) -> usize {
        self.uploads.len()
    }

    /// Makes a finished upload a blob of its repository.
    pub(super) fn commit(&mut self, uuid: &str, upload: &mut Upload, digest: &str) {
        let content = match (upload.kept.take(), upload.recognition.finish(upload.size)) {
            (Some(kept), _) => Content::Kept(kept),
            (None, Some(pattern)) => Content::Made(pattern),
            (None, None) => Content::Forgotten,
        };
        self.blobs.insert(
            digest.into(),
            Arc::new(Blob {
                size: upload.size,
                content,
            }),
        );
        self.link_blob(&upload.repository, digest);
        self.end_upload(uuid);
    }
}

impl Upload {
    pub(super) fn append(&mut self, bytes: Bytes) {
        self.hasher.update(&bytes);
        self.recognition.look(self.size, &bytes);
        self.size += bytes.len() as u64;
        if self.size > self.keep_up_to {
            self.kept = None;
        }
        if let Some(kept) = &mut self.kept {
            kept.push(bytes);
        }
    }

    pub(super) fn digest(&self) -> String {
        digest_of(self.hasher.clone())
    }
}

impl Blob {
    /// The bytes from `from` up to (not including) `to`, piece by piece; `None` if forgotten.
    pub(super) fn pieces(
        self: Arc<Blob>,
        from: u64,
        to: u64,
    ) -> Option<Box<dyn Iterator<Item = Bytes> + Send>> {
        match &self.content {
            Content::Forgotten => None,
            Content::Made(pattern) => {
                const PIECE: u64 = 64 * 1024;
                let pattern = *pattern;
                let starts = (from..to).step_by(PIECE as usize);
                Some(Box::new(
                    starts.map(move |at| pattern.bytes(at, PIECE.min(to - at))),
                ))
            }
            Content::Kept(kept) => {
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

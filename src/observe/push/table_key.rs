//! Keys of tables: hashes in place of the texts. A collision would only mix up two entries of a page:
//! no permission depends on these keys.

use std::hash::{DefaultHasher, Hash, Hasher};

pub(crate) fn key(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

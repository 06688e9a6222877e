//! Keys of tables: a hash in place of the texts it stands for. Two that fall together would mix up
//! two entries of a page, nothing else: nobody's rights hang on it.

use std::hash::{DefaultHasher, Hash, Hasher};

pub(crate) fn key(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

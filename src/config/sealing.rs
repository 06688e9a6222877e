//! From the names of key files to the keyring of each registry. What a key file holds is
//! `ticket`'s knowledge. Where no file is named there is no keyring: a random key is the server's
//! to make.

use super::draft::{DraftKeys, DraftReattach};
use super::files::Surroundings;
use super::problem::{Complaint, Key, Keyed, Problems, Shown};
use super::types::{Reattach, SealingKeys};
use crate::ticket::{self, KeyId, Keyring};
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What is needed to read key files.
pub(super) struct Reader<'a, 'b> {
    pub(crate) surroundings: &'a Surroundings<'b>,
    pub(crate) problems: &'a mut Problems,
    pub(crate) warnings: &'a mut Vec<String>,
}

impl Reader<'_, '_> {
    /// Builds a table; what it doesn't say is as in `inherited`.
    pub(crate) fn reattach(&mut self, draft: &DraftReattach, inherited: &Reattach) -> Reattach {
        let keys = match &draft.keys {
            Some(keys) => self.sealing_keys(keys),
            None => inherited.keys.clone(),
        };
        Reattach {
            mode: draft.mode.unwrap_or(inherited.mode),
            keys,
            client_address: draft.client_address.unwrap_or(inherited.client_address),
        }
    }

    fn sealing_keys(&mut self, draft: &DraftKeys) -> Option<SealingKeys> {
        let mut seen: Vec<(KeyId, &Key)> = Vec::new();
        let files = draft.current.iter().chain(&draft.previous);
        // Every file is read before any ends this: all problems at once.
        let mut read = Vec::new();
        for file in files {
            let Some((path, key)) = self.read(file) else {
                continue;
            };
            match seen.iter().find(|(id, _)| *id == key.id()) {
                Some((id, first)) => self.problems.add(
                    &file.key,
                    Complaint::SameSealingKey {
                        file: Shown::new(&file.value),
                        id: *id,
                        first: (*first).clone(),
                    },
                ),
                None => seen.push((key.id(), &file.key)),
            }
            read.push((path, key));
        }
        let mut read = read.into_iter();
        // Where the current key is missing among them, a problem says so and this isn't used.
        let (current, key) = read.next()?;
        let (previous, others) = read.unzip();
        Some(SealingKeys {
            current,
            previous,
            keyring: Arc::new(Keyring::new(key, others)),
        })
    }

    fn read(&mut self, file: &Keyed<String>) -> Option<(PathBuf, ticket::Key)> {
        let (path, content) = self.surroundings.contents(file, self.problems)?;
        match ticket::Key::read(&Zeroizing::new(content)) {
            Ok(key) => {
                let warning = self.surroundings.warning_of_readers(file, &path);
                self.warnings.extend(warning);
                Some((path, key))
            }
            Err(error) => {
                let shown = Shown::new(&file.value);
                let complaint = Complaint::SealingKey { file: shown, error };
                self.problems.add(&file.key, complaint);
                None
            }
        }
    }
}

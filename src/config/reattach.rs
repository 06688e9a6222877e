//! What the gateway does for uploads whose Authorization gets lost on the way, and with which keys.
//! `tickets` knows the content of a key file. If no file is configured there is no keyring here: the
//! server makes a random key.

use super::files::{self, Making};
use super::problem::{Complaint, Key, Keyed, Shown};
use super::setting::{Count, List, Made, Setting, made};
use super::table::settings;
use super::text::FILE;
use super::values::choice;
use crate::str_enum::str_enum;
use crate::tickets::{self, KeyId, Keyring};
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

pub(super) const ACCEPTED: &str = "a table with mode, keys, client_address";

settings! {
    /// What is done for uploads whose Authorization gets lost on the way.
    #[derive(Clone, Debug)]
    pub struct Reattach as DraftReattach {
        /// Whether upload Locations carry a sealed ticket.
        pub mode: ReattachMode = "ticket or off", or ReattachMode::Ticket;
        /// The files of the sealing keys, which all replicas share; unless set, each process makes a key
        /// at its start.
        pub keys: Option<SealingKeys> = "a table with current and previous";
        /// What happens when a ticket comes from another client address: `ignore`, `note` (a line in the
        /// log) or `require` (refused).
        pub client_address: ClientAddressRule = "ignore, note or require", or ClientAddressRule::Note;
    }
}

impl DraftReattach {
    /// Takes what isn't set from `inherited`, `keys` as a whole.
    pub(super) fn inherit(&mut self, inherited: &DraftReattach) {
        let DraftReattach {
            mode,
            keys,
            client_address,
        } = inherited.clone();
        self.mode = self.mode.take().or(mode);
        self.keys = self.keys.take().or(keys);
        self.client_address = self.client_address.take().or(client_address);
    }
}

str_enum! {
    pub enum ReattachMode {
        /// Upload Locations carry a sealed ticket, from which the token is re-attached.
        Ticket "ticket",
        /// No ticket is issued and none is opened.
        Off "off",
    }
}

choice!(ReattachMode);

str_enum! {
    /// What it means when a ticket comes back from another client address than it was issued to.
    pub enum ClientAddressRule {
        /// Nothing.
        Ignore "ignore",
        /// The log says so.
        Note "note",
        /// The ticket is refused.
        Require "require",
    }
}

choice!(ClientAddressRule);

/// The files that sealing keys were read from, and the keys.
#[derive(Clone, Debug)]
pub struct SealingKeys {
    pub(crate) current: PathBuf,
    pub(crate) previous: Vec<PathBuf>,
    pub keyring: Arc<Keyring>,
}

settings! {
    #[derive(Clone)]
    pub(super) struct KeyFiles as DraftKeys {
        /// The file of the key that seals new tickets and opens old ones.
        current: String = FILE;
        /// Files of keys that only open tickets, for a rotation.
        previous: Vec<String> = List { accepted: "a list of key files", item: FILE, count: Count::Any };
    }
}

made!(SealingKeys);

impl Made for SealingKeys {
    type Keys = KeyFiles;

    fn make(
        _: KeyFiles,
        draft: &Keyed<DraftKeys>,
        making: &mut Making<'_, '_>,
    ) -> Option<SealingKeys> {
        let mut seen: Vec<(KeyId, &Key)> = Vec::new();
        let previous = draft.value.previous.iter().flat_map(|files| &files.value);
        // Every file is read before any ends this: all problems at once.
        let mut keys = Vec::new();
        for file in draft.value.current.iter().chain(previous) {
            let Some((path, key)) = read(file, making) else {
                continue;
            };
            match seen.iter().find(|(id, _)| *id == key.id()) {
                Some((id, first)) => making.problems.add(
                    &file.key,
                    Complaint::SameSealingKey {
                        file: Shown::new(&file.value),
                        id: *id,
                        first: (*first).clone(),
                    },
                ),
                None => seen.push((key.id(), &file.key)),
            }
            keys.push((path, key));
        }
        let mut keys = keys.into_iter();
        // Where the current key is missing among them, a problem says so and this isn't used.
        let (current, key) = keys.next()?;
        let (previous, others) = keys.unzip();
        Some(SealingKeys {
            current,
            previous,
            keyring: Arc::new(Keyring::new(key, others)),
        })
    }

    fn keys(&self) -> KeyFiles {
        KeyFiles {
            current: files::name(&self.current),
            previous: self.previous.iter().map(|file| files::name(file)).collect(),
        }
    }
}

fn read(
    file: &Keyed<String>,
    making: &mut Making<'_, '_>,
) -> Option<(PathBuf, tickets::SealingKey)> {
    let (path, content) = making.contents(file)?;
    match tickets::SealingKey::read(&Zeroizing::new(content)) {
        Ok(key) => {
            making.warn_of_readers(file, &path);
            Some((path, key))
        }
        Err(error) => {
            let shown = Shown::new(&file.value);
            let complaint = Complaint::SealingKey { file: shown, error };
            making.problems.add(&file.key, complaint);
            None
        }
    }
}

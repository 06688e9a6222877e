//! Networks in a file of their own, which another program keeps: the addresses that a content delivery
//! network publishes, say.

use super::files::{self, Making};
use super::problem::{Complaint, Keyed, Shown};
use super::setting::{Made, Setting, made};
use super::text::NETWORK;
use super::warning::Warning;
use ipnet::IpNet;
use std::path::PathBuf;

/// Each is compared with every client's address; the longest lists that are published have some hundreds.
const MOST: usize = 2000;

pub(super) const TRUSTS_EVERYBODY: &str =
    "trusts everybody; any client can claim any address and scheme";

/// The networks, as read from the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NetworksFile {
    pub(crate) file: PathBuf,
    pub(crate) networks: Vec<IpNet>,
}

made!(NetworksFile);

impl Made for NetworksFile {
    type Keys = String;

    fn make(_: String, draft: &Keyed<String>, making: &mut Making<'_, '_>) -> Option<NetworksFile> {
        let (file, bytes) = making.contents(draft)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut networks = Vec::new();
        let mut is_sound = true;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            match (NETWORK.parse)(line) {
                Ok(network) => networks.push(network),
                Err(_) => {
                    is_sound = false;
                    let (file, value) = (Shown::new(&draft.value), Shown::new(line));
                    let complaint = Complaint::NetworksFile {
                        file,
                        number,
                        value,
                    };
                    making.problems.add(&draft.key, complaint);
                    // The first one tells what kind of file it is.
                    break;
                }
            }
        }
        if networks.len() > MOST {
            let file = Shown::new(&draft.value);
            let (found, most) = (networks.len(), MOST);
            let complaint = Complaint::TooManyNetworks { file, found, most };
            making.problems.add(&draft.key, complaint);
            return None;
        }
        if let Some(everybody) = networks.iter().find(|network| network.prefix_len() == 0) {
            let text = format_args!("{everybody} {}", TRUSTS_EVERYBODY);
            making.warnings.push(Warning::new(&draft.key, text));
        }
        is_sound.then_some(NetworksFile { file, networks })
    }

    fn keys(&self) -> String {
        files::name(&self.file)
    }
}

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

const ACCEPTED: &str =
    "an IP address or a network on each line, such as 10.0.0.0/8, and comments that begin with #";

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
        let shown = || Shown::new(&draft.value);
        let read = networks(&String::from_utf8_lossy(&bytes)).map_err(|(number, complaint)| {
            let (file, complaint) = (shown(), Box::new(complaint));
            Complaint::InLine {
                file,
                number,
                complaint,
            }
        });
        let networks = read.and_then(|networks| match networks.len() {
            ..=MOST => Ok(networks),
            found => Err(Complaint::TooManyNetworks {
                file: shown(),
                found,
                most: MOST,
            }),
        });
        let networks = networks
            .map_err(|complaint| making.problems.add(&draft.key, complaint))
            .ok()?;
        if let Some(everybody) = networks.iter().find(|network| network.prefix_len() == 0) {
            let text = format_args!("{everybody} {TRUSTS_EVERYBODY}");
            making.warnings.push(Warning::new(&draft.key, text));
        }
        Some(NetworksFile { file, networks })
    }

    fn keys(&self) -> String {
        files::name(&self.file)
    }
}

/// One on each line that has more than a comment.
///
/// # Errors
/// What is wrong with the first line that is none, with its number: it tells what kind of file this is.
fn networks(text: &str) -> Result<Vec<IpNet>, (usize, Complaint)> {
    let lines = (1..).zip(text.lines());
    let lines = lines.map(|(number, line)| {
        let line = line.split('#').next().unwrap_or_default();
        (number, line.trim())
    });
    let lines = lines.filter(|(_, line)| !line.is_empty());
    let network = |(number, line): (usize, &str)| {
        (NETWORK.parse)(line).map_err(|flaw| {
            (
                number,
                flaw.unwrap_or_else(|| Complaint::value(line, ACCEPTED)),
            )
        })
    };
    lines.map(network).collect()
}

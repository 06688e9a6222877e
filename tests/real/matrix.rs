//! Every chain with every client, without Harbormouth and with it on either side of the hop.

use crate::chain::{Chain, ExternalUrl, InnerName, Place, Plan, REPOSITORY};
use crate::clients::{Client, Outcome, PATIENCE};
use crate::hops::{ForwardedHost, GOOD, HostHeader, Manners, SchemeHeader};
use crate::image::Image;
use crate::world::World;
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::Duration;

/// What a push comes to without Harbormouth.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    Works,
    /// Fails with one of these in the client's words, or doesn't end.
    Breaks(&'static [&'static str]),
}
use Expected::{Breaks, Works};

struct Case {
    name: &'static str,
    plan: Plan,
    /// ctr, docker, skopeo, podman.
    without: [Expected; 4],
}

const PLAIN: Plan = Plan {
    port: 443,
    manners: GOOD,
    external_url: ExternalUrl::Public,
    inner_name: InnerName::Untold,
};

const CASES: &[Case] = &[
    Case { name: "good_hop", plan: PLAIN, without: [Works, Works, Works, Works] },
    Case {
        name: "port_in_host",
        plan: Plan { manners: Manners { host: HostHeader::WithPort443, ..GOOD }, ..PLAIN },
        without: [Breaks(&["401"]), Works, Works, Works],
    },
    Case {
        name: "scheme_lost",
        plan: Plan { manners: Manners { scheme: SchemeHeader::Lost, ..GOOD }, ..PLAIN },
        without: [Breaks(&["401"]), Breaks(&["unknown blob"]), Breaks(&[""]), Breaks(&[""])],
    },
    Case {
        name: "port_in_host_and_scheme_lost",
        plan: Plan {
            manners: Manners { host: HostHeader::WithPort443, scheme: SchemeHeader::Lost, ..GOOD },
            ..PLAIN
        },
        without: [Breaks(&["400"]), Breaks(&["400"]), Breaks(&["400"]), Breaks(&["400"])],
    },
    Case {
        name: "port_lost",
        plan: Plan {
            port: 8443,
            manners: Manners { host: HostHeader::WithoutPort, ..GOOD },
            ..PLAIN
        },
        without: [Breaks(&["refused"]), Breaks(&["refused"]), Breaks(&["refused"]), Breaks(&["refused"])],
    },
    Case {
        name: "inner_forwarded_host",
        plan: Plan { manners: Manners { forwarded_host: ForwardedHost::Inner, ..GOOD }, ..PLAIN },
        without: [Breaks(&["lookup"]), Breaks(&["lookup"]), Breaks(&["lookup"]), Breaks(&["lookup"])],
    },
    Case {
        name: "inner_realm",
        plan: Plan { external_url: ExternalUrl::Inner, inner_name: InnerName::Told, ..PLAIN },
        without: [Breaks(&["lookup"]), Breaks(&["lookup"]), Breaks(&["lookup"]), Breaks(&["lookup"])],
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for case in CASES {
        for place in [Place::Without, Place::BehindTheHop, Place::BeforeTheHop] {
            for (client, expected) in Client::ALL.into_iter().zip(case.without) {
                let name = format!("{}::{}::{}", case.name, place.name(), client.name());
                let world = world.clone();
                let plan = case.plan;
                trials.push(Trial::test(name, move || {
                    let chain = Chain::start(&world, plan, place);
                    match (place, expected) {
                        (Place::Without, Breaks(says)) => breaks(&world, &chain, client, says),
                        (Place::Without, Works)
                        | (Place::BehindTheHop | Place::BeforeTheHop, _) => {
                            works(&world, &chain, client);
                        }
                    }
                    Ok(())
                }));
            }
        }
    }
    trials
}

/// Push, pull and the same digests everywhere.
fn works(world: &World, chain: &Chain, client: Client) {
    let image = Image::make(&world.directory("image"), &[200_000, 3_000, 1_000_000]);
    let reference = chain.reference("v1");
    let patience = Duration::from_secs(60);
    let pushed = client.push(world, &image, &reference, &chain.login(), patience).expect("push");
    let stored = chain.harbor.digest_of(REPOSITORY, "v1");
    assert_eq!(stored.as_ref(), Some(&pushed.manifest), "stored and pushed");
    let pulled = client.pull(world, &reference, &chain.login(), patience).expect("pull");
    assert_eq!(pulled.manifest, pushed.manifest, "pulled and pushed");
    assert_eq!(pulled.config, image.config, "pulled and made");
}

/// The push doesn't succeed, the way clients say it today.
fn breaks(world: &World, chain: &Chain, client: Client, says: &[&str]) {
    let image = Image::make(&world.directory("image"), &[200_000, 3_000]);
    let reference = chain.reference("v1");
    match client.push(world, &image, &reference, &chain.login(), PATIENCE) {
        Outcome::Done(_) => panic!("the push works without Harbormouth: this chain shows nothing"),
        Outcome::Failed(said) => {
            let expected = says.iter().any(|words| said.contains(words));
            if std::env::var_os("SHOW").is_some() { eprintln!("{} {} FAILED: {said}", chain.host, client.name()); }
            assert!(expected, "the push fails, but not with one of {says:?}:\n{said}");
        }
        Outcome::Hanging(_said) => {if std::env::var_os("SHOW").is_some() { eprintln!("{} {} HANGS {_said}",chain.host, client.name()); }}
    }
    assert_eq!(chain.harbor.digest_of(REPOSITORY, "v1"), None, "a tag appeared nevertheless");
}

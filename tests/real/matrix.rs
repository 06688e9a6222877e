//! Every chain with one hop, with every client: without Harbormouth, with it behind the hop, and
//! with it before the hop.

use crate::chain::{Chain, ExternalUrl, InnerLink, InnerName, PLAIN, Place, Plan};
use crate::check::{self, Expected, Expected::Breaks, Expected::Works, Trip};
use crate::clients::{Client, Today, Tool};
use crate::hops::{ForwardedHost, GOOD, HostHeader, Manners, SchemeHeader};
use crate::seeing;
use crate::world::{World, trial};
use harbormouth::oci::repair::Repair;
use libtest_mimic::Trial;
use std::sync::Arc;

struct Case {
    name: &'static str,
    plan: Plan,
    places: &'static [Place],
    /// Without Harbormouth; in the order of [`Client::ALL`].
    without: [Expected; 4],
    /// The same for the clients of today, in the order of [`Today::ALL`], where they are tried: without
    /// Harbormouth, and with it behind the hop.
    today: Option<[Expected; 6]>,
    /// What Harbormouth puts right before the hop. Behind it, it speaks to Harbor itself.
    repair: Repair,
}

/// A chain where the clients of today are not tried.
const CASE: Case = Case {
    name: "",
    plan: PLAIN,
    places: EVERYWHERE,
    without: [Works; 4],
    today: None,
    repair: Repair::LocationAbsolute,
};

const EVERYWHERE: &[Place] = &[Place::Without, Place::BehindTheHop, Place::BeforeTheHop];

const fn through(manners: Manners) -> Plan {
    Plan { manners, ..PLAIN }
}

/// What ctr logs when it drops its credentials, because Location names another host or scheme.
const DROPPED: &str = "upload changed destination";
const UNKNOWN_NAME: Expected = Breaks(&["lookup harbor.internal"]);
const REFUSED: Expected = Breaks(&["connection refused"]);
const HTTP_TO_TLS: Expected = Breaks(&["400", "The plain HTTP request wa"]);
const FOLLOWED_A_REDIRECT: Expected = Breaks(&["uploading layer chunked: unauthorized"]);

const CASES: &[Case] = &[
    Case {
        name: "good_hop",
        plan: PLAIN,
        places: EVERYWHERE,
        today: Some([Works; 6]),
        ..CASE
    },
    Case {
        name: "good_hop_in_tls",
        plan: Plan {
            inner_link: InnerLink::Tls,
            ..PLAIN
        },
        places: &[Place::BehindTheHop, Place::BeforeTheHop],
        without: [Works, Works, Works, Works],
        repair: Repair::LocationAbsolute,
        ..CASE
    },
    Case {
        name: "port_in_host",
        plan: through(Manners {
            host: HostHeader::WithPort443,
            ..GOOD
        }),
        places: EVERYWHERE,
        without: [
            Breaks(&[DROPPED, ":443", "401 Unauthorized"]),
            Works,
            Works,
            Works,
        ],
        // As in 2022: the two that carry containerd's pusher break, and nobody else.
        today: Some([
            Breaks(&["example.test:443/v2/", "401 Unauthorized"]),
            Breaks(&["error from registry: unauthorized"]),
            Works,
            Works,
            Works,
            Works,
        ]),
        // The X-Forwarded-Host that Harbormouth sends counts for more than the Host.
        repair: Repair::LocationAbsolute,
    },
    Case {
        name: "port_in_forwarded_host",
        plan: through(Manners {
            forwarded_host: ForwardedHost::WithPort443,
            ..GOOD
        }),
        places: EVERYWHERE,
        without: [
            Breaks(&[DROPPED, ":443", "401 Unauthorized"]),
            Works,
            Works,
            Works,
        ],
        repair: Repair::LocationPort,
        ..CASE
    },
    Case {
        name: "scheme_lost",
        plan: through(Manners {
            scheme: SchemeHeader::Lost,
            ..GOOD
        }),
        places: EVERYWHERE,
        without: [
            Breaks(&[DROPPED, "scheme=http ", "401 Unauthorized"]),
            Breaks(&["unknown blob"]),
            FOLLOWED_A_REDIRECT,
            FOLLOWED_A_REDIRECT,
        ],
        repair: Repair::LocationScheme,
        ..CASE
    },
    Case {
        name: "port_in_host_and_scheme_lost",
        plan: through(Manners {
            host: HostHeader::WithPort443,
            scheme: SchemeHeader::Lost,
            ..GOOD
        }),
        places: EVERYWHERE,
        without: [HTTP_TO_TLS, HTTP_TO_TLS, HTTP_TO_TLS, HTTP_TO_TLS],
        repair: Repair::LocationScheme,
        ..CASE
    },
    Case {
        name: "port_lost",
        plan: Plan {
            port: 8443,
            manners: Manners {
                host: HostHeader::WithoutPort,
                ..GOOD
            },
            ..PLAIN
        },
        places: EVERYWHERE,
        // ctr doesn't report the refused connection. It hangs.
        without: [Breaks(&[DROPPED]), REFUSED, REFUSED, REFUSED],
        repair: Repair::LocationAbsolute,
        ..CASE
    },
    Case {
        name: "inner_forwarded_host",
        plan: through(Manners {
            forwarded_host: ForwardedHost::Inner,
            ..GOOD
        }),
        places: EVERYWHERE,
        without: [
            Breaks(&[DROPPED, "host=harbor.internal"]),
            UNKNOWN_NAME,
            UNKNOWN_NAME,
            UNKNOWN_NAME,
        ],
        repair: Repair::LocationUnknown,
        ..CASE
    },
    Case {
        name: "inner_host",
        // Behind this hop Harbormouth couldn't know which registry is meant: it answers 421.
        places: &[Place::Without, Place::BeforeTheHop],
        plan: Plan {
            manners: Manners {
                host: HostHeader::Inner,
                forwarded_host: ForwardedHost::Inner,
                ..GOOD
            },
            inner_name: InnerName::Told,
            ..PLAIN
        },
        without: [
            Breaks(&[DROPPED, "host=harbor.internal"]),
            UNKNOWN_NAME,
            UNKNOWN_NAME,
            UNKNOWN_NAME,
        ],
        repair: Repair::LocationAlias,
        ..CASE
    },
    Case {
        name: "inner_realm",
        plan: Plan {
            external_url: ExternalUrl::Inner,
            inner_name: InnerName::Told,
            ..PLAIN
        },
        places: EVERYWHERE,
        without: [UNKNOWN_NAME, UNKNOWN_NAME, UNKNOWN_NAME, UNKNOWN_NAME],
        repair: Repair::Realm,
        ..CASE
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let of_case = |case: &'static Case| {
        let mut trials = Vec::new();
        for &place in case.places {
            for (client, without) in Client::ALL.into_iter().zip(case.without) {
                trials.push(trial_of(world, case, place, client, without));
            }
        }
        for place in [Place::Without, Place::BehindTheHop] {
            for (client, without) in Today::ALL.into_iter().zip(case.today.into_iter().flatten()) {
                trials.push(trial_of(world, case, place, client, without));
            }
        }
        trials
    };
    CASES.iter().flat_map(of_case).collect()
}

fn trial_of(
    world: &Arc<World>,
    case: &Case,
    place: Place,
    client: impl Tool + Send + 'static,
    without: Expected,
) -> Trial {
    let name = format!("{}::{}::{}", case.name, place.name(), client.name());
    let plan = case.plan;
    let (expected, repair) = match place {
        Place::Without => (without, Repair::LocationAbsolute),
        Place::BehindTheHop => (Works, Repair::LocationAbsolute),
        Place::BeforeTheHop => (Works, case.repair),
    };
    trial(world, name, move |world| {
        let chain = Chain::start(world, plan, place);
        run(world, &chain, client, expected);
        if let Some(gateway) = &chain.gateway {
            seeing::check(world, gateway, &chain.harbor.login(), repair);
        }
    })
}

fn run(world: &World, chain: &Chain, client: impl Tool, expected: Expected) {
    let trip = Trip {
        client,
        harbor: &chain.harbor,
        login: chain.harbor.login(),
        push_to: chain.reference(),
        pull_from: chain.reference(),
    };
    match expected {
        Works => {
            check::works(world, &trip);
        }
        Breaks(symptoms) => check::breaks(world, &trip, symptoms),
    }
}

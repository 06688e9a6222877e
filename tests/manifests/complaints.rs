//! Our own checks in one table: what no schema says, because it is about how objects fit together.

use crate::effective::{self, Effective};
use crate::rendered::Rendering;
use crate::{annotations, balancers, peers, pods, references};

/// A rendering and what its configuration means.
pub struct Subject<'a> {
    pub rendering: &'a Rendering,
    pub config: &'a Effective,
}

type Check = fn(&Subject) -> Vec<String>;

/// Every check by its name, which its complaints begin with.
pub const CHECKS: &[(&str, Check)] = &[
    ("selector", references::selectors),
    ("port", references::ports),
    ("listener", references::listeners),
    ("reference", references::references),
    ("volume", references::volumes),
    ("namespace", references::namespaces),
    ("secret", references::secrets),
    ("admin", references::admin_is_not_public),
    ("peers", peers::reach_each_other),
    ("identity", pods::identity),
    ("drain", pods::drain),
    ("scale", pods::scale),
    ("memory", pods::memory),
    ("image", pods::image),
    ("annotation", annotations::known),
    ("proxy", balancers::proxy_protocol),
    ("client address", balancers::client_address),
    ("balancer drain", balancers::drain),
    ("certificate", balancers::certificate),
];

/// The check that has no function: the gateway refuses the configuration, or warns of it.
pub const CONFIGURATION: &str = "configuration";

/// What is wrong with a rendering; nothing when all is well.
pub fn complaints(rendering: &Rendering) -> Vec<String> {
    let config = match effective::read(rendering) {
        Ok(config) => config,
        Err(said) => return vec![format!("{CONFIGURATION}: {said}")],
    };
    let subject = Subject {
        rendering,
        config: &config,
    };
    let of = |(name, check): &(&str, Check)| -> Vec<String> {
        let found = check(&subject);
        found.iter().map(|said| format!("{name}: {said}")).collect()
    };
    CHECKS.iter().flat_map(of).collect()
}

#[test]
fn every_rendering_fits_together() {
    for rendering in crate::rendered::all() {
        let complaints = complaints(rendering);
        assert!(complaints.is_empty(), "{}: {complaints:#?}", rendering.name);
    }
}

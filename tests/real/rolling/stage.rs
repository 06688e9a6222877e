//! The stage of the reloads: one gateway, and the files that it reads, which change in each of the
//! ways that operators have.

use super::https::Https;
use super::volume::{Kind, Volume};
use crate::common::ca::CertFiles;
use crate::common::gateway::Gateway;
use crate::common::plain_http;
use crate::common::wait;
use crate::gateways::ADMIN;
use crate::harbor::Harbor;
use crate::wire::Wire;
use crate::world::{Site, World};
use harbormouth::testing::fake_harbor::{BodyEnd, RecordedRequest};
use std::net::SocketAddr;
use std::time::Duration;

/// A change is noticed by then.
pub const SOON: Duration = Duration::from_secs(15);

/// client → gateway → wire → Harbor.
pub struct Stage {
    pub gateway: Gateway,
    pub harbor: Harbor,
    pub wire: Wire,
    pub site: Site,
    front: SocketAddr,
    configuration: Volume,
    pub certificate: Volume,
}

const CONFIGURATION: &str = "harbormouth.yaml";

impl Stage {
    pub fn start(world: &World) -> Stage {
        let site = world.site();
        let harbor = Harbor::start(world, &format!("https://{}", site.name()));
        let wire = Wire::start(harbor.address());
        let front = SocketAddr::from((site.public_address(), 443));
        let [cert, key] = issue(world, site);
        let files = [("tls.crt", cert.as_str()), ("tls.key", &key)];
        let certificate = Volume::new(Kind::Renamed, world.directory("certificate"), &files);
        let text = configuration(site, front, &certificate, wire.address, 0);
        let files = [(CONFIGURATION, text.as_str())];
        let configuration = Volume::new(Kind::Mounted, world.directory("configuration"), &files);
        Stage {
            gateway: Gateway::with_file(&configuration.path(CONFIGURATION)),
            harbor,
            wire,
            site,
            front,
            configuration,
            certificate,
        }
    }

    pub fn connect(&self, world: &World) -> Https {
        Https::connect(world, self.front, &self.site.name()).expect("a connection")
    }

    /// How much of the layer Harbor has, while it comes.
    pub fn received(&self) -> Option<u64> {
        let seen = self.harbor.core().seen();
        let is_it = |seen: &&RecordedRequest| seen.method == "PATCH" && seen.body == BodyEnd::Open;
        seen.iter().find(is_it).map(|seen| seen.received)
    }

    /// Each configuration has a registry that no other has.
    pub fn reconfigure(&self, number: u32) {
        let (site, front) = (self.site, self.front);
        let text = configuration(site, front, &self.certificate, self.wire.address, number);
        self.configuration.put(&[(CONFIGURATION, &text)]);
    }

    pub fn is_configured(&self, number: u32) {
        let shown = format!("registry=\"g{number}\"");
        wait::until(&shown, SOON, || {
            let metrics = self.gateway.metrics();
            let only = metrics.matches("registry=\"g").count() == metrics.matches(&shown).count();
            (metrics.contains(&shown) && only).then_some(())
        });
    }

    pub fn renew(&self, world: &World) {
        let [cert, key] = issue(world, self.site);
        self.certificate
            .put(&[("tls.crt", &cert), ("tls.key", &key)]);
    }

    pub fn is_renewed(&self, world: &World, before: &[u8]) {
        wait::until("the new certificate", SOON, || {
            (self.connect(world).certificate() != before).then_some(())
        });
    }

    pub fn break_it(&self) {
        let text = "listeners: [ { adress: nowhere } ]\n";
        self.configuration.put(&[(CONFIGURATION, text)]);
    }

    /// It is said everywhere, and the last good one is still in force.
    pub fn is_broken(&self, before: usize) {
        wait::until("a bad reload", SOON, || {
            (self.successful() == 0.0).then_some(())
        });
        assert_eq!(self.reloads(), before);
        let admin = self.gateway.admin.expect("an admin listener");
        let ready = plain_http::ask(admin, "GET", "/readyz", &[]);
        assert_eq!(ready.status, 200);
        assert!(ready.body.contains("adress"), "{}", ready.body);
        assert!(self.gateway.stderr().contains("adress"));
    }

    /// A reload has succeeded since.
    pub fn is_good(&self, before: usize) {
        wait::until("a good reload", SOON, || {
            (self.reloads() > before).then_some(())
        });
        assert_eq!(self.successful(), 1.0);
    }

    fn successful(&self) -> f64 {
        let family = "harbormouth_config_last_reload_successful";
        self.gateway.metric(family, &[])
    }

    /// How often it has put a configuration into force.
    pub fn reloads(&self) -> usize {
        let said = "the configuration was read again";
        self.gateway.stderr().matches(said).count()
    }
}

fn issue(world: &World, site: Site) -> [String; 2] {
    let CertFiles { cert, key } = world.ca.issue(&[&site.name()]);
    [cert, key].map(|file| std::fs::read_to_string(file).expect("read a certificate"))
}

fn configuration(
    site: Site,
    front: SocketAddr,
    certificate: &Volume,
    harbor: SocketAddr,
    number: u32,
) -> String {
    let at = certificate.directory();
    let registry = |name: &str, host: &str| {
        format!(
            "  - name: {name}\n    public: [ https://{host} ]\n    \
             upstream: {{ endpoints: [ http://{harbor} ] }}\n"
        )
    };
    format!(
        "listeners:\n  - address: {front}\n    \
         tls: {{ certificates: [ {{ cert: {at}/tls.crt, key: {at}/tls.key }} ] }}\n\
         {ADMIN}registries:\n{}{}",
        registry("hq", &site.name()),
        registry(&format!("g{number}"), &site.second_name()),
    )
}

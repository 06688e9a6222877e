use harbormouth::config::*;
use harbormouth::edge::origin::Origin;
use std::sync::Arc;
use std::time::Duration;
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let get = |name: &str| {
        args.iter()
            .position(|a| a == name)
            .map(|i| args[i + 1].clone())
    };
    let kind = match (get("--tls-cert"), get("--tls-key")) {
        (Some(cert), Some(key)) => {
            use rustls::pki_types::pem::PemObject;
            let chain: Vec<_> = rustls::pki_types::CertificateDer::pem_file_iter(&cert)?
                .collect::<Result<_, _>>()?;
            let k = rustls::pki_types::PrivateKeyDer::from_pem_file(&key)?;
            let k = rustls::crypto::ring::sign::any_supported_type(&k)?;
            ListenerKind::Tls {
                certificates: vec![CertificatePair {
                    cert: cert.into(),
                    key: key.into(),
                    certified: Arc::new(rustls::sign::CertifiedKey::new(chain, k)),
                    names: vec![],
                }],
            }
        }
        _ => ListenerKind::Plain,
    };
    harbormouth::server::run(Config {
        listeners: vec![Listener {
            address: get("--listen").unwrap_or("127.0.0.1:0".into()).parse()?,
            kind,
        }],
        admin: Admin {
            address: get("--admin").unwrap_or("127.0.0.1:0".into()).parse()?,
        },
        registries: vec![Arc::new(Registry {
            name: "harbor".into(),
            public: vec![Origin::parse(&get("--public").unwrap())?],
            upstream: Upstream {
                endpoints: vec![Origin::parse(&get("--upstream").unwrap())?],
                also_known_as: vec![],
                tls: Default::default(),
                health: Health {
                    path: "/".into(),
                    interval: Duration::from_secs(5),
                },
            },
            expose: Expose {
                registry: true,
                api: true,
                ui: true,
            },
            timeouts: Timeouts {
                connect: Duration::from_secs(5),
                between_bytes: Duration::from_secs(900),
                commit: Duration::from_secs(1800),
            },
        })],
        log: Log {
            format: LogFormat::Text,
        },
        drain_timeout: Duration::from_secs(10),
        threads: 2,
        warnings: vec![],
    })
}

//! What the environment says about traces, in OpenTelemetry's own variables
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
//!
//! Only what the exporter doesn't read itself stands here: whether there are traces at all, by which
//! protocol, which are sampled, how they are batched, and whom a receiver's certificate has to be from. A value that can't be used is one that isn't
//! there, as the specification has it, and a sentence says so: a cluster sets these variables for all that
//! run in it, which keeps no registry from starting.

use super::authorities::Authorities;
use opentelemetry_sdk::trace::Sampler;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// How traces are sampled and exported.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) protocol: Protocol,
    pub(super) sampler: Sampler,
    /// How long one question to the receiver may take.
    pub(super) timeout: Duration,
    pub(super) batches: Batches,
    /// None: the machine's.
    pub(super) authorities: Option<Authorities>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    HttpProtobuf,
}

/// How spans wait for their export. The defaults are the specification's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batches {
    /// Spans that may wait; 2,048 are 2 MiB or so.
    pub(super) queue: usize,
    /// Spans of one export.
    pub(super) most: usize,
    /// How long a span waits for others.
    pub(super) delay: Duration,
    /// How long one export may take, with what is tried again.
    pub(super) timeout: Duration,
}

/// What was found, and what there is to say about it.
pub(super) struct Found {
    /// None where no trace is exported.
    pub(super) settings: Option<Settings>,
    pub(super) warnings: Vec<String>,
}

/// Reads the variables by this function, which knows no empty ones.
pub(super) fn read(variable: &dyn Fn(&str) -> Option<String>) -> Found {
    let mut reader = Reader {
        variable,
        warnings: Vec::new(),
    };
    let settings = reader.is_on().then(|| reader.settings());
    Found {
        settings,
        warnings: reader.warnings,
    }
}

const UNUSED: [&str; 4] = [
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
];

struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    warnings: Vec<String>,
}

impl Reader<'_> {
    /// Off unless somebody says where spans go.
    fn is_on(&mut self) -> bool {
        let has = |name: &str| (self.variable)(name).is_some();
        let has_endpoint =
            has("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") || has("OTEL_EXPORTER_OTLP_ENDPOINT");
        let is_disabled = (self.variable)("OTEL_SDK_DISABLED");
        let is_disabled = is_disabled.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if !has_endpoint || is_disabled {
            return false;
        }
        let exporters = ["otlp", "none"];
        self.one_of("OTEL_TRACES_EXPORTER", &exporters) != Some("none")
    }

    fn settings(&mut self) -> Settings {
        self.tell_of_unused();
        let queue = self.above_zero("OTEL_BSP_MAX_QUEUE_SIZE", 2048);
        Settings {
            protocol: self.protocol(),
            sampler: self.sampler(),
            timeout: self.milliseconds(
                &[
                    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
                    "OTEL_EXPORTER_OTLP_TIMEOUT",
                ],
                10_000,
            ),
            batches: Batches {
                queue,
                most: self
                    .above_zero("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)
                    .min(queue),
                delay: self.milliseconds(&["OTEL_BSP_SCHEDULE_DELAY"], 5_000),
                timeout: self.milliseconds(&["OTEL_BSP_EXPORT_TIMEOUT"], 30_000),
            },
            authorities: self.authorities(),
        }
    }

    /// By the first of these variables whose file can be used.
    fn authorities(&mut self) -> Option<Authorities> {
        let names = [
            "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
        ];
        names.into_iter().find_map(|name| {
            let file = (self.variable)(name)?;
            let read = Authorities::read(Path::new(&file));
            let tell = |reason| self.tell(format!("{name}: {file:?} is ignored: it {reason}"));
            read.map_err(tell).ok()
        })
    }

    /// Whoever sets these counts on them.
    fn tell_of_unused(&mut self) {
        for name in UNUSED {
            if (self.variable)(name).is_some() {
                self.tell(format!(
                    "{name} is ignored: the receiver is shown no client certificate"
                ));
            }
        }
    }

    fn protocol(&mut self) -> Protocol {
        let names = [
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ];
        let known = ["grpc", "http/protobuf"];
        let said = names.into_iter().find_map(|name| self.one_of(name, &known));
        match said {
            Some("grpc") => Protocol::Grpc,
            Some(_) | None => Protocol::HttpProtobuf,
        }
    }

    fn sampler(&mut self) -> Sampler {
        let known = [
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
            "always_on",
            "always_off",
            "traceidratio",
        ];
        let name = self.one_of("OTEL_TRACES_SAMPLER", &known);
        let name = name.unwrap_or(known[0]);
        let root = match name.trim_start_matches("parentbased_") {
            "always_off" => Sampler::AlwaysOff,
            "traceidratio" => Sampler::TraceIdRatioBased(self.ratio()),
            _ => Sampler::AlwaysOn,
        };
        match name.starts_with("parentbased_") {
            true => Sampler::ParentBased(Box::new(root)),
            false => root,
        }
    }

    fn ratio(&mut self) -> f64 {
        let is_ratio = |ratio: &f64| (0.0..=1.0).contains(ratio);
        self.value("OTEL_TRACES_SAMPLER_ARG", "a number from 0 to 1", is_ratio)
            .unwrap_or(1.0)
    }

    fn above_zero(&mut self, name: &str, default: usize) -> usize {
        // What doesn't fit into memory isn't meant.
        let is_size = |size: &usize| (1..=1_000_000).contains(size);
        self.value(name, "a number from 1 to 1000000", is_size)
            .unwrap_or(default)
    }

    /// By the first of these variables that is set.
    fn milliseconds(&mut self, names: &[&str], default: u64) -> Duration {
        let found = names.iter().find_map(|name| {
            // Nobody waits longer than a day for a batch.
            let is_time = |time: &u64| *time <= 86_400_000;
            self.value(name, "milliseconds", is_time)
        });
        Duration::from_millis(found.unwrap_or(default))
    }

    fn value<T: FromStr>(
        &mut self,
        name: &str,
        accepted: &str,
        is_sound: impl FnOnce(&T) -> bool,
    ) -> Option<T> {
        let text = (self.variable)(name)?;
        let value = text.trim().parse().ok().filter(is_sound);
        if value.is_none() {
            self.complain(name, &text, accepted);
        }
        value
    }

    fn one_of<'k>(&mut self, name: &str, known: &[&'k str]) -> Option<&'k str> {
        let text = (self.variable)(name)?;
        let found = known.iter().find(|word| **word == text.trim());
        if found.is_none() {
            self.complain(name, &text, known.join(", "));
        }
        found.copied()
    }

    fn complain(&mut self, name: &str, text: &str, accepted: impl Display) {
        self.tell(format!("{name}: {text:?} is ignored; accepted: {accepted}"));
    }

    fn tell(&mut self, warning: String) {
        self.warnings.push(warning + " (docs/tracing.md)");
    }
}

#[cfg(test)]
mod tests;

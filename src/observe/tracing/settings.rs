//! What the environment says about traces, in OpenTelemetry's own variables
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
//!
//! Only what the exporter doesn't read itself stands here: whether there are traces at all, by which
//! protocol, which are sampled, and how they are batched. A value that can't be used is one that isn't
//! there, as the specification has it, and a sentence says so: a cluster sets these variables for all that
//! run in it, which keeps no registry from starting.

use opentelemetry_sdk::trace::Sampler;
use std::fmt::Display;
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
        self.warnings.push(format!(
            "{name}: {text:?} is ignored; accepted: {accepted} (docs/tracing.md)"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Found {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        read(&variable)
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    #[test]
    fn traces_are_off_until_somebody_says_where_they_go() {
        for (variables, is_on) in [
            (&[][..], false),
            (&[("OTEL_TRACES_SAMPLER", "always_on")], false),
            (&[ENDPOINT], true),
            (&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c")], true),
            (&[ENDPOINT, ("OTEL_SDK_DISABLED", "true")], false),
            (&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")], false),
            (&[ENDPOINT, ("OTEL_SDK_DISABLED", "1")], true),
            (&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")], false),
            (&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "otlp")], true),
        ] {
            let found = found(variables);
            assert_eq!(found.settings.is_some(), is_on, "{variables:?}");
            assert_eq!(found.warnings, [""; 0], "{variables:?}");
        }
    }

    #[test]
    fn the_defaults_are_the_specification_s() {
        let settings = found(&[ENDPOINT]).settings.unwrap();
        assert_eq!(settings.protocol, Protocol::HttpProtobuf);
        assert_eq!(settings.timeout, Duration::from_secs(10));
        let batches = Batches {
            queue: 2048,
            most: 512,
            delay: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
        };
        assert_eq!(settings.batches, batches);
        assert_eq!(format!("{:?}", settings.sampler), "ParentBased(AlwaysOn)");
    }

    #[test]
    fn each_sampler_has_its_name() {
        for (name, argument, expected) in [
            ("always_on", "0.5", "AlwaysOn"),
            ("always_off", "0.5", "AlwaysOff"),
            ("traceidratio", "0.5", "TraceIdRatioBased(0.5)"),
            ("parentbased_always_off", "0.5", "ParentBased(AlwaysOff)"),
            (
                "parentbased_traceidratio",
                " 0.01 ",
                "ParentBased(TraceIdRatioBased(0.01))",
            ),
        ] {
            let sampler = [
                ENDPOINT,
                ("OTEL_TRACES_SAMPLER", name),
                ("OTEL_TRACES_SAMPLER_ARG", argument),
            ];
            let settings = found(&sampler).settings.unwrap();
            assert_eq!(format!("{:?}", settings.sampler), expected);
        }
    }

    #[test]
    fn the_narrower_variable_counts_and_batches_fit_the_queue() {
        let settings = found(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ]);
        let settings = settings.settings.unwrap();
        assert_eq!(settings.protocol, Protocol::Grpc);
        assert_eq!(settings.timeout, Duration::from_millis(2));
        assert_eq!((settings.batches.queue, settings.batches.most), (100, 100));
    }

    #[test]
    fn what_cannot_be_used_is_named_all_at_once() {
        let found = found(&[
            ENDPOINT,
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.1"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_SCHEDULE_DELAY", "5s"),
        ]);
        let text = found.warnings.join("\n");
        for (name, accepted) in [
            ("OTEL_TRACES_EXPORTER: \"zipkin\"", "otlp, none"),
            (
                "OTEL_EXPORTER_OTLP_PROTOCOL: \"http/json\"",
                "grpc, http/protobuf",
            ),
            ("OTEL_TRACES_SAMPLER_ARG: \"1.1\"", "a number from 0 to 1"),
            ("OTEL_BSP_MAX_QUEUE_SIZE: \"0\"", "a number from 1"),
            ("OTEL_BSP_SCHEDULE_DELAY: \"5s\"", "milliseconds"),
        ] {
            let line = text.lines().find(|line| line.starts_with(name));
            assert!(
                line.unwrap_or_default().contains(accepted),
                "{name}\n{text}"
            );
        }
        assert_eq!(found.warnings.len(), 5);
        let settings = found.settings.unwrap();
        assert_eq!(settings.protocol, Protocol::HttpProtobuf);
        assert_eq!(format!("{:?}", settings.sampler), "TraceIdRatioBased(1.0)");
        assert_eq!(settings.batches.queue, 2048);
    }
}

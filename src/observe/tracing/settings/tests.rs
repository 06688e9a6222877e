//! What is made of the variables.

use super::*;
use std::fs;

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

#[test]
fn authorities_that_cannot_be_used_are_named_and_those_that_can_are_read() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = home.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let own = rcgen::generate_simple_self_signed(["collector".to_owned()]).unwrap();
    let good = file("ca.pem", &own.cert.pem());
    let empty = file("empty.pem", "");
    let absent = home.path().join("none.pem").display().to_string();
    let narrow = "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE";
    let wide = "OTEL_EXPORTER_OTLP_CERTIFICATE";
    for (set, is_read, warning) in [
        (&[(wide, &good)][..], true, None),
        (&[(narrow, &good), (wide, &absent)], true, None),
        (
            &[(narrow, &empty), (wide, &good)],
            true,
            Some((narrow, "it holds no certificate")),
        ),
        (&[(wide, &absent)], false, Some((wide, "it can't be read"))),
    ] {
        let set = set.iter().map(|(name, file)| (*name, file.as_str()));
        let variables: Vec<(&str, &str)> = [ENDPOINT].into_iter().chain(set).collect();
        let found = found(&variables);
        let authorities = found.settings.unwrap().authorities;
        assert_eq!(authorities.is_some(), is_read, "{variables:?}");
        assert_eq!(found.warnings.len(), usize::from(warning.is_some()));
        if let Some((name, said)) = warning {
            let text = &found.warnings[0];
            assert!(text.starts_with(name) && text.contains(said), "{text}");
        }
    }
}

#[test]
fn a_client_certificate_that_nobody_would_see_is_told() {
    let key = ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/tls/key.pem");
    let found = found(&[ENDPOINT, key]);
    assert_eq!(
        found.warnings,
        [
            "OTEL_EXPORTER_OTLP_CLIENT_KEY is ignored: the receiver is shown no client certificate \
             (docs/tracing.md)"
        ]
    );
}

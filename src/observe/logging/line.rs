//! The format of the gateway's own log lines. Access records arrive already formatted.

use crate::config::LogFormat;
use log::Record;
use std::io::Write;
use std::time::SystemTime;

pub(super) fn format_line(
    format: LogFormat,
    now: SystemTime,
    record: &Record<'_>,
    out: &mut Vec<u8>,
) {
    let time = humantime::format_rfc3339_millis(now);
    let level = record.level().as_str().to_ascii_lowercase();
    match format {
        LogFormat::Text => {
            let message = record.args().to_string();
            // One record, one line, whatever a peer managed to get into an error's text.
            let _ = writeln!(out, "{time} {level:5} {}", escape_controls(&message));
        }
        LogFormat::Json => {
            let line = serde_json::json!({
                "time": time.to_string(),
                "level": level,
                "target": record.target(),
                "message": record.args().to_string(),
            });
            let _ = writeln!(out, "{line}");
        }
    }
}

fn escape_controls(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::Level;
    use std::time::Duration;

    fn line(format: LogFormat, message: &str) -> String {
        let mut out = Vec::new();
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        format_line(
            format,
            at,
            &Record::builder()
                .level(Level::Warn)
                .target("t")
                .args(format_args!("{message}"))
                .build(),
            &mut out,
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(
            line(LogFormat::Text, "a\r\nb\x1b[31m"),
            "1970-01-01T00:00:01.500Z warn  a\\r\\nb\\u{1b}[31m\n"
        );
        assert_eq!(
            line(LogFormat::Json, "a\n\"b\""),
            "{\"level\":\"warn\",\"message\":\"a\\n\\\"b\\\"\",\"target\":\"t\",\"time\":\"1970-01-01T00:00:01.500Z\"}\n"
        );
    }
}

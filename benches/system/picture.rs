//! The ratios as a picture: a bar for each proxy in each row, nginx's length being one.

use crate::Measured;
use crate::proxies::Kind;
use crate::report::ratio;
use crate::work::Work;
use std::fmt::Write;

const LEFT: f64 = 260.0;
const UNIT: f64 = 150.0;
const BAR: f64 = 11.0;
/// Longer bars are cut, with their number beside them.
const LONGEST: f64 = 3.5;

pub fn svg(measured: &[Measured]) -> String {
    let mut bars = String::new();
    let mut y = 34.0;
    for work in Work::ALL {
        let rows = measured.iter().filter(|row| row.work == work);
        text(&mut bars, LEFT - 10.0, y + BAR, "end", &work.title());
        for row in rows {
            let ratio = ratio(measured, work, row.kind, Kind::Nginx).median;
            let width = UNIT * ratio.min(LONGEST);
            let _ = write!(
                bars,
                "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{}\" fill=\"{}\"/>",
                BAR - 2.0,
                colour(row.kind)
            );
            let said = format!("{ratio:.2} {}", row.kind.name());
            text(&mut bars, LEFT + width + 6.0, y + BAR - 2.0, "start", &said);
            y += BAR;
        }
        y += 10.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 {height}\" font-family=\"sans-serif\" font-size=\"9\">\
<rect width=\"960\" height=\"{height}\" fill=\"#fff\"/>\
<text x=\"10\" y=\"18\" font-size=\"13\">CPU time for the same work, nginx = 1; shorter is better (benches/RESULTS.md)</text>\
<line x1=\"{one}\" x2=\"{one}\" y1=\"26\" y2=\"{y}\" stroke=\"#999\" stroke-dasharray=\"3 3\"/>{bars}</svg>\n",
        height = y + 10.0,
        one = LEFT + UNIT,
    )
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, said: &str) {
    let _ = write!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{said}</text>"
    );
}

fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Harbormouth => "#0b5fa5",
        Kind::Nginx => "#7a7a7a",
        Kind::Haproxy => "#9a9a9a",
        Kind::HaproxySplice => "#b4b4b4",
        Kind::Caddy => "#c2b280",
        Kind::Envoy => "#b0a0c0",
        Kind::Traefik => "#a0c0b0",
    }
}

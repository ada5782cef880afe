//! Plots as SVG: points over time with a line to hold them against.

/// A series of points.
pub(super) struct Series {
    pub(super) name: String,
    /// Seconds since the start, and the value.
    pub(super) points: Vec<(f64, f64)>,
}

const COLOURS: [&str; 6] = ["#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#4b5563"];
const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 28.0;

/// A plot of seconds over seconds; `limit` is drawn as a dashed line.
pub(super) fn svg(title: &str, series: &[Series], limit: Option<f64>) -> String {
    let all = || series.iter().flat_map(|s| &s.points);
    let first = all().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let last = all().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max);
    let top = all().map(|p| p.1).chain(limit).fold(0.0, f64::max) * 1.1;
    if first >= last || top <= 0.0 {
        return String::new();
    }
    let x = |t: f64| LEFT + (t - first) / (last - first) * (WIDTH - LEFT - 10.0);
    let y = |v: f64| (HEIGHT - BOTTOM) - v / top * (HEIGHT - BOTTOM - 26.0);
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">");
    out.push_str(&format!("<text x=\"{LEFT}\" y=\"14\" class=\"t\">{title}</text>"));
    for step in 0..=4 {
        let value = top * f64::from(step) / 4.0;
        let at = y(value);
        out.push_str(&format!(
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" class=\"g\"/>",
            WIDTH - 10.0
        ));
        out.push_str(&format!(
            "<text x=\"{}\" y=\"{:.1}\" class=\"a\" text-anchor=\"end\">{value:.2}</text>",
            LEFT - 6.0,
            at + 4.0
        ));
        let time = first + (last - first) * f64::from(step) / 4.0;
        out.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{}\" class=\"a\" text-anchor=\"middle\">{time:.1} s</text>",
            x(time),
            HEIGHT - 10.0
        ));
    }
    if let Some(limit) = limit {
        let at = y(limit);
        out.push_str(&format!(
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" class=\"l\"/>",
            WIDTH - 10.0
        ));
    }
    for (one, colour) in series.iter().zip(COLOURS.iter().cycle()) {
        for (t, v) in &one.points {
            out.push_str(&format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2\" fill=\"{colour}\"/>",
                x(*t),
                y(*v)
            ));
        }
    }
    for (index, (one, colour)) in series.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let at = WIDTH - 10.0 - 160.0 * (index as f64);
        out.push_str(&format!(
            "<text x=\"{at}\" y=\"14\" class=\"a\" text-anchor=\"end\" fill=\"{colour}\">● {}</text>",
            super::html::escape(&one.name)
        ));
    }
    out.push_str("</svg>");
    out
}

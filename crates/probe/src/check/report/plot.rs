//! Plots as SVG: points over time, and for each series a line to hold them against.

/// A series of points.
pub(super) struct Series {
    pub(super) name: String,
    /// Seconds since the start, and the value.
    pub(super) points: Vec<(f64, f64)>,
    /// A dashed line.
    pub(super) limit: Option<f64>,
}

const COLOURS: [&str; 6] = ["#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#64748b"];
const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = WIDTH - 10.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = HEIGHT - 28.0;
/// Of a letter of the legend, about.
const LETTER: f64 = 6.2;

/// A plot of seconds over seconds from `span.0` to `span.1`; nothing where there is nothing to plot.
pub(super) fn svg(title: &str, span: (f64, f64), series: &[Series]) -> String {
    let values = series.iter().flat_map(|s| s.points.iter().map(|p| p.1));
    let most = values.chain(series.iter().filter_map(|s| s.limit)).fold(0.0, f64::max);
    let (first, last) = span;
    if first >= last || most <= 0.0 || series.iter().all(|s| s.points.is_empty()) {
        return String::new();
    }
    let (rise, run) = (step(most / 4.0), step((last - first) / 8.0));
    let top = (most / rise).ceil() * rise;
    let x = |t: f64| LEFT + (t - first) / (last - first) * (RIGHT - LEFT);
    let y = |v: f64| BOTTOM - v / top * (BOTTOM - TOP);
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">");
    out.push_str(&format!("<text x=\"0\" y=\"14\" class=\"t\">{title}</text>"));
    for value in ticks(0.0, top, rise) {
        let (at, text) = (y(value), label(value, rise));
        out.push_str(&format!(
            "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{at:.1}\" y2=\"{at:.1}\" class=\"g\"/><text x=\"{}\" y=\"{:.1}\" \
             class=\"a\" text-anchor=\"end\">{text}</text>",
            LEFT - 6.0,
            at + 4.0
        ));
    }
    for time in ticks(first, last, run) {
        let text = label(time, run);
        out.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{}\" class=\"a\" text-anchor=\"middle\">{text} s</text>",
            x(time),
            HEIGHT - 10.0
        ));
    }
    let mut at = LEFT;
    for (one, colour) in series.iter().zip(COLOURS.iter().cycle()) {
        let name = super::html::escape(&one.name);
        out.push_str(&format!(
            "<circle cx=\"{:.1}\" cy=\"28\" r=\"4\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"32\" class=\"a\">{name}</text>",
            at + 4.0,
            at + 12.0
        ));
        at += 32.0 + LETTER * one.name.chars().count() as f64;
        if let Some(limit) = one.limit.map(y) {
            out.push_str(&format!(
                "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{limit:.1}\" y2=\"{limit:.1}\" stroke=\"{colour}\" class=\"l\"/>"
            ));
        }
        for (t, v) in one.points.iter().filter(|p| (first..=last).contains(&p.0)) {
            out.push_str(&format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2\" fill=\"{colour}\"/>",
                x(*t),
                y(*v)
            ));
        }
    }
    out.push_str("</svg>");
    out
}

/// 1, 2 or 5 times a power of ten, and no less than `least`.
fn step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|s| *s >= least * 0.999).unwrap_or(power)
}

fn ticks(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (from / step).ceil() as u64;
    (first..first + 20).map(move |n| n as f64 * step).take_while(move |v| *v <= to + step / 1000.0)
}

/// With as many digits as the step has.
fn label(value: f64, step: f64) -> String {
    let digits = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_labels_are_round() {
        let axis = |from: f64, to: f64, count: f64| -> String {
            let step = step((to - from) / count);
            ticks(from, to, step).map(|v| label(v, step)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(axis(0.0, 0.23, 4.0), "0.0 0.1 0.2");
        assert_eq!(axis(0.0, 0.4, 4.0), "0.0 0.1 0.2 0.3 0.4");
        assert_eq!(axis(0.1, 25.0, 8.0), "5 10 15 20 25");
        assert_eq!(axis(3.0, 4.1, 8.0), "3.0 3.2 3.4 3.6 3.8 4.0");
        assert_eq!(axis(0.0, 3600.0, 8.0), "0 500 1000 1500 2000 2500 3000 3500");
    }

    #[test]
    fn nothing_to_plot_is_no_plot() {
        let series = |points: Vec<(f64, f64)>| [Series { name: "a".into(), points, limit: Some(0.2) }];
        assert_eq!(svg("t", (0.0, 0.0), &series(vec![(0.0, 1.0)])), "");
        assert_eq!(svg("t", (0.0, 9.0), &series(Vec::new())), "");
        let one = svg("t", (0.0, 9.0), &series(vec![(1.0, 0.2), (99.0, 0.2)]));
        assert_eq!(one.matches("r=\"2\"").count(), 1, "what lies outside of the span is left out: {one}");
    }
}

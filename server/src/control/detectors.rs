//! What a channel's detectors may be set to. They are kept as the JSON that the API speaks.

use api::detectors::{AvDrift, Black, Clipping, Detectors, Frozen, Loudness, Silence};
use serde_json::Value;

use super::problem::{Problem, Result};
use super::processing::patch;

/// Detectors as they are kept.
pub(super) fn of(told: &Detectors) -> Result<String> {
    let Detectors { black, frozen, silence, clipping, loudness, av_drift } = told;
    let (Black { after_s: black, .. }, Frozen { after_s: frozen, .. }) = (black, frozen);
    let (Silence { after_s: silence, below_dbfs, .. }, Clipping { after_s: clipping, .. }) =
        (silence, clipping);
    let Loudness { after_s: loudness, min_lufs, max_lufs, .. } = loudness;
    let AvDrift { after_s: av_drift, over_ms, .. } = av_drift;
    for (name, after) in [
        ("black", black),
        ("frozen", frozen),
        ("silence", silence),
        ("clipping", clipping),
        ("loudness", loudness),
        ("av_drift", av_drift),
    ] {
        within(&format!("{name}.after_s"), f64::from(*after), 1.0, 600.0)?;
    }
    within("silence.below_dbfs", f64::from(*below_dbfs), -90.0, -20.0)?;
    within("loudness.min_lufs", f64::from(*min_lufs), -70.0, 0.0)?;
    within("loudness.max_lufs", f64::from(*max_lufs), -70.0, 0.0)?;
    within("av_drift.over_ms", f64::from(*over_ms), 40.0, 5_000.0)?;
    if min_lufs >= max_lufs {
        let field = "detectors.loudness.min_lufs";
        let wrong = format!("`{field}` is {min_lufs}, but must be under max_lufs, which is {max_lufs}");
        return Err(Problem::field(field, wrong));
    }
    // Numbers and flags: there is nothing in them that JSON can't say.
    Ok(serde_json::to_string(told).unwrap_or_default())
}

fn within(name: &str, value: f64, from: f64, to: f64) -> Result<()> {
    if (from..=to).contains(&value) {
        return Ok(());
    }
    let field = format!("detectors.{name}");
    let wrong = format!("`{field}` is {value}, but must be {from} to {to}");
    Err(Problem::field(field, wrong))
}

/// What is kept, with the changes (RFC 7396).
pub(super) fn merge(kept: &str, told: Value) -> Result<String> {
    let mut whole = serde_json::from_str(kept).unwrap_or(Value::Null);
    patch(&mut whole, told);
    let detectors: Detectors = serde_path_to_error::deserialize(whole).map_err(|error| {
        let field = format!("detectors.{}", error.path());
        let wrong = format!("`{field}`: {}", error.inner());
        Problem::field(field, wrong)
    })?;
    of(&detectors)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_told_is_merged_and_null_takes_back() {
        let first = merge("{}", json!({"black": {"after_s": 9}, "silence": {"on": false}})).unwrap();
        let second = merge(&first, json!({"black": null, "silence": {"below_dbfs": -50}})).unwrap();
        let detectors: Detectors = serde_json::from_str(&second).unwrap();
        assert_eq!(detectors.black, Black::default());
        assert_eq!(detectors.silence, Silence { on: false, below_dbfs: -50.0, ..Silence::default() });
        assert_eq!(merge("{}", json!({})).unwrap(), of(&Detectors::default()).unwrap());
    }

    #[test]
    fn each_limit_holds_and_one_beyond_it_is_told_by_name() {
        let after = ["black", "frozen", "silence", "clipping", "loudness", "av_drift"]
            .map(|name| (name, "after_s", 1.0, 600.0));
        let others = [("silence", "below_dbfs", -90.0, -20.0), ("av_drift", "over_ms", 40.0, 5_000.0)];
        for (name, field, from, to) in after.into_iter().chain(others) {
            let told = |value: f64| {
                // Integers where it takes integers.
                let value = if field == "below_dbfs" { json!(value) } else { json!(value as i64) };
                merge("{}", json!({ name: { field: value } }))
            };
            assert!(told(from).is_ok() && told(to).is_ok(), "{name}.{field}");
            for beyond in [from - 1.0, to + 1.0] {
                let problem = format!("{:?}", told(beyond).unwrap_err());
                assert!(problem.contains(&format!("detectors.{name}.{field}")), "{problem}");
            }
        }
        let loudness =
            |min: f64, max: f64| merge("{}", json!({"loudness": {"min_lufs": min, "max_lufs": max}}));
        assert!(loudness(-70.0, 0.0).is_ok() && loudness(-23.1, -23.0).is_ok());
        for (min, max) in [(-70.1, 0.0), (-70.0, 0.1), (-23.0, -23.0), (-20.0, -23.0)] {
            assert!(loudness(min, max).is_err(), "{min} to {max}");
        }
    }

    #[test]
    fn what_cannot_be_is_told_by_name() {
        for (change, word) in [
            (json!({"dark": {}}), "dark"),
            (json!({"black": {"of": true}}), "black.of"),
            (json!({"black": {"on": 1}}), "black.on"),
            (json!({"black": {"after_s": -1}}), "black.after_s"),
            (json!({"silence": {"below_dbfs": "quiet"}}), "below_dbfs"),
            (json!(7), "detectors"),
        ] {
            let problem = format!("{:?}", merge("{}", change).unwrap_err());
            assert!(problem.contains(word), "{problem}");
        }
    }
}

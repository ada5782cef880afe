//! What a channel's ladder and processing may be set to. They are kept as the JSON that the API speaks.

use api::ladder::{Auto, Ladder, List, Rendition};
use api::processing::Processing;
use serde_json::Value;

use super::problem::{Problem, Result};
use crate::transcode::steps;

const MOST_RENDITIONS: usize = 8;

/// A ladder as it is kept.
pub(super) fn ladder(told: &Ladder) -> Result<String> {
    match told {
        Ladder::Source | Ladder::AudioOnly => {}
        Ladder::Auto(Auto { max_height, .. }) => {
            if let Some(lines) = max_height.filter(|lines| !live::ladder::HEIGHTS.contains(lines)) {
                let heights = live::ladder::HEIGHTS.map(|lines| lines.to_string()).join(", ");
                let wrong = format!("`ladder.max_height` is {lines}, but must be one of {heights}");
                return Err(Problem::field("ladder.max_height", wrong));
            }
        }
        Ladder::List(List { renditions, .. }) => {
            let count = renditions.len();
            if !(1..=MOST_RENDITIONS).contains(&count) {
                let wrong = format!("`ladder.renditions` has {count}, but must have 1 to {MOST_RENDITIONS}");
                return Err(Problem::field("ladder.renditions", wrong));
            }
            for (i, one) in renditions.iter().enumerate() {
                rendition(i, one)?;
                let size = (one.width, one.height);
                if renditions.iter().take(i).any(|other| (other.width, other.height) == size) {
                    let wrong = format!("`ladder.renditions` has {}x{} twice", size.0, size.1);
                    return Err(Problem::field("ladder.renditions", wrong));
                }
            }
        }
    }
    Ok(json(told))
}

fn rendition(number: usize, given: &Rendition) -> Result<()> {
    let field = |name: &str| format!("ladder.renditions[{number}].{name}");
    let check = |name: &str, value: f64, possible: bool, allowed: &str| {
        if possible {
            return Ok(());
        }
        let field = field(name);
        let wrong = format!("`{field}` is {value}, but must be {allowed}");
        Err(Problem::field(field, wrong))
    };
    let side = |side: u32, most: u32| side.is_multiple_of(2) && (64..=most).contains(&side);
    check("width", given.width.into(), side(given.width, 3840), "even, 64 to 3840")?;
    check("height", given.height.into(), side(given.height, 3840), "even, 64 to 3840")?;
    let within =
        |value: Option<f64>, from: f64, to: f64| value.is_none_or(|value| (from..=to).contains(&value));
    check("fps", given.fps.unwrap_or(0.0), within(given.fps, 1.0, 120.0), "1 to 120")?;
    let kbps = given.bitrate_kbps.map(f64::from);
    check("bitrate_kbps", kbps.unwrap_or(0.0), within(kbps, 50.0, 60_000.0), "50 to 60000")?;
    check("crf", given.crf.unwrap_or(0.0), within(given.crf, 15.0, 40.0), "15 to 40")
}

/// Processing as it is kept.
pub(super) fn of(told: &Processing) -> Result<String> {
    let wrong = |error: anyhow::Error| Problem::field("processing", format!("`processing`: {error:#}"));
    steps::picture(&told.picture).map_err(wrong)?;
    steps::target(&told.picture, 1280, 720).and_then(|target| Ok(target.check()?)).map_err(wrong)?;
    steps::sound(&told.sound, true).map_err(wrong)?;
    Ok(json(told))
}

/// What is kept, with the changes (RFC 7396).
pub(super) fn merge(kept: &str, told: Value) -> Result<String> {
    let mut whole = serde_json::from_str(kept).unwrap_or_else(|_| json_of_nothing());
    patch(&mut whole, told);
    let processing: Processing = serde_path_to_error::deserialize(whole).map_err(|error| {
        let field = format!("processing.{}", error.path());
        let wrong = format!("`{field}`: {}", error.inner());
        Problem::field(field, wrong)
    })?;
    of(&processing)
}

pub(super) fn patch(target: &mut Value, change: Value) {
    let Value::Object(changes) = change else {
        *target = change;
        return;
    };
    if !target.is_object() {
        *target = json_of_nothing();
    }
    let Value::Object(fields) = target else { return };
    for (name, value) in changes {
        match value {
            Value::Null => {
                fields.remove(&name);
            }
            value => patch(fields.entry(name).or_insert(Value::Null), value),
        }
    }
}

fn json_of_nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

fn json(value: &impl serde::Serialize) -> String {
    // Structs of numbers and texts: there is nothing in them that JSON can't say, but for what `check` has refused.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_merged_and_null_takes_back() {
        let first =
            merge("{}", json!({"picture": {"flip": true, "text": {"words": "a", "size": 0.1}}})).unwrap();
        let second = merge(
            &first,
            json!({"picture": {"flip": null, "text": {"words": "b"}}, "sound": {"gain_db": 3}}),
        );
        let processing: Processing = serde_json::from_str(&second.unwrap()).unwrap();
        assert!(!processing.picture.flip);
        let text = processing.picture.text.unwrap();
        assert_eq!((text.words.as_str(), text.size, processing.sound.gain_db), ("b", 0.1, 3.0));
    }

    #[test]
    fn what_cannot_be_is_told_by_name() {
        for (change, word) in [
            (json!({"picture": {"flop": true}}), "flop"),
            (json!({"picture": {"denoise": 2}}), "denoise"),
            (json!({"picture": {"rotate": 45}}), "rotate"),
            (json!({"picture": {"pad": 0.5}}), "pad"),
            (json!({"sound": {"graphic_db": [0, 1]}}), "graphic_db"),
            (json!({"sound": {"gain_db": "loud"}}), "sound.gain_db"),
            (json!("flip"), "processing"),
        ] {
            let problem = merge("{}", change).unwrap_err();
            assert!(format!("{problem:?}").contains(word), "{problem:?}");
        }
    }

    #[test]
    fn a_ladder_at_its_limits_and_beyond() {
        let list = |rendition: serde_json::Value| {
            ladder(&serde_json::from_value(json!({"kind": "list", "renditions": [rendition]})).unwrap())
        };
        for good in [
            json!({"width": 64, "height": 64, "fps": 1, "bitrate_kbps": 50, "crf": 15}),
            json!({"width": 3840, "height": 2160, "fps": 120, "bitrate_kbps": 60_000, "crf": 40}),
        ] {
            list(good).unwrap();
        }
        for (bad, word) in [
            (json!({"width": 62, "height": 64}), "width"),
            (json!({"width": 65, "height": 64}), "width"),
            (json!({"width": 64, "height": 3842}), "height"),
            (json!({"width": 64, "height": 64, "fps": 120.1}), "fps"),
            (json!({"width": 64, "height": 64, "bitrate_kbps": 49}), "bitrate_kbps"),
            (json!({"width": 64, "height": 64, "crf": 40.1}), "crf"),
        ] {
            let problem = list(bad).unwrap_err();
            assert!(format!("{problem:?}").contains(word), "{problem:?}");
        }
        let auto = |lines: u32| {
            ladder(&serde_json::from_value(json!({"kind": "auto", "max_height": lines})).unwrap())
        };
        assert!(auto(1080).is_ok() && auto(1000).is_err());
        let many = |count: u32| {
            let renditions: Vec<_> = (0..count).map(|n| json!({"width": 64 + 2 * n, "height": 64})).collect();
            ladder(&serde_json::from_value(json!({"kind": "list", "renditions": renditions})).unwrap())
        };
        assert!(many(1).is_ok() && many(8).is_ok() && many(0).is_err() && many(9).is_err());
        let twice =
            json!({"kind": "list", "renditions": [{"width": 64, "height": 64}, {"width": 64, "height": 64}]});
        assert!(ladder(&serde_json::from_value(twice).unwrap()).is_err());
    }
}

//! `sigma-broadcast devices`: what this machine can be live with.

use std::fmt::Write;

use api::broadcast::{Camera, Devices, Encoder, Microphone};

use crate::capture::{camera, microphone};
use crate::hardware;

/// Asks the system. A part that can't be asked is empty, and its error told.
pub fn list() -> (Devices, Vec<String>) {
    let mut errors = Vec::new();
    let cameras = camera::list().unwrap_or_else(|error| {
        errors.push(format!("cameras can't be listed: {error:#}"));
        Vec::new()
    });
    let microphones = microphone::list().unwrap_or_else(|error| {
        errors.push(format!("microphones can't be listed: {error:#}"));
        Vec::new()
    });
    let devices = Devices {
        cameras: cameras.into_iter().map(|c| Camera { index: c.index, name: c.name }).collect(),
        microphones: microphones
            .into_iter()
            .map(|m| Microphone { index: m.index, name: m.name, default: m.default })
            .collect(),
        encoders: encoders(),
    };
    (devices, errors)
}

fn encoders() -> Vec<Encoder> {
    let encoder = |name: &str, codec: &str| Encoder {
        name: name.into(),
        codec: codec.into(),
        hardware: false,
        usable: true,
        why_not: None,
    };
    let x264 = cfg!(feature = "x264").then(|| encoder("x264", "h264"));
    let hardware = hardware::found().into_iter().map(|(kind, works)| Encoder {
        hardware: true,
        usable: works.is_ok(),
        why_not: works.err(),
        ..encoder(kind.name(), "h264")
    });
    x264.into_iter().chain(hardware).chain([encoder(codec::aac::Encoder::LIBRARY, "aac")]).collect()
}

/// For a person.
pub fn text(devices: &Devices) -> String {
    let mut text = String::new();
    let cameras = devices.cameras.iter().map(|c| format!("camera:{}  {}", c.index, c.name));
    let microphones = devices.microphones.iter().map(|m| {
        let default = if m.default { "  (default)" } else { "" };
        format!("mic:{}  {}{default}", m.index, m.name)
    });
    let here = devices.encoders.iter().filter(|e| e.usable).map(|e| format!("{}  {}", e.codec, e.name));
    let not_here = devices.encoders.iter().filter(|e| !e.usable).map(|e| {
        let why = e.why_not.as_deref().unwrap_or("it doesn't work");
        format!("{}  {}: {why}", e.codec, e.name)
    });
    let not_here: Vec<_> = not_here.collect();
    section(&mut text, "Cameras (--source)", cameras.collect());
    section(&mut text, "Microphones (--sound)", microphones.collect());
    section(&mut text, "Encoders (--encoder)", here.collect());
    if !not_here.is_empty() {
        section(&mut text, "Encoders that don't work here", not_here);
    }
    text
}

fn section(text: &mut String, title: &str, lines: Vec<String>) {
    let _ = writeln!(text, "{title}");
    if lines.is_empty() {
        let _ = writeln!(text, "  none");
    }
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn encoder(name: &str, codec: &str, why_not: Option<&str>) -> Encoder {
        Encoder {
            name: name.into(),
            codec: codec.into(),
            hardware: why_not.is_some(),
            usable: why_not.is_none(),
            why_not: why_not.map(str::to_owned),
        }
    }

    #[test]
    fn for_a_person() {
        let devices = Devices {
            cameras: vec![Camera { index: 0, name: "Integrated Webcam".into() }],
            microphones: Vec::new(),
            encoders: vec![
                encoder("x264", "h264", None),
                encoder("nvenc", "h264", Some("it can't open: no device")),
                encoder("fdk-aac", "aac", None),
            ],
        };
        expect![[r#"
            Cameras (--source)
              camera:0  Integrated Webcam
            Microphones (--sound)
              none
            Encoders (--encoder)
              h264  x264
              aac  fdk-aac
            Encoders that don't work here
              h264  nvenc: it can't open: no device
        "#]]
        .assert_eq(&text(&devices));
    }

    #[test]
    fn only_encoders_of_this_build_are_listed() {
        let names: Vec<String> = encoders().into_iter().map(|encoder| encoder.name).collect();
        let here = |name: &str| names.iter().any(|other| other == name);
        assert_eq!(here("x264"), cfg!(feature = "x264"), "{names:?}");
        assert_eq!(here("fdk-aac"), cfg!(feature = "fdk-aac"), "{names:?}");
        assert!(names.len() > usize::from(here("x264")), "an AAC encoder is always there: {names:?}");
    }
}

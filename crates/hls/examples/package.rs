//! Packs an FLV file into a folder that any HLS player reads: `cargo run -p hls --example package -- IN.flv OUT`.
//!
//! The same calls as the server's, with the disk in place of a network: playlists as they stood at the end, each part
//! and segment, the journal, the recording and the catch-up playlists made from it. `--live` leaves the ENDLIST out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use hls::journal::{self, Log};
use hls::{Change, Mode, Plan, Presentation, playlist, presentation::Rendition, recording};
use media::flv::{Demuxer, Item, Tag, TagKind};
use media::{Kind, Timeline, Track};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, out, rest @ ..] = &args[..] else { panic!("package IN.flv OUT [--live] [--low|--normal]") };
    let has = |flag: &str| rest.iter().any(|a| a == flag);
    let mode = if has("--low") {
        Mode::Low
    } else if has("--normal") {
        Mode::Normal
    } else {
        Mode::UltraLow
    };
    let flv = fs::read(input).expect("read the input");
    let tags = tags(&flv);

    let mut demuxer = Demuxer::new();
    let items: Vec<Item> = tags.iter().map(|tag| demuxer.push(tag).expect("a supported tag")).collect();
    let mut tracks: Vec<Track> = Vec::new();
    for item in &items {
        if let Item::Track(track) = item
            && tracks.iter().all(|t| t.kind != track.kind)
        {
            tracks.push(track.clone());
        }
    }
    tracks.sort_by_key(|t| t.kind);
    let renditions = tracks.iter().map(|t| Rendition::source(t.kind.name(), t.clone())).collect();
    let window = Duration::from_secs(if has("--live") { 30 } else { 86_400 });
    let mut shell = Shell::new(Path::new(out), tracks.clone());
    let mut presentation = Presentation::new(Plan::new(mode, None, window), 1_790_000_000_000, renditions);
    let mut timeline = Timeline::new(Timeline::LEAD);
    let place = |kind: Kind| tracks.iter().position(|t| t.kind == kind).unwrap();
    let items = items.into_iter().flat_map(|item| match item {
        Item::Changed(track, unit) => vec![Item::Track(track), Item::Unit(unit)],
        other @ (Item::Track(_) | Item::Unit(_) | Item::Nothing) => vec![other],
    });
    for item in items {
        match item {
            Item::Track(track) => {
                timeline.track(&track);
                let r = place(track.kind);
                if shell.tracks[r] != track {
                    shell.tracks[r] = track.clone();
                    if let Some(log) = &mut shell.logs[r] {
                        log.set_track(track.clone());
                    }
                    let changes = presentation.discontinuity(Some((r, track)));
                    shell.apply(&presentation, changes);
                }
            }
            Item::Unit(unit) => {
                let arrival = Timeline::LEAD.plus(unit.dts);
                let Some(settled) = timeline.push(unit, arrival) else { continue };
                if settled.jump.is_some() {
                    let changes = presentation.discontinuity(None);
                    shell.apply(&presentation, changes);
                }
                let changes = presentation.push(place(settled.unit.kind), settled.unit);
                shell.apply(&presentation, changes);
            }
            Item::Changed(..) | Item::Nothing => {}
        }
    }
    if !has("--live") {
        let changes = presentation.finish();
        shell.apply(&presentation, changes);
    }
    shell.finish(&presentation);
}

fn tags(flv: &[u8]) -> Vec<Tag> {
    let mut out = Vec::new();
    let mut at = 13;
    while let Some(head) = flv.get(at..at + 11) {
        let len = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        let timestamp = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        let body = flv[at + 11..at + 11 + len].to_vec().into();
        match head[0] {
            8 => out.push(Tag { kind: TagKind::Audio, timestamp, body }),
            9 => out.push(Tag { kind: TagKind::Video, timestamp, body }),
            _ => {}
        }
        at += 11 + len + 4;
    }
    out
}

struct Shell<'a> {
    out: &'a Path,
    tracks: Vec<Track>,
    logs: Vec<Option<Log>>,
    files: Vec<Vec<fs::File>>,
    segments: Vec<Vec<u8>>,
}

impl<'a> Shell<'a> {
    fn new(out: &'a Path, tracks: Vec<Track>) -> Self {
        let n = tracks.len();
        Self {
            out,
            tracks,
            logs: (0..n).map(|_| None).collect(),
            files: (0..n).map(|_| Vec::new()).collect(),
            segments: vec![Vec::new(); n],
        }
    }

    fn apply(&mut self, presentation: &Presentation, changes: hls::presentation::Changes) {
        for (r, set) in changes {
            let name = self.tracks[r].kind.name();
            let folder = self.out.join("ses").join(name);
            fs::create_dir_all(&folder).unwrap();
            let index = presentation.index(r).unwrap();
            let log = self.logs[r].get_or_insert_with(|| {
                Log::new(
                    "ses",
                    name,
                    index.control.clone(),
                    self.tracks[r].clone(),
                    presentation.frame_rate(r),
                    None,
                )
            });
            for change in set.changes {
                for write in log.apply(&change) {
                    match write {
                        journal::Write::Open { msn, head } => {
                            let path = folder.join(format!("{msn:08}.journal"));
                            let mut file = fs::File::options()
                                .create(true)
                                .truncate(true)
                                .read(true)
                                .write(true)
                                .open(path)
                                .unwrap();
                            file.write_all(&head).unwrap();
                            self.files[r].push(file);
                        }
                        journal::Write::Append(data) => {
                            self.files[r].last().unwrap().write_all(&data).unwrap()
                        }
                    }
                }
                match change {
                    Change::Init(init) => fs::write(folder.join(init.uri()), &init.data).unwrap(),
                    Change::Part(part) => {
                        fs::write(folder.join(part.info.uri()), &part.data).unwrap();
                        self.segments[r].extend_from_slice(&part.data);
                    }
                    Change::Sealed(segment) => {
                        let data = std::mem::take(&mut self.segments[r]);
                        if !segment.gap {
                            fs::write(folder.join(segment.uri()), data).unwrap();
                        }
                    }
                    Change::Removed(_) | Change::Late { .. } => {}
                }
            }
        }
    }

    fn finish(self, presentation: &Presentation) {
        for r in 0..self.tracks.len() {
            let reports: Vec<_> = (0..self.tracks.len())
                .filter(|&other| other != r)
                .filter_map(|other| {
                    let uri = format!("../{}/media.m3u8", self.tracks[other].kind.name());
                    playlist::media::Report::of(uri, presentation.index(other)?)
                })
                .collect();
            let text = playlist::media::render(presentation.index(r).unwrap(), None, &reports);
            fs::write(self.out.join("ses").join(self.tracks[r].kind.name()).join("media.m3u8"), text)
                .unwrap();
        }
        fs::write(self.out.join("index.m3u8"), presentation.multivariant("ses", false).unwrap()).unwrap();
        let scanned: Vec<Vec<journal::Index>> = self
            .files
            .iter()
            .map(|files| files.iter().map(|f| journal::scan(BufReader::new(f)).expect("a journal")).collect())
            .collect();
        let vod: Vec<_> = self
            .tracks
            .iter()
            .zip(&scanned)
            .map(|(t, files)| (format!("ses/{}/vod.m3u8", t.kind.name()), files.iter().collect::<Vec<_>>()))
            .collect();
        for (uri, files) in &vod {
            fs::write(self.out.join(uri), playlist::vod::media(files, None)).unwrap();
        }
        fs::write(self.out.join("vod.m3u8"), playlist::vod::multivariant(&vod)).unwrap();
        let flat: Vec<(&fs::File, &journal::Index)> =
            self.files.iter().flatten().zip(scanned.iter().flatten()).collect();
        let sources: Vec<_> =
            flat.iter().enumerate().map(|(file, (_, index))| recording::Source { file, index }).collect();
        for (i, layout) in recording::layouts(&sources).iter().enumerate() {
            let mut mp4 = fs::File::create(self.out.join(format!("recording{i}.mp4"))).unwrap();
            mp4.write_all(&layout.head).unwrap();
            for piece in &layout.pieces {
                let mut file = flat[piece.file].0;
                file.seek(SeekFrom::Start(piece.offset)).unwrap();
                std::io::copy(&mut file.take(piece.len), &mut mp4).unwrap();
            }
            assert_eq!(mp4.metadata().unwrap().len(), layout.len);
        }
    }
}

//! Makes up the journal of a session that has run for long, for benchmarks: an FLV file over and over, packed as the server
//! packs it. `cargo run --release -p hls --example journal -- FILE.flv SESSION SECONDS`
//!
//! SESSION is the folder of a session that has just begun (`DIR/sessions/ses_…`) on a server that is stopped: its plan is
//! taken, its files are replaced, and the last of them ends now, so that the server goes on with it when it starts.
#![allow(clippy::disallowed_methods, missing_docs)]

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hls::journal::{self, Log};
use hls::{Presentation, presentation::Rendition};
use media::flv::{Demuxer, Item, Tag, TagKind};
use media::{AccessUnit, Timestamp, Track};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [flv, session, seconds] = &args[..] else { return Err("journal FILE.flv SESSION SECONDS".into()) };
    let (session, seconds) = (Path::new(session), seconds.parse::<u64>()?);
    let (tracks, units) = read(&fs::read(flv)?)?;
    let header = header(&session.join(tracks[0].kind.name()))?;

    let mut writers = Vec::new();
    for track in &tracks {
        let folder = session.join(track.kind.name());
        for file in files(&folder)? {
            fs::remove_file(file)?;
        }
        writers.push(Writer { folder, track: track.clone(), log: None, file: None });
    }
    let window = Duration::from_secs(seconds);
    let begun = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)? - window;
    let renditions = tracks.iter().map(|t| Rendition::source(t.kind.name(), t.clone())).collect();
    let mut presentation = Presentation::new(header.plan, begun.as_millis() as i64, renditions);
    let place = |unit: &AccessUnit| tracks.iter().position(|t| t.kind == unit.kind).unwrap_or(0);
    // As long as the file's pictures, so that they go on without a step; sound is cut to it.
    let span = units.iter().filter(|u| place(u) == 0).map(|u| u.dts.as_millis()).max().unwrap_or(0) + 33;
    let mut base = 0;
    while base < seconds as i64 * 1000 {
        for unit in units.iter().filter(|unit| unit.dts.as_millis() < span) {
            let by = |at: Timestamp| at.plus(Timestamp::millis(base).rescale(at.scale));
            let unit = AccessUnit { dts: by(unit.dts), pts: by(unit.pts), ..unit.clone() };
            let changes = presentation.push(place(&unit), unit);
            write(&mut writers, &header.session, &presentation, changes)?;
        }
        base += span;
    }
    let changes = presentation.finish();
    write(&mut writers, &header.session, &presentation, changes)?;
    for writer in &mut writers {
        writer.flush()?;
    }
    let segments = presentation.index(0).map_or(0, |index| index.current_msn());
    println!("{{\"seconds\":{},\"segments\":{segments}}}", base / 1000);
    Ok(())
}

/// One rendition's files.
struct Writer {
    folder: PathBuf,
    track: Track,
    log: Option<Log>,
    file: Option<BufWriter<File>>,
}

impl Writer {
    fn flush(&mut self) -> std::io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

fn write(
    writers: &mut [Writer],
    session: &str,
    presentation: &Presentation,
    changes: hls::presentation::Changes,
) -> Result<(), Box<dyn Error>> {
    for (r, set) in changes {
        let Some((writer, index)) = writers.get_mut(r).zip(presentation.index(r)) else { continue };
        let log = writer.log.get_or_insert_with(|| {
            let (name, track) = (writer.track.kind.name(), writer.track.clone());
            Log::new(session, name, index.control.clone(), track, presentation.frame_rate(r), None)
        });
        for change in set.changes {
            for write in log.apply(&change) {
                match write {
                    journal::Write::Open { msn, head } => {
                        let before = writer.file.take();
                        before.map_or(Ok(()), |mut file| file.flush())?;
                        let file = File::create_new(writer.folder.join(format!("{msn:06}.m4s")))?;
                        writer.file.insert(BufWriter::new(file)).write_all(&head)?;
                    }
                    journal::Write::Append(data) => {
                        writer.file.as_mut().map_or(Ok(()), |file| file.write_all(&data))?;
                    }
                }
            }
        }
    }
    Ok(())
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "m4s"))
        .collect();
    files.sort();
    Ok(files)
}

/// Of a file that the server began.
fn header(folder: &Path) -> Result<journal::Header, Box<dyn Error>> {
    let file = files(folder)?.into_iter().next().ok_or("the session has no media yet")?;
    Ok(journal::scan(BufReader::new(File::open(file)?))?.header)
}

/// Its tracks, pictures first, and its units.
fn read(flv: &[u8]) -> Result<(Vec<Track>, Vec<AccessUnit>), Box<dyn Error>> {
    let (mut tracks, mut units) = (Vec::<Track>::new(), Vec::new());
    let mut demuxer = Demuxer::new();
    let mut at = 13;
    while let Some(head) = flv.get(at..at + 11) {
        let len = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        let timestamp = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        let kind = match head[0] {
            8 => Some(TagKind::Audio),
            9 => Some(TagKind::Video),
            _ => None,
        };
        let body = flv.get(at + 11..at + 11 + len).ok_or("the FLV file is cut short")?;
        if let Some(kind) = kind {
            match demuxer.push(&Tag { kind, timestamp, body: body.to_vec().into() })? {
                Item::Track(track) if tracks.iter().all(|t| t.kind != track.kind) => tracks.push(track),
                Item::Unit(unit) => units.push(unit),
                Item::Track(_) | Item::Nothing => {}
                Item::Changed(..) => return Err("the FLV file changes its configuration".into()),
            }
        }
        at += 11 + len + 4;
    }
    tracks.sort_by_key(|track| track.kind);
    if tracks.is_empty() { Err("no tracks in the FLV file".into()) } else { Ok((tracks, units)) }
}

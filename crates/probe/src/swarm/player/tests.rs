#![allow(clippy::unwrap_used, clippy::panic)]
use std::fmt::Write;

use expect_test::{Expect, expect};

use super::super::playlist::{self, Playlist};
use super::*;

const WALL: Duration = Duration::from_secs(1_700_000_000);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// An origin of one or two renditions, parts of 200 ms, five to a segment, in virtual time.
#[derive(Clone)]
struct Origin {
    renditions: usize,
    parts: bool,
    /// This part, and with it all that follow, comes so much later than it should.
    late: Option<(u64, Duration)>,
    gap: Option<u64>,
    /// A discontinuity before this segment.
    break_at: Option<u64>,
    /// ENDLIST after so many parts.
    end: Option<u64>,
    /// Requests of the kind that fail, by their number of all of that kind.
    fail: fn(&What, usize) -> bool,
    /// Segments in the playlist.
    window: u64,
    /// A media request takes so long.
    fetch: Duration,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            renditions: 2,
            parts: true,
            late: None,
            gap: None,
            break_at: None,
            end: None,
            fail: |_, _| false,
            window: 6,
            fetch: ms(20),
        }
    }
}

impl Origin {
    fn available(&self, part: u64) -> Duration {
        let late = self.late.filter(|(from, _)| part >= *from).map_or(Duration::ZERO, |(_, late)| late);
        ms(200) * u32::try_from(part + 1).unwrap() + late
    }

    /// How many parts there are.
    fn count(&self, now: Duration) -> u64 {
        let all = (0..).take_while(|part| self.available(*part) <= now).count() as u64;
        self.end.map_or(all, |end| all.min(end))
    }

    fn playlist(&self, now: Duration) -> String {
        let count = self.count(now);
        let oldest = (count / 5).saturating_sub(self.window);
        let mut out = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{oldest}\n");
        out.push_str("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6,HOLD-BACK=3\n");
        if self.parts {
            out.push_str("#EXT-X-PART-INF:PART-TARGET=0.2\n");
        }
        if self.break_at.is_some_and(|at| at < oldest) {
            out.push_str("#EXT-X-DISCONTINUITY-SEQUENCE:1\n");
        }
        for msn in oldest..=count / 5 {
            if self.break_at == Some(msn) {
                out.push_str("#EXT-X-DISCONTINUITY\n");
            }
            let date: time::OffsetDateTime = (std::time::UNIX_EPOCH + WALL + ms(1_000) * msn as u32).into();
            let date = date.format(&time::format_description::well_known::Rfc3339).unwrap();
            let _ = writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{date}\n#EXT-X-MAP:URI=\"i\"");
            for part in (msn * 5..count.min(msn * 5 + 5)).filter(|_| self.parts) {
                let first = if part % 5 == 0 { ",INDEPENDENT=YES" } else { "" };
                let gap = if self.gap == Some(part) { ",GAP=YES" } else { "" };
                let _ = writeln!(out, "#EXT-X-PART:DURATION=0.2,URI=\"p{part}\"{first}{gap}");
            }
            if count >= msn * 5 + 5 {
                let _ = writeln!(out, "#EXTINF:1,\ns{msn}");
            }
        }
        if self.end == Some(count) {
            out.push_str("#EXT-X-ENDLIST\n");
        } else if self.parts {
            let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p{count}\"");
        }
        out
    }

    /// When a request that is made at `now` is answered.
    fn answered_at(&self, what: &What, now: Duration) -> Duration {
        match what {
            What::Multivariant => now + ms(10),
            What::Playlist(directives) => {
                let waited = directives.msn.map(|msn| msn * 5 + directives.part.map_or(4, |p| p as u64));
                let there = waited.map(|part| part.min(self.end.map_or(part, |end| end - 1)));
                there.map_or(now, |part| self.available(part).max(now)) + ms(10)
            }
            What::Hint(resource) => {
                let part = resource.uri[1..].parse().unwrap();
                self.available(part).max(now) + ms(5)
            }
            What::Init(_) | What::Part(_) | What::Segment(_) => now + self.fetch,
        }
    }

    fn answer(&self, what: &What, now: Duration, number: usize) -> Answer {
        if (self.fail)(what, number) {
            return Answer::Failed;
        }
        match what {
            What::Multivariant => Answer::Multivariant(self.renditions),
            // As it was when the answer left.
            What::Playlist(_) => match playlist::parse(&self.playlist(now - ms(10))) {
                Some(Playlist::Media(media)) => Answer::Playlist(Rc::new(media)),
                other => panic!("{other:?}"),
            },
            What::Init(_) | What::Part(_) | What::Hint(_) | What::Segment(_) => Answer::Body,
        }
    }
}

/// Plays from `from` to `until`, and tells what happened; with `asked` what rendition 0 asked for, too.
fn play(origin: &Origin, hints: bool, from: u64, until: u64, asked: bool) -> String {
    let mut player = Player::new(Config { hints, wall: WALL }, ms(from));
    let (mut now, until) = (ms(from), ms(until));
    let mut pending: Vec<(Duration, Fetch)> = Vec::new();
    let (mut log, mut latencies, mut requests) = (String::new(), Vec::new(), 0);
    loop {
        while let Some(output) = player.poll() {
            match output {
                Output::Fetch(fetch) => {
                    if asked && fetch.track == 0 {
                        let _ = writeln!(log, "{:>5} {}", now.as_millis(), name(&fetch.what));
                    }
                    pending.push((origin.answered_at(&fetch.what, now), fetch));
                }
                Output::Event(Event::Latency(latency)) => latencies.push(latency.as_millis()),
                Output::Event(event) => {
                    let _ = writeln!(log, "{:>5} {event:?}", now.as_millis());
                }
            }
        }
        let next = pending.iter().map(|(at, _)| *at).chain(player.deadline()).min();
        let Some(next) = next.filter(|next| *next <= until) else { break };
        assert!(next >= now, "time goes back");
        now = next;
        match pending.iter().position(|(at, _)| *at == now) {
            Some(first) => {
                let (_, fetch) = pending.remove(first);
                let answer = origin.answer(&fetch.what, now, requests);
                requests += 1;
                player.answered(&fetch, answer, now);
            }
            None => player.timeout(now),
        }
    }
    player.stop(until);
    while let Some(output) = player.poll() {
        if let Output::Event(event) = output {
            let _ = writeln!(log, "  end {event:?}");
        }
    }
    if let (Some(least), Some(most)) = (latencies.iter().min(), latencies.iter().max()) {
        let _ = writeln!(log, "latency {least} to {most}, {} pieces", latencies.len());
    }
    log
}

fn name(what: &What) -> String {
    match what {
        What::Multivariant => "multivariant".to_owned(),
        What::Playlist(Directives { msn: None, .. }) => "playlist".to_owned(),
        What::Playlist(Directives { msn: Some(msn), part, skip }) => {
            format!("playlist {msn} {part:?}{}", if *skip { " skip" } else { "" })
        }
        What::Init(r) | What::Part(r) | What::Segment(r) => r.uri.clone(),
        What::Hint(r) => format!("{} (hinted)", r.uri),
    }
}

#[track_caller]
fn check(log: String, expect: Expect) {
    expect.assert_eq(&log);
}

#[test]
fn joins_at_the_hold_back_from_the_key_frame_before() {
    check(
        play(&Origin::default(), false, 7_750, 8_500, true),
        expect![[r#"
         7750 multivariant
         7760 playlist
         7770 playlist 7 Some(3)
         7770 i
         7790 p35
         7810 playlist 7 Some(4)
         7810 p36
         7830 p37
         7850 p38
         7850 Joined(100ms)
         8010 playlist 8 Some(0)
         8010 p39
         8210 playlist 8 Some(1)
         8210 p40
         8410 playlist 8 Some(2)
         8410 p41
        latency 850 to 850, 4 pieces
    "#]],
    );
}

#[test]
fn holds_its_latency() {
    check(
        play(&Origin::default(), false, 7_750, 60_000, false),
        expect![[r#"
         7850 Joined(100ms)
        latency 850 to 850, 261 pieces
    "#]],
    );
}

#[test]
fn a_late_part_is_one_stall_and_more_latency_ever_after() {
    let origin = Origin { late: Some((60, ms(700))), ..Origin::default() };
    check(
        play(&origin, false, 7_750, 20_000, false),
        expect![[r#"
             7850 Joined(100ms)
            13330 Stalled(480ms)
            latency 850 to 1330, 55 pieces
        "#]],
    );
    // Less than what is held back is nothing.
    let origin = Origin { late: Some((60, ms(400))), ..Origin::default() };
    check(
        play(&origin, false, 7_750, 20_000, false),
        expect![[r#"
         7850 Joined(100ms)
        latency 850 to 850, 59 pieces
    "#]],
    );
}

#[test]
fn a_stall_that_lasts_is_told_at_the_end() {
    let origin = Origin { late: Some((60, ms(700_000))), ..Origin::default() };
    check(
        play(&origin, false, 7_750, 20_000, false),
        expect![[r#"
         7850 Joined(100ms)
          end Stalled(7.15s)
        latency 850 to 850, 22 pieces
    "#]],
    );
}

#[test]
fn a_slow_network_stalls_again_and_again() {
    let origin = Origin { fetch: ms(220), ..Origin::default() };
    check(
        play(&origin, false, 7_750, 14_000, false),
        expect![[r#"
             8650 Joined(900ms)
            13710 Stalled(460ms)
            latency 1650 to 2110, 21 pieces
        "#]],
    );
}

#[test]
fn hinted_parts_come_sooner() {
    let log = play(&Origin::default(), true, 7_750, 8_500, true);
    check(
        log,
        expect![[r#"
         7750 multivariant
         7760 playlist
         7770 playlist 7 Some(3)
         7770 i
         7790 p35
         7810 playlist 7 Some(4)
         7810 p36
         7830 p37
         7850 p38
         7850 Joined(100ms)
         7870 p39 (hinted)
         8010 playlist 8 Some(0)
         8010 p40 (hinted)
         8210 playlist 8 Some(1)
         8210 p41 (hinted)
         8410 playlist 8 Some(2)
         8410 p42 (hinted)
        latency 850 to 850, 4 pieces
    "#]],
    );
}

#[test]
fn a_gap_is_passed_and_told() {
    let origin = Origin { gap: Some(52), ..Origin::default() };
    check(
        play(&origin, false, 7_750, 14_000, false),
        expect![[r#"
         7850 Joined(100ms)
        10610 Gap(200ms)
        10610 Gap(200ms)
        latency 850 to 850, 30 pieces
    "#]],
    );
}

#[test]
fn a_discontinuity_is_played_through() {
    let origin = Origin { break_at: Some(11), ..Origin::default() };
    check(
        play(&origin, false, 7_750, 20_000, false),
        expect![[r#"
         7850 Joined(100ms)
        latency 850 to 850, 61 pieces
    "#]],
    );
}

#[test]
fn plays_out_what_has_ended() {
    let origin = Origin { end: Some(58), ..Origin::default() };
    check(
        play(&origin, false, 7_750, 20_000, false),
        expect![[r#"
         7850 Joined(100ms)
        12450 Ended
        latency 850 to 850, 20 pieces
    "#]],
    );
}

#[test]
fn what_ended_before_is_played_from_its_beginning() {
    let origin = Origin { end: Some(40), window: 60, ..Origin::default() };
    check(
        play(&origin, false, 20_000, 40_000, false),
        expect![[r#"
        20100 Joined(100ms)
        28100 Ended
        latency 20100 to 20100, 37 pieces
    "#]],
    );
}

#[test]
fn fetches_no_more_than_the_buffer_holds() {
    let origin = Origin { end: Some(500), window: 1_000, renditions: 1, ..Origin::default() };
    let log = play(&origin, false, 200_000, 203_000, true);
    let segments = log.lines().filter(|line| line.contains(" p")).count();
    // 30 s in parts of 200 ms, what was played meanwhile, the playlist, and one more each time.
    assert!((150..175).contains(&segments), "{segments}\n{log}");
}

#[test]
fn segments_alone() {
    let origin = Origin { parts: false, ..Origin::default() };
    check(
        play(&origin, false, 7_750, 12_000, true),
        expect![[r#"
         7750 multivariant
         7760 playlist
         7770 playlist 7 None
         7770 i
         7790 s4
         7810 s5
         7810 Joined(60ms)
         7830 s6
         8010 playlist 8 None
         8010 s7
         9010 playlist 9 None
         9010 s8
        10010 playlist 10 None
        10010 s9
        11010 playlist 11 None
        11010 s10
        latency 3810 to 3810, 6 pieces
    "#]],
    );
}

#[test]
fn failures_are_repeated_for_a_while() {
    let once =
        Origin { fail: |what, number| matches!(what, What::Part(_)) && number == 9, ..Origin::default() };
    check(
        play(&once, false, 7_750, 14_000, false),
        expect![[r#"
         8870 Joined(1.12s)
        latency 1870 to 1870, 31 pieces
    "#]],
    );
    let all = Origin { fail: |_, _| true, ..Origin::default() };
    check(
        play(&all, false, 7_750, 20_000, true),
        expect![[r#"
         7750 multivariant
         8760 multivariant
         9770 multivariant
        10780 multivariant
        11790 multivariant
        12800 multivariant
        13810 multivariant
        13820 GaveUp
    "#]],
    );
}

#[test]
fn who_falls_out_of_the_window_joins_again() {
    let origin = Origin {
        // Its media requests fail for a while.
        fail: |what, number| matches!(what, What::Part(_) | What::Segment(_)) && (12..60).contains(&number),
        window: 2,
        ..Origin::default()
    };
    check(
        play(&origin, false, 7_750, 30_000, false),
        expect![[r#"
        10890 Behind
        11990 Joined(4.24s)
        latency 1790 to 1790, 95 pieces
    "#]],
    );
}

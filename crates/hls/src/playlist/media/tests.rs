#![allow(clippy::unwrap_used)]

use std::time::Duration;

use expect_test::{Expect, expect};

use super::{Report, Skip, render};
use crate::presentation::tests::{Rig, audio_track, steady, video_track};
use crate::{Mode, Plan};

/// The playlist of a rendition after a steady stream of so many seconds.
fn check(mode: Mode, seconds: i64, ended: bool, rendition: usize, skip: Option<Skip>, expect: Expect) {
    let plan = Plan::new(mode, None, Duration::from_secs(30));
    let mut rig = Rig::new(plan, &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, seconds, 30);
    if ended {
        rig.finish();
    }
    let other = ["../audio/media.m3u8", "../video/media.m3u8"][rendition];
    let report = Report::of(other, rig.index(1 - rendition)).unwrap();
    expect.assert_eq(&render(rig.index(rendition), skip, &[report]));
}

#[test]
fn parts_hint_and_report() {
    check(
        Mode::UltraLow,
        2,
        false,
        0,
        None,
        expect![[r##"
            #EXTM3U
            #EXT-X-VERSION:6
            #EXT-X-TARGETDURATION:2
            #EXT-X-INDEPENDENT-SEGMENTS
            #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.641,HOLD-BACK=6,CAN-SKIP-UNTIL=12
            #EXT-X-PART-INF:PART-TARGET=0.20100
            #EXT-X-MEDIA-SEQUENCE:1
            #EXT-X-DISCONTINUITY-SEQUENCE:0
            #EXT-X-MAP:URI="init0.mp4"
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.066Z
            #EXT-X-PART:DURATION=0.20001,URI="p0.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.20001,URI="p1.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p2.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p3.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p4.m4s"
            #EXTINF:1.00000,
            s1.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:21.066Z
            #EXT-X-PART:DURATION=0.20001,URI="p5.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.20001,URI="p6.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p7.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p8.m4s"
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI="p9.m4s",DURATION=0.20000
            #EXT-X-PRELOAD-HINT:TYPE=MAP,URI="init0.mp4"
            #EXT-X-RENDITION-REPORT:URI="../audio/media.m3u8",LAST-MSN=2,LAST-PART=3
        "##]],
    );
}

#[test]
fn sound_has_its_own_part_target_and_the_same_hold_backs() {
    check(
        Mode::UltraLow,
        2,
        false,
        1,
        None,
        expect![[r##"
            #EXTM3U
            #EXT-X-VERSION:6
            #EXT-X-TARGETDURATION:2
            #EXT-X-INDEPENDENT-SEGMENTS
            #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.641,HOLD-BACK=6,CAN-SKIP-UNTIL=12
            #EXT-X-PART-INF:PART-TARGET=0.21334
            #EXT-X-MEDIA-SEQUENCE:1
            #EXT-X-DISCONTINUITY-SEQUENCE:0
            #EXT-X-MAP:URI="init0.mp4"
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.085Z
            #EXT-X-PART:DURATION=0.21334,URI="p0.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.21334,URI="p1.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.21334,URI="p2.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.21334,URI="p3.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.21334,URI="p4.m4s",INDEPENDENT=YES
            #EXTINF:1.06667,
            s1.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:21.152Z
            #EXT-X-PART:DURATION=0.21334,URI="p5.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.21334,URI="p6.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.21334,URI="p7.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.21334,URI="p8.m4s",INDEPENDENT=YES
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI="p9.m4s",DURATION=0.21334
            #EXT-X-PRELOAD-HINT:TYPE=MAP,URI="init0.mp4"
            #EXT-X-RENDITION-REPORT:URI="../video/media.m3u8",LAST-MSN=2,LAST-PART=3
        "##]],
    );
}

#[test]
fn the_end_has_no_hint() {
    check(
        Mode::Low,
        3,
        true,
        0,
        None,
        expect![[r##"
            #EXTM3U
            #EXT-X-VERSION:6
            #EXT-X-TARGETDURATION:3
            #EXT-X-INDEPENDENT-SEGMENTS
            #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=8.7,HOLD-BACK=9,CAN-SKIP-UNTIL=18
            #EXT-X-PART-INF:PART-TARGET=1.00100
            #EXT-X-MEDIA-SEQUENCE:1
            #EXT-X-DISCONTINUITY-SEQUENCE:0
            #EXT-X-MAP:URI="init0.mp4"
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.066Z
            #EXT-X-PART:DURATION=1.00001,URI="p0.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=1.00001,URI="p1.m4s",INDEPENDENT=YES
            #EXTINF:2.00000,
            s1.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:22.066Z
            #EXT-X-PART:DURATION=1.00100,URI="p2.m4s",INDEPENDENT=YES
            #EXTINF:1.00100,
            s2.m4s
            #EXT-X-ENDLIST
        "##]],
    );
}

#[test]
fn normal_latency_has_no_parts() {
    check(
        Mode::Normal,
        8,
        false,
        0,
        None,
        expect![[r##"
            #EXTM3U
            #EXT-X-VERSION:6
            #EXT-X-TARGETDURATION:6
            #EXT-X-INDEPENDENT-SEGMENTS
            #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=24,CAN-SKIP-UNTIL=36
            #EXT-X-MEDIA-SEQUENCE:1
            #EXT-X-DISCONTINUITY-SEQUENCE:0
            #EXT-X-MAP:URI="init0.mp4"
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.066Z
            #EXTINF:2.00000,
            s1.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:22.066Z
            #EXTINF:2.00000,
            s2.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:24.066Z
            #EXTINF:2.00000,
            s3.m4s
            #EXT-X-RENDITION-REPORT:URI="../audio/media.m3u8",LAST-MSN=3
        "##]],
    );
}

#[test]
fn a_delta_skips_what_is_older_than_six_target_durations() {
    check(
        Mode::UltraLow,
        16,
        false,
        0,
        Some(Skip::V2),
        expect![[r##"
            #EXTM3U
            #EXT-X-VERSION:9
            #EXT-X-TARGETDURATION:2
            #EXT-X-INDEPENDENT-SEGMENTS
            #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.641,HOLD-BACK=6,CAN-SKIP-UNTIL=12
            #EXT-X-PART-INF:PART-TARGET=0.20100
            #EXT-X-MEDIA-SEQUENCE:1
            #EXT-X-DISCONTINUITY-SEQUENCE:0
            #EXT-X-SKIP:SKIPPED-SEGMENTS=3
            #EXT-X-MAP:URI="init0.mp4"
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:23.066Z
            #EXTINF:1.00000,
            s4.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:24.066Z
            #EXTINF:1.00000,
            s5.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:25.066Z
            #EXTINF:1.00000,
            s6.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:26.066Z
            #EXTINF:1.00000,
            s7.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:27.066Z
            #EXTINF:1.00000,
            s8.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:28.066Z
            #EXTINF:1.00000,
            s9.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:29.066Z
            #EXT-X-PART:DURATION=0.20001,URI="p45.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.20001,URI="p46.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p47.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p48.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p49.m4s"
            #EXTINF:1.00000,
            s10.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:30.066Z
            #EXT-X-PART:DURATION=0.20001,URI="p50.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.20001,URI="p51.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p52.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p53.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p54.m4s"
            #EXTINF:1.00000,
            s11.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:31.066Z
            #EXT-X-PART:DURATION=0.20001,URI="p55.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.20001,URI="p56.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p57.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p58.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p59.m4s"
            #EXTINF:1.00000,
            s12.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:32.066Z
            #EXT-X-PART:DURATION=0.20001,URI="p60.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.20001,URI="p61.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p62.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p63.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p64.m4s"
            #EXTINF:1.00000,
            s13.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:33.066Z
            #EXT-X-PART:DURATION=0.20001,URI="p65.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.20001,URI="p66.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p67.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p68.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p69.m4s"
            #EXTINF:1.00000,
            s14.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:34.066Z
            #EXT-X-PART:DURATION=0.20001,URI="p70.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.20001,URI="p71.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p72.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p73.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p74.m4s"
            #EXTINF:1.00000,
            s15.m4s
            #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:35.066Z
            #EXT-X-PART:DURATION=0.20001,URI="p75.m4s",INDEPENDENT=YES
            #EXT-X-PART:DURATION=0.20001,URI="p76.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p77.m4s"
            #EXT-X-PART:DURATION=0.20001,URI="p78.m4s"
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI="p79.m4s",DURATION=0.20000
            #EXT-X-PRELOAD-HINT:TYPE=MAP,URI="init0.mp4"
            #EXT-X-RENDITION-REPORT:URI="../audio/media.m3u8",LAST-MSN=16,LAST-PART=2
        "##]],
    );
}

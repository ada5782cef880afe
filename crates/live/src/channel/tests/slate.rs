//! When the slate is prepared, shown and ended.

use super::*;

#[test]
fn the_slate_is_prepared_shown_and_ended_by_a_key_frame() {
    let mut bench = live();
    bench.at(1000).media(1).at(4000).media(1).at(4300).media(1).key_frame(1, 0).at(4400).media(1);
    // Short silence: nothing is shown, and the next one is prepared for anew.
    bench.at(5400).media(1).at(6200).media(1);
    bench.check(&expect![[r#"
        0.8    PrepareSlate { session: ses_1 }
        1.8    PrepareSlate { session: ses_1 }
        2.5  session.error: channel Studio A: session ses_1 is in error: the publisher sent nothing for 1.5 s; it waits 30 s for media
        2.5    ShowSlate { session: ses_1 }
        4.3    EndSlate { session: ses_1, anew: false }
        4.3  session.recovered: channel Studio A: session ses_1 recovered after 1.8 s
        5.2    PrepareSlate { session: ses_1 }
        6.2    PrepareSlate { session: ses_1 }
    "#]]);
}

#[test]
fn a_burst_is_let_catch_up_and_a_late_clock_is_set_anew() {
    let mut burst = live();
    burst.at(4000).key_frame(1, 3000).key_frame(1, 2000).at(4100).key_frame(1, 1).key_frame(1, 0);
    burst.check(&expect![[r#"
        0.8    PrepareSlate { session: ses_1 }
        1.5  session.error: channel Studio A: session ses_1 is in error: the publisher sent nothing for 1.5 s; it waits 30 s for media
        1.5    ShowSlate { session: ses_1 }
        4.1    EndSlate { session: ses_1, anew: false }
        4.1  session.recovered: channel Studio A: session ses_1 recovered after 2.6 s
    "#]]);
    let mut late = live();
    for ms in (4000..8000).step_by(500) {
        late.at(ms).key_frame(1, 3000);
    }
    late.check(&expect![[r#"
        0.8    PrepareSlate { session: ses_1 }
        1.5  session.error: channel Studio A: session ses_1 is in error: the publisher sent nothing for 1.5 s; it waits 30 s for media
        1.5    ShowSlate { session: ses_1 }
        6.0    EndSlate { session: ses_1, anew: true }
        6.0  session.recovered: channel Studio A: session ses_1 recovered after 4.5 s
    "#]]);
}

#[test]
fn who_returns_before_the_slate_needs_no_key_frame() {
    let mut bench = live();
    bench.at(1000).media(1).input(Input::Lost { publisher: PublisherId(1), why: "timed out".into() });
    bench.at(1200).publish(2).at(2000).media(2);
    bench.check(&expect![[r#"
        0.8    PrepareSlate { session: ses_1 }
        1.0  ingest.disconnected: channel Studio A: publisher 127.0.0.1:5001 is gone: timed out
        1.0  session.error: channel Studio A: session ses_1 is in error: the publisher was lost (timed out); it waits 30 s for media
        1.0    PrepareSlate { session: ses_1 }
        1.2    Admit { publisher: PublisherId(2), session: ses_1, resumed: true }
        1.2  ingest.connected: channel Studio A: publisher 127.0.0.1:5002 resumes the session (Lavf59)
        2.0  session.recovered: channel Studio A: session ses_1 recovered after 1.0 s
    "#]]);
}

#[test]
fn a_patient_slate_does_not_keep_out_who_takes_over() {
    let mut bench = Bench::new(Config { slate_after: Duration::from_secs(10), ..config() }, false);
    bench.go_live(1).told.clear();
    bench.at(1000).media(1).at(2900).publish(2).at(3000).publish(3).at(3100).media(3);
    bench.check(&expect![[r#"
        2.9    Refuse { publisher: PublisherId(2), refusal: Busy }
        2.9  ingest.rejected: channel Studio A: publisher 127.0.0.1:5002 refused: another publisher is live on this channel. End that one first, or use another channel's key.
        3.0  session.error: channel Studio A: session ses_1 is in error: the publisher sent nothing for 2.0 s; it waits 30 s for media
        3.0    PrepareSlate { session: ses_1 }
        3.0  ingest.disconnected: channel Studio A: publisher 127.0.0.1:5001 is gone: another publisher took over after this one fell silent
        3.0    Kick { publisher: PublisherId(1), reason: TakenOver }
        3.0    Admit { publisher: PublisherId(3), session: ses_1, resumed: true }
        3.0  ingest.connected: channel Studio A: publisher 127.0.0.1:5003 resumes the session (Lavf59)
        3.1  session.recovered: channel Studio A: session ses_1 recovered after 0.1 s
    "#]]);
}

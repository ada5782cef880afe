//! Which fault breaks which rule: one test each.

use super::breaks;
use super::origin::Fault;

macro_rules! cases {
    ($($name:ident: $rule:literal $fault:ident $($ends:ident)?;)+) => {
        /// Each rule with its faults.
        pub(super) const CASES: &[(u8, Fault)] = &[$(($rule, Fault::$fault)),+];
        $(
            #[test]
            fn $name() {
                breaks($rule, Fault::$fault, [$(stringify!($ends))?].contains(&"ends"));
            }
        )+
    };
}

cases! {
    parts_without_part_inf: 1 NoPartInf;
    a_version_higher_than_needed: 1 VersionTooHigh;
    a_version_too_low: 1 VersionTooLow;
    a_delta_with_the_full_playlists_version: 1 DeltaVersion;
    a_part_without_a_duration: 1 NoDuration;
    a_part_hold_back_of_two_parts: 2 PartHoldBack;
    a_hold_back_of_two_segments: 2 HoldBack;
    a_skip_boundary_too_near: 2 SkipUntil;
    no_delta_updates: 2 NoSkip;
    parts_longer_than_their_target: 3 LongParts;
    parts_shorter_than_85_percent: 3 ShortParts;
    a_part_that_holds_more_than_it_says: 3 Misdeclared;
    a_key_frame_without_independent: 4 NoIndependent;
    independent_without_a_key_frame: 4 FalseIndependent;
    a_key_frame_late_in_its_segment: 4 LateKeyFrame;
    a_segment_longer_than_the_target: 5 LongSegment;
    a_part_target_that_changes: 5 ChangingTarget;
    no_dates: 6 NoDates;
    no_date_after_a_discontinuity: 6 NoDateAfterDiscontinuity;
    dates_apart_in_two_renditions: 6 DatesApart;
    dates_that_move: 6 MovingDates;
    a_discontinuity_after_the_first_part: 7 LateDiscontinuity;
    a_map_after_the_first_part: 7 LateMap;
    two_hints: 8 TwoHints;
    no_hint: 8 NoHint;
    a_hint_that_does_not_come_true: 8 FalseHint;
    a_hint_under_the_old_map: 8 HintUnderOldMap;
    a_hint_after_the_end: 8 HintAfterEnd ends;
    no_rendition_report: 9 NoReport;
    a_stale_rendition_report: 9 StaleReport;
    an_absolute_rendition_report: 9 AbsoluteReport;
    a_rendition_report_without_its_part: 9 ReportWithoutPart;
    a_playlist_type_where_segments_go: 10 PlaylistType;
    no_discontinuity_sequence: 10 NoDiscontinuitySequence;
    another_target_duration_in_the_sound: 11 TargetApart;
    another_server_control_in_the_sound: 11 ControlApart;
    discontinuities_apart: 11 DiscontinuitiesApart;
    no_codecs: 12 NoCodecs;
    no_average_bandwidth: 12 NoAverageBandwidth;
    no_frame_rate: 12 NoFrameRate;
    another_resolution: 12 FalseResolution;
    two_media_in_one_track: 12 Muxed;
    a_segment_renamed: 13 Renamed;
    a_discontinuity_sequence_that_stands_still: 13 StuckDiscontinuitySequence;
    a_late_part: 14 LatePart;
    part_tags_that_stay: 15 OldParts;
    part_tags_gone_early: 15 PartsGoneEarly;
    a_parts_url_gone_with_its_tag: 15 PartUrlGone;
    a_segment_unlike_its_parts: 16 OtherSamples;
    parts_that_overlap: 16 Overlap;
    a_segment_missing_without_gap: 17 MissingSegment;
    a_new_timeline_without_discontinuity: 17 TimelineJump;
    a_window_of_two_segments: 17 ThinWindow;
    an_answer_before_its_segment: 18 AnswersEarly;
    no_next_segment_for_a_part_past_the_last: 18 PastLastRefused;
    the_farthest_segment_refused: 18 FarthestRefused;
    the_past_held: 19 PastHeld;
    the_long_past_refused: 19 LongPastRefused;
    a_part_alone_answered: 20 PartAlone;
    a_segment_too_far_held: 20 TooFarHeld;
    a_part_too_far_held: 20 PartTooFarHeld;
    a_hold_given_up_early: 21 EarlyGiveUp;
    parameters_minded_after_the_end: 21 ParametersAfterEnd ends;
    a_delta_that_lacks_a_segment: 22 DeltaLacks;
    a_delta_past_the_skip_boundary: 22 DeltaTooMuch;
    a_hinted_part_that_trickles: 23 HintTrickles;
    a_hinted_part_refused: 23 HintRefused;
    a_part_never_hinted_answered: 23 NeverHinted;
    no_gzip: 24 NoGzip;
    no_vary: 24 NoVary;
    a_wrong_playlist_type: 24 PlaylistMime;
    a_wrong_media_type: 24 MediaMime;
    media_redirected: 24 Redirect;
    no_http_2: 25 NoHttp2;
    no_http_1: 25 NoHttp1;
    no_cache_headers: 26 NoCacheControl;
    a_browser_lifetime_on_blocking_answers: 26 BrowserLifetime;
    blocking_answers_that_no_cdn_may_keep: 26 BlockingUncached;
    a_playlist_kept_too_long: 26 PlaylistKept;
    parts_that_no_cdn_may_keep: 26 PartsUncached;
    errors_kept_for_an_hour: 26 ErrorsKept;
}

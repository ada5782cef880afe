//! One viewer's player without its sockets: what it asks for and when, what it has, how it plays. Time is an argument.
//!
//! It does what hls.js does: joins PART-HOLD-BACK (else HOLD-BACK, else three target durations) behind the edge, from the
//! key frame before that place; fetches a rendition's parts one after another; asks for the next playlist at once where
//! the origin blocks reloads; plays at speed one and doesn't catch up after a stall. Hinted parts are asked for only where
//! [`Config::hints`] says so: hls.js doesn't.
//!
//! **Position** is time on the media's own clock: PROGRAM-DATE-TIME where it joined (any, where there is none), and from
//! there on the sum of durations, as a source buffer has it.
//!
//! ```text
//! Opening ──playlists──▶ Buffering ──enough──▶ Playing ⇄ Stalled ──all played──▶ Ended
//!    └──────────────────────┴───── failed too often ────┴────────────────────▶ GaveUp
//! ```

mod join;
mod track;

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::playlist::{Media, Resource};
use track::Track;

/// Playing begins, and goes on after a stall, with so much ahead, or with the hold-back where that is less.
const ENOUGH: Duration = Duration::from_secs(1);
/// No more is fetched ahead (hls.js: maxBufferLength).
const MOST: Duration = Duration::from_secs(30);
/// A request that failed is repeated after so long (hls.js: retryDelayMs).
const RETRY: Duration = Duration::from_secs(1);
/// So many failures in a row end it (hls.js: maxNumRetry of its fragLoadPolicy).
const RETRIES: u32 = 6;

/// How it plays.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    /// Ask for hinted parts.
    pub hints: bool,
    /// The wall clock (since 1970) at time zero.
    pub wall: Duration,
}

/// What the player wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// Fetch it, and tell by [`Player::answered`].
    Fetch(Fetch),
    /// Something to count.
    Event(Event),
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fetch {
    /// Which of the playlists of the multivariant; 0 of the multivariant itself.
    pub track: usize,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Multivariant,
    Playlist(Directives),
    Init(Resource),
    Part(Resource),
    /// A part that isn't there yet: the answer waits for it.
    Hint(Resource),
    Segment(Resource),
}

/// `_HLS_msn`, `_HLS_part`, `_HLS_skip`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub msn: Option<u64>,
    pub part: Option<usize>,
    pub skip: bool,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// So many playlists are to be played together.
    Multivariant(usize),
    Playlist(Rc<Media>),
    /// Media, whole.
    Body,
    Failed,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It plays, so long after its first request.
    Joined(Duration),
    /// Wall clock less the PROGRAM-DATE-TIME of the picture that is shown.
    Latency(Duration),
    /// A stall is over, or the run is.
    Stalled(Duration),
    /// Media that the origin says is missing.
    Gap(Duration),
    /// It fell out of the playlist's window and joined again.
    Behind,
    /// All was played.
    Ended,
    /// It failed too often in a row.
    GaveUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Playlists are asked for.
    Opening,
    /// It has its place; there isn't enough ahead of it.
    Buffering {
        at: Duration,
    },
    /// It was `at` this position at this time.
    Playing {
        since: Duration,
        at: Duration,
    },
    /// It ran out.
    Stalled {
        since: Duration,
        at: Duration,
    },
    Ended,
    GaveUp,
}

/// One viewer.
#[derive(Debug)]
pub(super) struct Player {
    config: Config,
    state: State,
    begun: Duration,
    tracks: Vec<Track>,
    /// The multivariant is to be asked for, then.
    open_at: Option<Duration>,
    failures: u32,
    /// Where each discontinuity begins, for all tracks: who comes to it first says.
    breaks: VecDeque<(u64, Duration)>,
    outputs: VecDeque<Output>,
}

impl Player {
    /// A player that opens the address now.
    pub(super) fn new(config: Config, now: Duration) -> Self {
        let mut player = Self {
            config,
            state: State::Opening,
            begun: now,
            tracks: Vec::new(),
            open_at: Some(now),
            failures: 0,
            breaks: VecDeque::new(),
            outputs: VecDeque::new(),
        };
        player.act(now);
        player
    }

    /// The next thing to do; ask until there is none.
    pub(super) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether it plays no more and wants nothing.
    pub(super) fn over(&self) -> bool {
        match self.state {
            State::Ended | State::GaveUp => true,
            State::Opening | State::Buffering { .. } | State::Playing { .. } | State::Stalled { .. } => false,
        }
    }

    /// When [`Player::timeout`] wants to be called.
    pub(super) fn deadline(&self) -> Option<Duration> {
        if self.over() {
            return None;
        }
        let own = self.open_at.into_iter().chain(self.end_at());
        own.chain(self.tracks.iter().filter_map(Track::due)).min()
    }

    /// Time has passed.
    pub(super) fn timeout(&mut self, now: Duration) {
        self.advance(now);
        self.act(now);
    }

    /// A request came to its end.
    pub(super) fn answered(&mut self, fetch: &Fetch, answer: Answer, now: Duration) {
        if self.over() {
            return;
        }
        self.advance(now);
        match answer {
            Answer::Failed => self.failed(fetch, now),
            Answer::Multivariant(renditions) => {
                self.failures = 0;
                self.tracks = (0..renditions).map(|_| Track::new(now)).collect();
            }
            Answer::Playlist(media) => {
                self.failures = 0;
                if let Some(track) = self.tracks.get_mut(fetch.track) {
                    track.listed(media, now);
                }
                self.open();
            }
            Answer::Body => {
                self.failures = 0;
                if let Some(track) = self.tracks.get_mut(fetch.track) {
                    track.arrived(&fetch.what, &mut self.breaks);
                }
                if fetch.track == 0 {
                    self.tell_latency(now);
                }
            }
        }
        self.act(now);
    }

    /// The run is over: a stall that still lasts is told.
    pub(super) fn stop(&mut self, now: Duration) {
        self.advance(now);
        if let State::Stalled { since, .. } = self.state {
            self.tell(Event::Stalled(now.saturating_sub(since)));
        }
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn failed(&mut self, fetch: &Fetch, now: Duration) {
        self.failures += 1;
        if self.failures > RETRIES {
            self.state = State::GaveUp;
            self.tell(Event::GaveUp);
            return;
        }
        match self.tracks.get_mut(fetch.track) {
            Some(track) => track.failed(&fetch.what, now + RETRY),
            None => self.open_at = Some(now + RETRY),
        }
    }

    /// All that can be asked for is asked for.
    fn act(&mut self, now: Duration) {
        if self.over() {
            return;
        }
        if self.open_at.is_some_and(|at| at <= now) {
            self.open_at = None;
            self.outputs.push_back(Output::Fetch(Fetch { track: 0, what: What::Multivariant }));
        }
        let playhead = self.playhead(now);
        let mut behind = false;
        for number in 0..self.tracks.len() {
            let track = &mut self.tracks[number];
            let list = track.reload(now);
            let media = match track.media(now, playhead, self.config.hints, &mut self.breaks) {
                track::Next::Fetch(what) => Some(what),
                track::Next::Nothing => None,
                track::Next::Gone => {
                    behind = true;
                    None
                }
            };
            let gaps = track.gaps.drain(..).map(|gap| Output::Event(Event::Gap(gap)));
            self.outputs.extend(gaps);
            let fetches = list.into_iter().chain(media);
            self.outputs.extend(fetches.map(|what| Output::Fetch(Fetch { track: number, what })));
        }
        if behind {
            self.rejoin(now);
        } else {
            self.play(now);
        }
    }

    /// Begins or goes on, where there is enough.
    fn play(&mut self, now: Duration) {
        let Some(end) = self.buffered() else { return };
        let ahead = join::hold_back(&self.tracks).min(ENOUGH);
        let enough = |at| end >= at + ahead || (self.complete() && end > at);
        match self.state {
            State::Buffering { at } if enough(at) => {
                self.state = State::Playing { since: now, at };
                self.tell(Event::Joined(now.saturating_sub(self.begun)));
            }
            State::Stalled { since, at } if enough(at) => {
                self.state = State::Playing { since: now, at };
                self.tell(Event::Stalled(now.saturating_sub(since)));
            }
            State::Opening
            | State::Buffering { .. }
            | State::Stalled { .. }
            | State::Playing { .. }
            | State::Ended
            | State::GaveUp => {}
        }
        // What is complete may have been played by now.
        self.advance(now);
    }

    /// Takes the playhead to `now`.
    fn advance(&mut self, now: Duration) {
        let Some(end) = self.buffered() else { return };
        let (since, at) = match self.state {
            State::Playing { since, at } => (since, at),
            // The end was reached before it was known to be one.
            State::Stalled { since, at } if self.complete() && at >= end => {
                self.tell(Event::Stalled(now.saturating_sub(since)));
                (since, at)
            }
            State::Opening
            | State::Buffering { .. }
            | State::Stalled { .. }
            | State::Ended
            | State::GaveUp => {
                return;
            }
        };
        let out = since + end.saturating_sub(at);
        if self.complete() && now >= out {
            self.state = State::Ended;
            self.tell(Event::Ended);
        } else if now > out {
            self.state = State::Stalled { since: out, at: end };
        }
    }

    /// When all will be played, where that is known.
    fn end_at(&self) -> Option<Duration> {
        match self.state {
            State::Playing { since, at } if self.complete() => {
                Some(since + self.buffered()?.saturating_sub(at))
            }
            State::Opening
            | State::Buffering { .. }
            | State::Playing { .. }
            | State::Stalled { .. }
            | State::Ended
            | State::GaveUp => None,
        }
    }

    /// What all tracks have; where one ended before the others, it holds nobody up.
    fn buffered(&self) -> Option<Duration> {
        let running = self.tracks.iter().filter(|track| !track.complete()).map(Track::end).min();
        running.or_else(|| self.tracks.iter().map(Track::end).max())
    }

    fn complete(&self) -> bool {
        !self.tracks.is_empty() && self.tracks.iter().all(Track::complete)
    }

    fn playhead(&self, now: Duration) -> Duration {
        match self.state {
            State::Playing { since, at } => at + now.saturating_sub(since),
            State::Buffering { at } | State::Stalled { at, .. } => at,
            State::Opening | State::Ended | State::GaveUp => Duration::ZERO,
        }
    }

    fn tell_latency(&mut self, now: Duration) {
        let State::Playing { .. } = self.state else { return };
        let playhead = self.playhead(now);
        let Some(date) = self.tracks.first_mut().and_then(|track| track.date_at(playhead)) else { return };
        // Clocks of two machines may differ by more than the latency.
        self.tell(Event::Latency((self.config.wall + now).saturating_sub(date)));
    }

    /// Finds its place, once each rendition's first playlist is there.
    fn open(&mut self) {
        let State::Opening = self.state else { return };
        if let Some(at) = join::place(&mut self.tracks) {
            self.state = State::Buffering { at };
        }
    }

    /// What it wanted next has left the playlist: it goes to where it would join now.
    fn rejoin(&mut self, now: Duration) {
        self.tell(Event::Behind);
        self.breaks.clear();
        let Some(at) = join::place(&mut self.tracks) else { return };
        self.state = match self.state {
            State::Playing { .. } => State::Stalled { since: now, at },
            State::Stalled { since, .. } => State::Stalled { since, at },
            State::Buffering { .. } => State::Buffering { at },
            same @ (State::Opening | State::Ended | State::GaveUp) => same,
        };
        self.act(now);
    }
}

#[cfg(test)]
mod tests;

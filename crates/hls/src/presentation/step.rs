//! The source's own renditions, which come together: where one cuts or breaks, all do.

use media::{AccessUnit, Timestamp, Track};

use super::{Changes, bridge};
use crate::packager::{Cut, Packager};
use crate::{Change, Changeset, reload};

/// One unit through its packager, and what follows from it for the others.
pub(super) fn step(packagers: &mut [Packager], leader: usize, r: usize, unit: AccessUnit, out: &mut Changes) {
    if packagers[r].hole(&unit).is_some() {
        bridge::over(packagers, leader, unit.dts, out);
        break_off(packagers, &[], false, out);
    }
    if r != leader && packagers[r].overruns(&unit) {
        // The leader is silent: its segment ends here too, with what it has, or else as a GAP.
        let msn = packagers[r].index().current_msn();
        if let Some(or) = here(&packagers[r]) {
            for (i, other) in packagers.iter_mut().enumerate() {
                if i != r && other.index().current_msn() <= msn {
                    catch_up(other, i, msn + 1, or, out);
                }
            }
        }
    }
    let changes = packagers[r].push(unit);
    let sealed = changes.changes.iter().rev().find_map(|change| match change {
        Change::Sealed(segment) => Some(segment.clone()),
        Change::Init(_) | Change::Part(_) | Change::Removed(_) | Change::Late { .. } => None,
    });
    push(out, r, changes);
    if r != leader {
        return;
    }
    let next = packagers[leader].index().open().map(|open| open.start);
    if let (Some(sealed), Some(at)) = (sealed, next) {
        let cut = Cut { at, ..Cut::from(&*sealed) };
        for (i, follower) in packagers.iter_mut().enumerate().filter(|(i, _)| *i != leader) {
            catch_up(follower, i, sealed.msn, cut, out);
            if follower.index().current_msn() == sealed.msn {
                push(out, i, follower.cut(cut));
            }
        }
    }
}

/// Every rendition closes at the same MSN and goes on after a DISCONTINUITY, under its `track` where there is one. `anew`:
/// what is made of them needs another MAP, too, and a segment before it.
pub(super) fn break_off(
    packagers: &mut [Packager],
    tracks: &[Option<&Track>],
    anew: bool,
    out: &mut Changes,
) {
    let track = |i: usize| tracks.get(i).copied().flatten();
    let (mut target, or) = reach(packagers);
    // "What stock players do": the part that is hinted now must come true before another MAP is in force.
    let promised = |i: usize, p: &Packager| {
        let other = anew || track(i).is_some_and(|track| p.other_map(track));
        p.index().control.plan.parts && !p.has_frames() && other
    };
    let late = packagers.iter().enumerate().any(|(i, p)| promised(i, p) && p.index().current_msn() == target);
    target += u64::from(late);
    let unseen = packagers.iter().all(|p| !reload::joinable(p.index()));
    for (i, packager) in packagers.iter_mut().enumerate() {
        if promised(i, packager)
            || (late && packager.index().current_msn() + 1 == target && !packager.has_media())
        {
            let mut changes = Changeset::default();
            packager.repeat_key(None, &mut changes);
            push(out, i, changes);
        }
        while packager.index().current_msn() < target {
            push(out, i, packager.close_for_good(or));
        }
        push(out, i, packager.discontinuity(track(i)));
        if unseen {
            packager.begin_here();
        }
    }
}

/// The MSN behind all that came, and what stands in a rendition that has nothing up to there.
fn reach(packagers: &[Packager]) -> (u64, Cut) {
    let beyond = |p: &Packager| p.index().current_msn() + u64::from(p.has_media());
    let target = packagers.iter().map(beyond).max().unwrap_or(0);
    let longest = packagers.iter().filter(|p| beyond(p) == target).find_map(here);
    let zero = Timestamp::millis(0);
    let end = packagers.iter().filter_map(Packager::comes_to).max().unwrap_or(zero);
    (target, longest.unwrap_or(Cut { at: end, start: end, duration: zero }))
}

/// Every rendition closes at the same MSN, and goes on there.
pub(super) fn close_all(packagers: &mut [Packager], out: &mut Changes) {
    let (target, or) = reach(packagers);
    for (i, packager) in packagers.iter_mut().enumerate() {
        while packager.index().current_msn() < target {
            push(out, i, packager.close_for_good(or));
        }
    }
}

/// Closes segments until `msn` is the next.
fn catch_up(packager: &mut Packager, i: usize, msn: u64, or: Cut, out: &mut Changes) {
    while packager.index().current_msn() < msn {
        push(out, i, packager.close(or));
    }
}

/// The open segment's place and length so far.
fn here(packager: &Packager) -> Option<Cut> {
    let open = packager.index().open()?;
    let duration = packager.elapsed();
    Some(Cut { at: open.start.plus(duration), start: open.start, duration })
}

pub(super) fn push(out: &mut Changes, i: usize, changes: Changeset) {
    if !changes.changes.is_empty() {
        out.push((i, changes));
    }
}

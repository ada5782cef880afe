//! The `Date` of answers (RFC 9110 §6.6.1), put together once a second.

use std::cell::RefCell;
use std::time::UNIX_EPOCH;

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::clock::Clock;

/// RFC 9110 §5.6.7.
const IMF: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

thread_local! {
    static KEPT: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// Hands the date of this second to `work`.
pub(super) fn with<T>(clock: &Clock, work: impl FnOnce(&str) -> T) -> T {
    let second = clock.wall().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    KEPT.with_borrow_mut(|(of, text)| {
        if *of != second || text.is_empty() {
            *of = second;
            *text = clock.utc().format(IMF).unwrap_or_default();
        }
        work(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_http_writes_it() {
        let at = time::macros::datetime!(1994-11-06 08:49:37 UTC);
        assert_eq!(at.format(IMF).ok().as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
        let now = with(&Clock::system(), str::to_owned);
        assert!(now.ends_with(" GMT") && now.len() == 29, "{now}");
    }
}

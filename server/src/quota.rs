//! So many of a thing at once: connections of an address, requests that wait for a channel.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts what is held, by key; clones count together.
#[derive(Debug)]
pub(crate) struct Quota<K> {
    limit: usize,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

/// One of them; it counts until dropped.
#[derive(Debug)]
pub(crate) struct Pass<K: Eq + Hash> {
    key: K,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K> Clone for Quota<K> {
    fn clone(&self) -> Self {
        Self { limit: self.limit, held: Arc::clone(&self.held) }
    }
}

impl<K: Eq + Hash + Clone> Quota<K> {
    /// At most `limit` a key.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, held: Arc::default() }
    }

    /// One more; `None` where there are as many as may be.
    pub(crate) fn take(&self, key: K) -> Option<Pass<K>> {
        let mut held = lock(&self.held);
        let count = held.get(&key).copied().unwrap_or(0);
        if count >= self.limit {
            return None;
        }
        held.insert(key.clone(), count + 1);
        Some(Pass { key, held: Arc::clone(&self.held) })
    }

    /// How many a key may hold.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }
}

impl<K: Eq + Hash> Drop for Pass<K> {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}

fn lock<K>(held: &Mutex<HashMap<K, usize>>) -> MutexGuard<'_, HashMap<K, usize>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_key_and_not_one_more() {
        let quota = Quota::new(3);
        let mut passes: Vec<_> = std::iter::from_fn(|| quota.take("one")).collect();
        assert_eq!(passes.len(), 3);
        assert!(quota.take("other").is_some(), "another key counts apart");
        passes.pop();
        assert!(quota.take("one").is_some(), "what went makes room");
        drop(passes);
        assert!(lock(&quota.held).is_empty(), "nothing is kept of those who left");
    }
}

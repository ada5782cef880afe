//! What a session has to say, in order.
use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;

/// What a session wants next. Poll until `Timeout`.
#[derive(Clone, Debug, PartialEq)]
pub enum Output<E> {
    /// Send these bytes.
    Send(Bytes),
    /// Something happened.
    Event(E),
    /// Nothing more for now. Call `handle_timeout` at this time if nothing came by then.
    Timeout(Option<Instant>),
}

/// Bounded by what one call of `handle_input` can cause.
pub(crate) struct Outbox<E> {
    queue: VecDeque<Output<E>>,
    pub(crate) deadline: Option<Instant>,
}

impl<E> Outbox<E> {
    pub(crate) fn new(deadline: Option<Instant>) -> Self {
        Self { queue: VecDeque::new(), deadline }
    }

    pub(crate) fn send(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.queue.push_back(Output::Send(bytes));
        }
    }

    pub(crate) fn event(&mut self, event: E) {
        self.queue.push_back(Output::Event(event));
    }

    pub(crate) fn drop_events(&mut self) {
        self.queue.retain(|output| matches!(output, Output::Send(_)));
    }

    pub(crate) fn poll(&mut self) -> Output<E> {
        self.queue.pop_front().unwrap_or(Output::Timeout(self.deadline))
    }
}

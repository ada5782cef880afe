//! Takes a picture and a voice to an RTMP server. The straight line is [`run`]:
//!
//! ```text
//! capture (threads) ─▶ raw::Queue ─▶ encode (thread) ─▶ send::Queue ─▶ publish (tokio)
//!   camera, card, file   drops the     x264, AAC          drops to a      rtmp client,
//!   microphone, tone     oldest                           key frame       reconnects
//! ```
//!
//! Pixels never leave the process.
//!
//! **Belongs here:** devices, pacing, the encoders' thread, reconnecting, the command line and the control protocol of
//! `sigma-broadcast`. **Does not:** codecs (`codec`), the protocol (`rtmp`), what the server does with it.

pub mod align;
pub mod capture;
pub mod cli;
pub mod clock;
pub mod control;
pub mod devices;
pub mod encode;
pub mod hardware;
pub mod publish;
pub mod raw;
pub mod report;
pub mod run;
pub mod send;
pub mod testcard;

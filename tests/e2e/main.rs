//! End to end: real publishers, the real server, real readers. Each test has a server, a folder and ports of its own.

mod cdn;
mod crash;
mod detect;
mod disk;
mod dvr;
mod encoders;
mod hole;
mod hostile;
mod hygiene;
mod keys;
mod ladder;
mod latency;
mod legacy;
mod peers;
mod picture;
mod publish;
mod recorded;
mod refuse;
mod run;
mod scripted;
mod secure;
mod stills;
mod swarm;

//! What a ladder's worker is to do otherwise while it works: other processing, other figures of the source.

use api::processing::Processing;
use bytes::Bytes;
use live::watch::Config;
use media::{AccessUnit, Kind};
use transcode::Message;
use transcode::ladder::Change;

use super::{Desk, Worker, fed, json};
use crate::channel::ladder::measure;
use crate::store::Settings;

impl Desk {
    /// There is a worker, or will be soon, and it decodes this kind.
    pub(in crate::channel) fn takes(&self, kind: Kind) -> bool {
        let measured = kind == Kind::Audio && self.plan.order.measure.sound;
        !matches!(self.worker, Worker::Waiting) && (self.wants(kind) || measured)
    }

    /// A unit of which nothing is made may be measured. What isn't for once isn't missed.
    pub(super) fn listen(&self, unit: &AccessUnit) {
        if self.takes(unit.kind) && !self.wants_key {
            self.send(fed(unit.clone()));
        }
    }

    /// Something else is watched for from now on.
    pub(in crate::channel) fn measure(&mut self, config: &Config) {
        let measure = measure(config, &self.plan.order.pictures, &self.tracks);
        if self.plan.order.measure != measure {
            self.plan.order.measure = measure;
            self.tell(Message::Change(Change { order: json(&self.plan.order), logo: self.logo.clone() }));
        }
    }

    /// Other processing, from the next key frame on. What is made stays: it was declared with the session.
    pub(in crate::channel) fn process(&mut self, settings: &Settings, logo: Option<Bytes>) {
        let logo = logo.unwrap_or_else(|| self.logo.clone());
        let processing: Processing = serde_json::from_str(&settings.processing).unwrap_or_default();
        if self.plan.order.processing == processing && self.logo == logo {
            return;
        }
        self.logo = logo;
        self.plan.order.processing = processing;
        self.lease.change(self.plan.ask());
        self.tell(Message::Change(Change { order: json(&self.plan.order), logo: self.logo.clone() }));
    }
}

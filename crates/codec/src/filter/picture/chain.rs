//! A chain at work.

use super::{Crop, Steps};
use crate::filter::{Error, Graph, setting};
use crate::frame::Frame;

/// A chain of [`Steps`]. It is built for the frames that come, and anew when they change.
pub struct Chain {
    steps: Steps,
    logo: Option<Frame>,
    threads: u32,
    graph: Option<Graph>,
}

impl Chain {
    /// With the picture for [`Steps::logo`]; without one there is no logo.
    pub fn new(mut steps: Steps, logo: Option<Frame>, threads: u32) -> Result<Self, Error> {
        steps.check()?;
        if logo.is_none() {
            steps.logo = None;
        }
        let logo = logo.filter(|_| steps.logo.is_some());
        Ok(Self { steps, logo, threads, graph: None })
    }

    /// Takes a decoded picture; gives those that are ready.
    pub fn push(&mut self, frame: &Frame) -> Result<Vec<Frame>, Error> {
        let mut ready = Vec::new();
        if self.graph.as_ref().is_none_or(|graph| !graph.takes(frame)) {
            ready = self.flush()?;
            self.graph = Some(self.build(frame)?);
        }
        if let Some(graph) = &mut self.graph {
            graph.push(0, frame)?;
            drain(graph, &mut ready)?;
        }
        Ok(ready)
    }

    /// Gives what is held back.
    pub fn flush(&mut self) -> Result<Vec<Frame>, Error> {
        let mut ready = Vec::new();
        if let Some(mut graph) = self.graph.take() {
            graph.end(0)?;
            drain(&mut graph, &mut ready)?;
        }
        Ok(ready)
    }

    fn build(&self, frame: &Frame) -> Result<Graph, Error> {
        let Crop { left, top, right, bottom } = self.steps.crop;
        let (width, height) = (frame.width(), frame.height());
        let leaves = left + right + 16 <= width && top + bottom + 16 <= height;
        let source = format!("{left}+{right} by {top}+{bottom} of {width}x{height}");
        setting("crop", source, leaves || self.steps.crop == Crop::default(), "leaving 16 pixels each way")?;
        let inputs: Vec<&Frame> = std::iter::once(frame).chain(&self.logo).collect();
        let mut graph = Graph::new(&self.steps.chain(), &inputs, self.threads)?;
        if let Some(logo) = &self.logo {
            graph.push(1, logo)?;
            graph.end(1)?;
        }
        Ok(graph)
    }
}

fn drain(graph: &mut Graph, ready: &mut Vec<Frame>) -> Result<(), Error> {
    while let Some(frame) = graph.pull()? {
        ready.push(frame);
    }
    Ok(())
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "picture::Chain({:?})", self.steps)
    }
}

//! A publisher of ours that does as the test says.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use media::flv::Tag;
use rtmp::driver::client;
use tests::fixture::{self, Kind};
use tokio::runtime::Runtime;

/// A running publish.
pub(crate) struct Publisher {
    runtime: Runtime,
    inner: client::Publisher,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) text: String,
}

impl Publisher {
    pub(crate) fn connect(url: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let url = client::Url::parse(url)?;
        let inner = runtime.block_on(client::Publisher::connect(&url, &client::Config::default()))?;
        Ok(Self { runtime, inner })
    }

    /// The refusal that a publish to `url` must meet.
    pub(crate) fn refused(url: &str) -> Result<Refused> {
        match Self::connect(url) {
            Ok(_) => bail!("{url} was accepted"),
            Err(error) => refusal(error),
        }
    }

    pub(crate) fn send(&mut self, tag: Tag) -> Result<()> {
        Ok(self.runtime.block_on(self.inner.send(tag))?)
    }

    /// Waits for the server to end the publish.
    pub(crate) fn ended(mut self) -> Result<Refused> {
        let end = async { tokio::time::timeout(Duration::from_secs(5), self.inner.closed()).await };
        let error = self.runtime.block_on(end).context("the server didn't end the publish")?;
        refusal(error.into())
    }

    /// Publishes the pictures of a fixture in real time, for so long.
    pub(crate) fn send_fixture(&mut self, time: Duration) -> Result<()> {
        let tags = fixture::tags(Kind::VideoOnly)?;
        let inner = &mut self.inner;
        self.runtime.block_on(async {
            let start = tokio::time::Instant::now();
            for tag in tags {
                let due = Duration::from_millis(tag.timestamp.into());
                if due > time {
                    break;
                }
                tokio::time::sleep_until(start + due).await;
                inner.send(tag).await?;
            }
            Ok(())
        })
    }

    pub(crate) fn close(self) -> Result<()> {
        Ok(self.runtime.block_on(self.inner.close())?)
    }
}

fn refusal(error: anyhow::Error) -> Result<Refused> {
    let Some(refused) = error.downcast_ref::<rtmp::driver::Error>().and_then(|e| e.refused()) else {
        return Err(error.context("not a refusal"));
    };
    Ok(Refused { code: refused.code.clone(), text: refused.description.clone() })
}

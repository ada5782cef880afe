//! Takes one publisher and prints what arrives: `cargo run -p rtmp --example ingest -- 127.0.0.1:1935 [KEY]`.
use std::{collections::BTreeMap, env, error::Error};

use rtmp::driver::server::{Config, Message, Refusal, Request};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let listener = TcpListener::bind(arguments.next().as_deref().unwrap_or("127.0.0.1:1935")).await?;
    let key = arguments.next();
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let request = match Request::read(stream, peer, &Config::default()).await {
            Ok(request) => request,
            Err(error) => {
                println!("refused: {error}");
                continue;
            }
        };
        println!(
            "{peer}: app {:?} key {:?} query {:?} encoder {:?}",
            request.app(),
            request.key(),
            request.query(),
            request.encoder()
        );
        if key.as_deref().is_some_and(|key| key != request.key()) {
            request.reject(Refusal::BadKey).await?;
            continue;
        }
        let mut publisher = request.accept().await?;
        let mut tags = BTreeMap::new();
        let end = loop {
            match publisher.next().await {
                Ok(Some(Message::Metadata(metadata))) => println!("{peer}: {metadata:?}"),
                Ok(Some(Message::Tag(tag))) => {
                    let (count, bytes, last) =
                        tags.entry(format!("{:?}", tag.kind)).or_insert((0_u64, 0_usize, 0));
                    (*count, *bytes, *last) = (*count + 1, *bytes + tag.body.len(), tag.timestamp);
                }
                Ok(None) => break "unpublished".to_owned(),
                Err(error) => break error.to_string(),
            }
        };
        println!(
            "{peer}: {end}; {} bytes; tags, bytes, last timestamp: {tags:?}",
            publisher.bytes_received()
        );
        publisher.finish().await;
    }
}

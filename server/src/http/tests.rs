#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use expect_test::expect;
use futures_util::stream;
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;

const MS: Duration = Duration::from_millis(1);

struct Rig {
    at: SocketAddr,
    stop: watch::Sender<bool>,
    front: JoinHandle<()>,
    /// A request for `/wait` came; it is answered then.
    came: Arc<Notify>,
    go: Arc<Notify>,
    /// It was answered, or given up.
    gone: Arc<Notify>,
}

/// Tells when it is dropped.
struct Told(Arc<Notify>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// A body of unknown length.
fn pieces(pieces: &'static [&'static str]) -> Body {
    Body::from_stream(stream::iter(pieces.iter().map(|piece| Ok::<_, Infallible>(*piece))))
}

/// Timeouts far away, unless a test wants to see one.
const PATIENT: Timeouts = Timeouts {
    header: Duration::from_secs(60),
    idle: Duration::from_secs(60),
    write: Duration::from_secs(60),
};

impl Rig {
    async fn start(timeouts: Timeouts, all: usize, of_an_address: usize, proxies: &[IpAddr]) -> Self {
        let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let gone = Arc::new(Notify::new());
        let (told, waited, left) = (Arc::clone(&came), Arc::clone(&go), Arc::clone(&gone));
        let endless = || {
            let chunk = Bytes::from(vec![0; 1 << 20]);
            Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(chunk.clone())))
        };
        let router = Router::new()
            .route("/", get(|| async { "root" }))
            .route("/endless", get(move || async move { endless() }))
            .route("/pieces", get(|| async { pieces(&["one", "", "three"]) }))
            .route(
                "/wait",
                get(move || async move {
                    let _gone = Told(Arc::clone(&left));
                    told.notify_one();
                    waited.notified().await;
                    "done"
                }),
            )
            .route("/echo", post(|body: String| async move { body }));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let connections = Connections { all, of_an_address };
        let front = Front::new(router, timeouts, connections, Proxies::new(proxies), Clock::system(), true);
        let (stop, stopping) = watch::channel(false);
        let front = tokio::spawn(front.serve(listener, None, stopping));
        Self { at, stop, front, came, go, gone }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.at).await.unwrap()
    }

    /// Waits until the server has closed a connection of those it may have, and serves another.
    async fn has_room(&self) {
        let served = async {
            loop {
                let mut next = self.connect().await;
                let _ = next.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
                if rest(&mut next).await.starts_with(b"HTTP/1.1 200") {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), served).await.expect("a connection must go");
    }
}

/// Sends a request, and reads its answer's head and `len` bytes of body.
async fn ask(stream: &mut TcpStream, path: &str, len: usize) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|w| w == b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let at = answer.len();
    answer.resize(at + len, 0);
    stream.read_exact(&mut answer[at..]).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// What comes until the server closes.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut all)).await;
    // Cut with bytes under way reads as a reset: closed all the same.
    let _ = end.expect("the server must close this connection");
    all
}

#[tokio::test]
async fn so_many_connections_and_not_one_more() {
    for (all, own, proxies) in [(3, 9, &[][..]), (9, 3, &[][..]), (3, 1, &[IpAddr::from([127, 0, 0, 1])][..])]
    {
        let rig = Rig::start(PATIENT, all, own, proxies).await;
        let mut open = Vec::new();
        for _ in 0..3 {
            let mut stream = rig.connect().await;
            assert!(ask(&mut stream, "/", 4).await.starts_with("HTTP/1.1 200"));
            open.push(stream);
        }
        let mut surplus = rig.connect().await;
        surplus.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let answer = String::from_utf8(rest(&mut surplus).await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("Retry-After: 1"), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{answer}");
        open.pop();
        rig.has_room().await;
    }
}

#[tokio::test]
async fn a_head_that_trickles_in_is_not_waited_for() {
    let rig = Rig::start(Timeouts { header: 200 * MS, ..PATIENT }, 9, 9, &[]).await;
    // At once, and after a request that was whole.
    let mut stream = rig.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
    assert!(rest(&mut stream).await.is_empty());
    let mut stream = rig.connect().await;
    ask(&mut stream, "/", 4).await;
    stream.write_all(b"GET / HT").await.unwrap();
    assert!(rest(&mut stream).await.is_empty());
    // A request that waits for its answer is no such thing.
    let mut stream = rig.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    rig.came.notified().await;
    let early = tokio::time::timeout(400 * MS, stream.read_u8()).await;
    assert!(early.is_err(), "{early:?}");
    rig.go.notify_one();
    assert_eq!(stream.read_u8().await.unwrap(), b'H');
}

#[tokio::test]
async fn a_connection_that_nobody_needs_goes() {
    let rig = Rig::start(Timeouts { idle: 200 * MS, ..PATIENT }, 9, 9, &[]).await;
    let mut stream = rig.connect().await;
    ask(&mut stream, "/", 4).await;
    assert!(rest(&mut stream).await.is_empty());
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut() {
    let rig = Rig::start(Timeouts { write: 300 * MS, ..PATIENT }, 1, 9, &[]).await;
    let mut stuck = rig.connect().await;
    ask(&mut stuck, "/endless", 1).await;
    rig.has_room().await;
}

#[tokio::test]
async fn a_reader_that_goes_on_taking_is_not_cut() {
    let rig = Rig::start(Timeouts { write: 500 * MS, ..PATIENT }, 9, 9, &[]).await;
    let mut slow = rig.connect().await;
    ask(&mut slow, "/endless", 1).await;
    let mut buffer = vec![0; 256 << 10];
    let mut tick = tokio::time::interval(50 * MS);
    for _ in 0..30 {
        tick.tick().await;
        slow.read_exact(&mut buffer).await.unwrap();
    }
}

#[tokio::test]
async fn http2_without_tls_for_those_who_know_and_its_shut_windows() {
    let rig = Rig::start(Timeouts { write: 300 * MS, ..PATIENT }, 1, 9, &[]).await;
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .http2_initial_stream_window_size(1 << 16)
        .build()
        .unwrap();
    let url = |path: &str| format!("http://{}{path}", rig.at);
    let answer = client.get(url("/")).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 200));
    // It answers pings, but takes nothing of the body.
    let mut stuck = client.get(url("/endless")).send().await.unwrap();
    let first = stuck.chunk().await.unwrap().unwrap();
    assert!(!first.is_empty());
    rig.has_room().await;
}

#[tokio::test]
async fn a_stop_lets_answers_out_and_takes_no_more_requests() {
    let mut rig = Rig::start(PATIENT, 9, 9, &[]).await;
    let mut idle = rig.connect().await;
    ask(&mut idle, "/", 4).await;
    let mut waiting = rig.connect().await;
    waiting.write_all(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    rig.came.notified().await;
    rig.stop.send_replace(true);
    assert!(rest(&mut idle).await.is_empty());
    assert!(!rig.front.is_finished());
    rig.go.notify_one();
    let answer = String::from_utf8(rest(&mut waiting).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    (&mut rig.front).await.unwrap();
    assert!(TcpStream::connect(rig.at).await.is_err());
}

/// Sends it all, closes this side, and reads what comes.
async fn talk(rig: &Rig, text: &str) -> String {
    let mut stream = rig.connect().await;
    stream.write_all(text.as_bytes()).await.unwrap();
    let text = String::from_utf8(rest(&mut stream).await).unwrap();
    let dated = |line: &&str| !line.starts_with("date: ");
    text.replace('\r', "").lines().filter(dated).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn requests_ahead_are_answered_in_order_and_what_is_not_plain_by_hyper() {
    let rig = Rig::start(PATIENT, 9, 9, &[]).await;
    let said = talk(
        &rig,
        "GET / HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n\
         GET /pieces HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n\
         POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi\
         GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    expect![[r#"
        HTTP/1.1 200 OK
        content-type: text/plain; charset=utf-8
        content-length: 4

        rootHTTP/1.1 200 OK
        content-type: text/plain; charset=utf-8
        content-length: 4

        HTTP/1.1 200 OK
        transfer-encoding: chunked

        3
        one
        5
        three
        0

        HTTP/1.1 404 Not Found
        content-length: 0

        HTTP/1.1 200 OK
        content-type: text/plain; charset=utf-8
        content-length: 2

        hiHTTP/1.1 200 OK
        content-type: text/plain; charset=utf-8
        content-length: 4
        connection: close

        root"#]]
    .assert_eq(&said.await);
}

#[tokio::test]
async fn who_goes_while_waiting_frees_the_place() {
    let rig = Rig::start(PATIENT, 9, 9, &[]).await;
    // The second has asked ahead.
    for more in ["", "GET / HTTP/1.1\r\n"] {
        let mut stream = rig.connect().await;
        stream.write_all(format!("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n{more}").as_bytes()).await.unwrap();
        rig.came.notified().await;
        drop(stream);
        let gone = tokio::time::timeout(Duration::from_secs(10), rig.gone.notified()).await;
        gone.expect("the handler must be dropped");
    }
}

#[tokio::test]
async fn a_head_too_long_is_refused() {
    let rig = Rig::start(PATIENT, 9, 9, &[]).await;
    let long = "a".repeat(HEAD);
    let said = talk(&rig, &format!("GET / HTTP/1.1\r\nHost: x\r\nA: {long}\r\n\r\n")).await;
    assert!(said.starts_with("HTTP/1.1 431"), "{said}");
}

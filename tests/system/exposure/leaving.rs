//! A signal while many watch.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use vibetea_tests::place::TOKEN;

use super::{DEADLINE, Rig};

const VIEWERS: usize = 200;
/// The server gives them a second; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(10);
/// Room for all of them under one token.
const SETTINGS: [(&str, &str); 1] = [("VIBETEA_MAX_STREAMS_PER_TOKEN", "200")];

/// The code of each viewer's close frame and when it came, counted from `stop`.
async fn close_codes(rig: &Rig, stop: impl FnOnce(&Rig)) -> Vec<(Option<u16>, Duration)> {
    let mut viewers = JoinSet::new();
    let (told, begun) = tokio::sync::watch::channel(None::<Instant>);
    for _ in 0..VIEWERS {
        let url = format!("ws://{}/ws?token={TOKEN}", rig.address());
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let begun = begun.clone();
        viewers.spawn(async move {
            let close = async {
                loop {
                    match socket.next().await {
                        Some(Ok(Message::Close(frame))) => break frame.map(|frame| u16::from(frame.code)),
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => break None,
                    }
                }
            };
            let code = tokio::time::timeout(DEADLINE, close).await.expect("the socket ends");
            let elapsed = begun.borrow().map_or(Duration::MAX, |begun| begun.elapsed());
            (code, elapsed)
        });
    }
    told.send_replace(Some(Instant::now()));
    stop(rig);
    viewers.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_lets_every_viewer_know_at_once_and_ends_the_program_soon() {
    let rig = Rig::start(&SETTINGS);
    let codes = close_codes(&rig, |rig| rig.server.terminate()).await;
    for (code, elapsed) in codes {
        assert_eq!(code, Some(1001));
        assert!(elapsed < SOON, "{elapsed:?}");
    }
    let ended = tokio::task::block_in_place(|| rig.server.wait(DEADLINE));
    assert!(ended.status.success(), "{}", ended.stderr);
}

/// The twin: a server that is killed says nothing, and the same check sees it.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_without_a_word_is_seen_by_the_check() {
    let rig = Rig::start(&SETTINGS);
    let kill = |rig: &Rig| {
        let id = rig.server.id().to_string();
        assert!(std::process::Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
    };
    assert!(close_codes(&rig, kill).await.iter().all(|(code, _)| *code != Some(1001)));
}

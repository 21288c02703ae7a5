//! `VIBETEA_BASE_PATH`: the same server below a path.

use crate::harness::{SOURCE, Setup, body, event, events, id};
use crate::subscriber::Subscriber;

#[tokio::test]
async fn every_route_is_below_the_base_path_and_none_outside() {
    let server = Setup::new().with("VIBETEA_BASE_PATH", "/tools/tea").start().await;
    for path in ["/", "/health", "/livez", "/readyz", "/metrics", "/api/v1/openapi.json"] {
        let answer = server.get(&format!("/tools/tea{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        for outside in [path.to_owned(), format!("/tools{path}"), format!("/tools/teapot{path}")] {
            let answer = server.get(&outside).await;
            assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{outside}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
    }
    let answer = server.post("/tools/tea/ingest", SOURCE, body(&[event(1)])).await;
    assert_eq!(answer.json()["inserted"], 1);
    assert_eq!(server.post("/ingest", SOURCE, body(&[event(2)])).await.status, 404);
    let page = server.view("/tools/tea/api/v1/events?limit=1").await.json();
    assert_eq!(page["events"][0]["id"], id(1));
    assert_eq!(server.view("/tools/tea/query?days=14").await.refusal(), (400, "invalid_days".to_owned()));
    assert_eq!(
        server.view("/tools/tea/api/v1/sessions/a%2Fb").await.refusal(),
        (404, "not_found".to_owned())
    );
}

#[tokio::test]
async fn the_base_path_itself_leads_to_the_page() {
    let server = Setup::new().with("VIBETEA_BASE_PATH", "/tea/").start().await;
    let answer = server.get("/tea").await;
    assert_eq!((answer.status, answer.header("location")), (308, "/tea/"));
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(server.get("/tea/").await.status, 200);
}

#[tokio::test]
async fn the_live_stream_works_below_the_base_path() {
    let server = Setup::new().with("VIBETEA_BASE_PATH", "/tea").start().await;
    let mut viewer = Subscriber::connect_at(&server, "/tea/ws").await;
    let answer = server.post("/tea/events", SOURCE, body(&events(0..2))).await;
    assert_eq!(answer.status, 202);
    assert_eq!(viewer.ids_up_to(&id(1)).await, [id(0), id(1)]);
}

#[test]
fn a_base_path_that_is_none_is_refused() {
    for wrong in ["tea", "/a//b", "/../x", "/a b", "/{id}"] {
        let told = Setup::new().with("VIBETEA_BASE_PATH", wrong).refused();
        assert!(told.contains("VIBETEA_BASE_PATH") && told.contains("/tools/tea"), "{told}");
    }
}

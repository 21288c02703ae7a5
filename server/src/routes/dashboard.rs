//! `/`: a plain page that shows what the server holds.

use axum::http::{HeaderName, header};

type Asset = ([(HeaderName, &'static str); 2], &'static str);

fn asset(kind: &'static str, text: &'static str) -> Asset {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text)
}

pub(super) async fn page() -> Asset {
    asset("text/html; charset=utf-8", include_str!("../../assets/index.html"))
}

pub(super) async fn script() -> Asset {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/app.js"))
}

pub(super) async fn icon() -> Asset {
    asset("image/svg+xml", include_str!("../../assets/icon.svg"))
}

pub(super) async fn style() -> Asset {
    asset("text/css; charset=utf-8", include_str!("../../assets/style.css"))
}

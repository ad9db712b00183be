//! Tells open pages that something changed (server-sent events); the page then asks for itself.
//!
//! Invariant: an event carries a number and nothing of any order; what a visitor may see is judged
//! when the page asks again. A session that ended ends its stream. Rejected: sending pieces of
//! pages, which would be a second way to everything with rights of its own.

use super::{Shared, answer, cookie};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, sync::watch, task::spawn_blocking, time};

/// Streams open at once; more visitors' pages ask every half minute instead.
pub(super) const MAX_STREAMS: usize = 200;
/// Shortest time between two events: a morning's sync of all phones is one.
const PACE: Duration = Duration::from_millis(1_000);
/// A comment this often keeps proxies from closing the stream and finds browsers that are gone.
const STILL_HERE: Duration = Duration::from_secs(25);

struct Stream {
    shared: Arc<Shared>,
    token: String,
    changes: watch::Receiver<u64>,
    _turn: OwnedSemaphorePermit,
}

/// Answers `/events`.
pub(super) async fn events(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let token = cookie(request.headers(), shared.house.cookie()).map(str::to_owned);
    let Some(token) = token else { return super::not_found() };
    let Ok(turn) = shared.streams.clone().try_acquire_owned() else {
        return super::plain(StatusCode::SERVICE_UNAVAILABLE, "busy");
    };
    let changes = shared.desk.changes();
    let stream = Stream { shared, token, changes, _turn: turn };
    if !stream.is_welcome().await {
        return super::not_found();
    }
    let body = futures_util::stream::unfold((stream, true), |(mut stream, first)| async move {
        if first {
            // A page that was made before the stream began asks once more.
            return Some((Ok::<_, Infallible>(Bytes::from_static(b"retry: 5000\n\n")), (stream, false)));
        }
        let said = stream.next().await?;
        Some((Ok(said), (stream, false)))
    });
    let headers =
        [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")];
    answer(200, &headers, Body::from_stream(body))
}

impl Stream {
    async fn next(&mut self) -> Option<Bytes> {
        match time::timeout(STILL_HERE, self.changes.changed()).await {
            Err(_) => self.is_welcome().await.then(|| Bytes::from_static(b": still here\n\n")),
            Ok(Err(_)) => None,
            Ok(Ok(())) => {
                time::sleep(PACE).await;
                let at = *self.changes.borrow_and_update();
                self.is_welcome().await.then(|| Bytes::from(format!("event: changed\ndata: {at}\n\n")))
            }
        }
    }

    /// Says whether the session still stands.
    async fn is_welcome(&self) -> bool {
        let (shared, token) = (self.shared.clone(), self.token.clone());
        // An open page is no act: it does not keep a session from going idle.
        let standing = spawn_blocking(move || shared.is_standing(&token)).await;
        matches!(standing, Ok(Ok(true)))
    }
}

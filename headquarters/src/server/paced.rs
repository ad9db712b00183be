//! A request's body that has to keep up a pace (F18).
//!
//! Invariant: every body of every route is one; what is too slow ends with an error, as a broken
//! connection does. Rejected: a time limit in each handler, which the next route forgets.

use axum::{BoxError, body::HttpBody};
use hyper::body::{Frame, SizeHint};
use lanewalk_protocol::pace::{Pace, Pacer};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::time::{Instant, Sleep, sleep_until};

/// The body stood still or came drop by drop.
#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
pub(super) struct TooSlow;

/// A body that is waited for.
struct Waiting {
    since: Instant,
    pacer: Pacer,
    end: Pin<Box<Sleep>>,
}

/// A body that ends with [`TooSlow`] when it does not keep up.
pub(super) struct Paced<B> {
    body: B,
    pace: Pace,
    /// From the first time something was missing.
    waiting: Option<Waiting>,
}

impl<B> Paced<B> {
    pub(super) fn new(body: B, pace: Pace) -> Self {
        Self { body, pace, waiting: None }
    }
}

impl<B> HttpBody for Paced<B>
where
    B: HttpBody<Data = axum::body::Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            if let (Some(waiting), Some(Ok(frame))) = (&mut this.waiting, &frame) {
                let bytes = frame.data_ref().map_or(0, axum::body::Bytes::len);
                waiting.pacer.heard(waiting.since.elapsed(), bytes);
                waiting.end.as_mut().reset(waiting.since + waiting.pacer.until());
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let waiting = this.waiting.get_or_insert_with(|| {
            let (since, pacer) = (Instant::now(), this.pace.begin());
            Waiting { since, pacer, end: Box::pin(sleep_until(since + pacer.until())) }
        });
        waiting.end.as_mut().poll(cx).map(|()| Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::body::{Body, Bytes, to_bytes};
    use futures_util::stream;
    use std::{io, time::Duration};

    /// A body in pieces, one each time so many milliseconds have passed.
    fn pieces(count: usize, piece: usize, every_ms: u64) -> Body {
        Body::from_stream(stream::unfold(0, move |n| async move {
            if n == count {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(every_ms)).await;
            Some((Ok::<_, io::Error>(Bytes::from(vec![7; piece])), n + 1))
        }))
    }

    /// Reads a body to its end; what came and after how many seconds.
    async fn read(body: Body) -> (Result<usize, axum::Error>, u64) {
        let start = Instant::now();
        let read = to_bytes(Body::new(Paced::new(body, Pace::default())), usize::MAX).await;
        (read.map(|bytes| bytes.len()), start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_comes_through_and_drops_are_ended() {
        // A megabyte at 1 KB/s: 17 minutes.
        let (read_, seconds) = read(pieces(1_000, 1_000, 1_000)).await;
        assert_eq!((read_.unwrap(), seconds), (1_000_000, 1_000));
        // At 400 B/s what was in hand is used up after five minutes.
        let (read_, seconds) = read(pieces(1_000, 400, 1_000)).await;
        assert!(read_.is_err() && (290..=301).contains(&seconds), "{read_:?} after {seconds} s");
        // A byte a second, and silence.
        for every_ms in [1_000, 3_600_000] {
            let (read_, seconds) = read(pieces(100_000, 1, every_ms)).await;
            assert!(read_.is_err() && (60..=61).contains(&seconds), "{read_:?} after {seconds} s");
        }
    }
}

//! What headquarters and a worker say to each other: length-prefixed CBOR frames.
//!
//! Invariant: both sides cap every frame, allocate no more than has really arrived, and treat a
//! frame with one byte too few or too many as nonsense. Rejected alternative: `serde_json`, which
//! writes each actor and hash as text and would double the cost of an answer.

use super::{Job, JobResult, Rejection};
use lanewalk_model::{
    id::{ActorId, DocId, Hash},
    schema::DocKind,
    time::Hlc,
    view::{Attributed, DocView, Value},
};
use minicbor::{Decoder, Encoder, data::Type, decode};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::{self, Read, Write},
};

/// Longest frame in either direction.
pub(super) const MAX_FRAME: usize = 64 << 20;

/// First frame of a worker: what it speaks. Another version means that the program was replaced
/// under a running server.
pub(super) const HELLO: &[u8] = b"lanewalk gate worker 1";

type Encoded = Result<(), minicbor::encode::Error<Infallible>>;
type Decoded<T> = Result<T, decode::Error>;

/// Writes one frame: four bytes of length, little endian, and the body.
pub(super) fn write_frame(to: &mut impl Write, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_FRAME);
    let length = length.ok_or(io::ErrorKind::InvalidInput)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(body)?;
    to.flush()
}

/// Reads one frame; `None` at a clean end.
pub(super) fn read_frame(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = Vec::with_capacity(4);
    from.by_ref().take(4).read_to_end(&mut length)?;
    if length.is_empty() {
        return Ok(None);
    }
    let length: [u8; 4] = length.try_into().map_err(|_| io::ErrorKind::UnexpectedEof)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = Vec::with_capacity(length.min(1 << 16));
    from.by_ref().take(length as u64).read_to_end(&mut body)?;
    if body.len() == length { Ok(Some(body)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Encodes a batch of jobs. Only the leading `within` changes of a job travel.
pub(super) fn encode_jobs<'a>(jobs: impl ExactSizeIterator<Item = JobRef<'a>>) -> Vec<u8> {
    let mut out = Encoder::new(Vec::new());
    let done: Encoded = (|| {
        out.array(jobs.len() as u64)?;
        for job in jobs {
            out.array(3)?.bytes(&job.doc.to_bytes())?;
            match job.base {
                Some(base) => out.bytes(base)?,
                None => out.null()?,
            };
            out.array(job.changes.len() as u64)?;
            for change in job.changes {
                out.bytes(change)?;
            }
        }
        Ok(())
    })();
    // Writing into a Vec has no error to give.
    done.map_or_else(|_| Vec::new(), |()| out.into_writer())
}

/// A job borrowed from where it waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct JobRef<'a> {
    pub(super) doc: DocId,
    pub(super) base: Option<&'a [u8]>,
    pub(super) changes: &'a [Vec<u8>],
}

/// Decodes a batch of jobs.
pub(super) fn decode_jobs(frame: &[u8]) -> Decoded<Vec<Job>> {
    whole(frame, |d| {
        list(d, |d| {
            tuple(d, 3)?;
            let doc = DocId::from_slice(d.bytes()?).map_err(decode::Error::custom)?;
            let base = match d.datatype()? {
                Type::Null => d.null().map(|()| None)?,
                _ => Some(d.bytes()?.to_vec()),
            };
            let changes = list(d, |d| Ok(d.bytes()?.to_vec()))?;
            Ok(Job { doc, base, changes })
        })
    })
}

/// Encodes the results of a batch.
pub(super) fn encode_results(results: &[JobResult]) -> Vec<u8> {
    let mut out = Encoder::new(Vec::new());
    let done: Encoded = (|| {
        out.array(results.len() as u64)?;
        results.iter().try_for_each(|result| encode_result(&mut out, result))
    })();
    done.map_or_else(|_| Vec::new(), |()| out.into_writer())
}

fn encode_result(out: &mut Encoder<Vec<u8>>, result: &JobResult) -> Encoded {
    out.array(4)?.array(result.verdicts.len() as u64)?;
    for verdict in &result.verdicts {
        match verdict {
            Ok(()) => out.null()?,
            Err(why) => out.array(2)?.str(&why.code)?.str(&why.detail)?,
        };
    }
    out.bytes(&result.saved)?.array(result.heads.len() as u64)?;
    for head in &result.heads {
        out.bytes(&head.0)?;
    }
    out.map(result.view.entries().count() as u64)?;
    for (key, values) in result.view.entries() {
        out.str(key)?.array(values.len() as u64)?;
        for attributed in values {
            out.array(4)?;
            match &attributed.value {
                Value::Bool(b) => out.bool(*b)?,
                Value::Int(i) => out.i64(*i)?,
                Value::Text(t) => out.str(t)?,
            };
            out.str(&attributed.by)?.i64(attributed.at.0)?.bytes(&attributed.actor.0)?;
        }
    }
    Ok(())
}

/// Decodes the results of a batch; `kinds` are the kinds of its documents in order.
pub(super) fn decode_results(
    frame: &[u8],
    mut kinds: impl Iterator<Item = DocKind>,
) -> Decoded<Vec<JobResult>> {
    whole(frame, |d| {
        list(d, |d| {
            let kind = kinds.next().ok_or(decode::Error::message("more results than jobs"))?;
            decode_result(d, kind)
        })
    })
}

fn decode_result(d: &mut Decoder<'_>, kind: DocKind) -> Decoded<JobResult> {
    tuple(d, 4)?;
    let verdicts = list(d, |d| {
        if d.datatype()? == Type::Null {
            return d.null().map(Ok);
        }
        tuple(d, 2)?;
        Ok(Err(Rejection { code: d.str()?.to_owned(), detail: d.str()?.to_owned() }))
    })?;
    let saved = d.bytes()?.to_vec();
    let heads = list(d, |d| Hash::from_slice(d.bytes()?).map_err(decode::Error::custom))?;
    let mut fields = BTreeMap::new();
    for _ in 0..d.map()?.ok_or(decode::Error::message("indefinite map"))? {
        let key = d.str()?.to_owned();
        fields.insert(key, list(d, decode_value)?);
    }
    Ok(JobResult { verdicts, saved, heads, view: DocView::new(kind, fields) })
}

fn decode_value(d: &mut Decoder<'_>) -> Decoded<Attributed> {
    tuple(d, 4)?;
    let value = match d.datatype()? {
        Type::Bool => Value::Bool(d.bool()?),
        Type::String => Value::Text(d.str()?.to_owned()),
        _ => Value::Int(d.i64()?),
    };
    let by = d.str()?.to_owned();
    let at = Hlc(d.i64()?);
    let actor = ActorId::from_slice(d.bytes()?).map_err(decode::Error::custom)?;
    Ok(Attributed { value, by, at, actor })
}

/// Decodes a frame that must be exactly one item.
fn whole<'b, T>(frame: &'b [u8], read: impl FnOnce(&mut Decoder<'b>) -> Decoded<T>) -> Decoded<T> {
    let mut d = Decoder::new(frame);
    let item = read(&mut d)?;
    if d.position() == frame.len() { Ok(item) } else { Err(decode::Error::message("trailing bytes")) }
}

/// Reads a list; grows with what is there, not with the length it claims.
fn list<'b, T>(d: &mut Decoder<'b>, mut item: impl FnMut(&mut Decoder<'b>) -> Decoded<T>) -> Decoded<Vec<T>> {
    let length = d.array()?.ok_or(decode::Error::message("indefinite array"))?;
    let mut items = Vec::new();
    for _ in 0..length {
        items.push(item(d)?);
    }
    Ok(items)
}

fn tuple(d: &mut Decoder<'_>, length: u64) -> Decoded<()> {
    if d.array()? == Some(length) { Ok(()) } else { Err(decode::Error::message("tuple length")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn result() -> JobResult {
        let value = |value| Attributed { value, by: "王".into(), at: Hlc(7), actor: ActorId([3; 16]) };
        let fields = BTreeMap::from([
            ("a".into(), vec![value(Value::Int(i64::MIN)), value(Value::Bool(true))]),
            ("tag/噪".into(), vec![value(Value::Text(String::new()))]),
        ]);
        JobResult {
            verdicts: vec![Ok(()), Err(Rejection::new("not_next", "d")), Ok(())],
            saved: vec![1, 2, 3],
            heads: vec![Hash([1; 32]), Hash([2; 32])],
            view: DocView::new(DocKind::Order, fields),
        }
    }

    fn job() -> Job {
        let doc = DocId { kind: DocKind::Order, uuid: [5; 16] };
        Job { doc, base: Some(vec![9; 40]), changes: vec![vec![], vec![1; 300]] }
    }

    fn encode(jobs: &[Job]) -> Vec<u8> {
        encode_jobs(jobs.iter().map(|j| JobRef { doc: j.doc, base: j.base.as_deref(), changes: &j.changes }))
    }

    #[test]
    fn jobs_and_results_round_trip() {
        let jobs = vec![job(), Job { base: None, changes: vec![], ..job() }];
        assert_eq!(decode_jobs(&encode(&jobs)).unwrap(), jobs);
        let results = vec![result(), result()];
        let kinds = [DocKind::Order; 2];
        assert_eq!(decode_results(&encode_results(&results), kinds.into_iter()).unwrap(), results);
    }

    #[test]
    fn truncated_or_longer_frames_are_refused() {
        let jobs = encode(&[job()]);
        let results = encode_results(&[result()]);
        for end in 0..jobs.len() {
            assert!(decode_jobs(&jobs[..end]).is_err());
        }
        for end in 0..results.len() {
            assert!(decode_results(&results[..end], [DocKind::Order].into_iter()).is_err());
        }
        assert!(decode_jobs(&[&jobs[..], &[0]].concat()).is_err());
        assert!(decode_results(&results, std::iter::empty()).is_err());
    }

    #[test]
    fn frames_round_trip_and_lengths_are_not_believed() {
        let mut pipe = Vec::new();
        write_frame(&mut pipe, b"one").unwrap();
        write_frame(&mut pipe, b"").unwrap();
        let mut from = pipe.as_slice();
        assert_eq!(read_frame(&mut from).unwrap().unwrap(), b"one");
        assert_eq!(read_frame(&mut from).unwrap().unwrap(), b"");
        assert!(read_frame(&mut from).unwrap().is_none());
        for bad in [&[1, 0][..], &[255, 255, 255, 255], &[0, 0, 0, 4, 1], &[4, 0, 0, 0, 1]] {
            assert!(read_frame(&mut &bad[..]).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_jobs(&bytes);
            let _ = decode_results(&bytes, std::iter::repeat(DocKind::Order));
            let _ = read_frame(&mut bytes.as_slice());
        }
    }
}

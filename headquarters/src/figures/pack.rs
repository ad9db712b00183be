//! An order's history as bytes, for a table that is read 35,000 lines at a time.
//!
//! Invariant: what comes out gives the same facts at every moment as what went in. Rejected: JSON,
//! which takes longer to read than everything else in a report together.
//!
//! Eight numbers of 8 bytes, then 17 bytes per event: kind, time, due time or answers. A number
//! that is not there is `i64::MIN`.

use lanewalk_model::{
    kpi::{Answers, Event, Happened, History},
    records::StepKind::{self, *},
    time::TimeMs,
};

/// The steps that a figure looks at; a step's code is its place here.
const KINDS: [StepKind; 17] = [
    Received,
    Accepted,
    Dispatched,
    Transferred,
    Acked,
    Submitted,
    SentBack,
    ToCallback,
    Reworked,
    Closed,
    Returned,
    Extended,
    Redated,
    Excluded,
    Parked,
    Resumed,
    Urgency,
];
const CALL: u8 = u8::MAX;
const NONE: i64 = i64::MIN;
const HEAD: usize = 8 * 8;
const EVENT: usize = 17;

/// Packs a history; steps without meaning for figures are left out.
pub(super) fn pack(history: &History) -> Vec<u8> {
    let time = |t: Option<TimeMs>| t.map_or(NONE, |t| t.0);
    let head = [
        history.received_at.0,
        history.started_at.0,
        time(history.contact_due),
        time(history.first_contact_at),
        time(history.internal_due),
        time(history.promised_due),
        time(history.upstream_due),
        history.recurrence.into(),
    ];
    let mut out = Vec::with_capacity(HEAD + EVENT * history.events.len());
    out.extend(head.iter().flat_map(|n| n.to_le_bytes()));
    for event in &history.events {
        let (code, more) = match event.what {
            Happened::Call { round, reached, answers } => (CALL, call_bits(round, reached, answers)),
            Happened::Step(kind) => match (0_u8..).zip(KINDS).find(|(_, k)| *k == kind) {
                Some((code, _)) => (code, time(event.due)),
                None => continue,
            },
        };
        out.push(code);
        out.extend(event.at.0.to_le_bytes());
        out.extend(more.to_le_bytes());
    }
    out
}

/// Reads what [`pack`] wrote into a history whose room is used again; `None` if it is not that.
pub(super) fn unpack(bytes: &[u8], history: &mut History) -> Option<()> {
    let (head, events) = bytes.split_at_checked(HEAD)?;
    let mut numbers = head.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b));
    let mut next = || numbers.next().unwrap_or(NONE);
    let time = |n: i64| (n != NONE).then_some(TimeMs(n));
    history.received_at = TimeMs(next());
    history.started_at = TimeMs(next());
    history.contact_due = time(next());
    history.first_contact_at = time(next());
    history.internal_due = time(next());
    history.promised_due = time(next());
    history.upstream_due = time(next());
    history.recurrence = next() == 1;
    history.events.clear();
    let (events, rest) = events.as_chunks::<EVENT>();
    for event in events {
        let (code, numbers) = event.split_first()?;
        let (at, more) = numbers.split_first_chunk::<8>()?;
        let (at, more) = (i64::from_le_bytes(*at), i64::from_le_bytes(more.try_into().ok()?));
        let (what, due) = match *code {
            CALL => (call(more), None),
            code => (Happened::Step(*KINDS.get(usize::from(code))?), time(more)),
        };
        history.events.push(Event { what, at: TimeMs(at), due });
    }
    rest.is_empty().then_some(())
}

fn call_bits(round: u32, reached: bool, answers: Answers) -> i64 {
    let two = |answer: Option<bool>| answer.map_or(0_i64, |yes| 1 + i64::from(yes));
    let Answers { process_satisfied, result_satisfied, resolved } = answers;
    i64::from(round) << 8
        | two(process_satisfied) << 5
        | two(result_satisfied) << 3
        | two(resolved) << 1
        | i64::from(reached)
}

fn call(bits: i64) -> Happened {
    let two = |shift: u32| match bits >> shift & 3 {
        1 => Some(false),
        2 => Some(true),
        _ => None,
    };
    let answers = Answers { process_satisfied: two(5), result_satisfied: two(3), resolved: two(1) };
    Happened::Call { round: u32::try_from(bits >> 8).unwrap_or_default(), reached: bits & 1 == 1, answers }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn any_event() -> impl Strategy<Value = Event> {
        let answer = || proptest::option::of(any::<bool>());
        let call =
            (0..9_u32, any::<bool>(), answer(), answer(), answer()).prop_map(|(round, reached, p, r, s)| {
                let answers = Answers { process_satisfied: p, result_satisfied: r, resolved: s };
                Happened::Call { round, reached, answers }
            });
        let what = prop_oneof![(0..KINDS.len()).prop_map(|i| Happened::Step(KINDS[i])), call];
        (what, -9..99_i64, proptest::option::of(0..99_i64)).prop_map(|(what, at, due)| {
            let due = due.filter(|_| matches!(what, Happened::Step(_))).map(TimeMs);
            Event { what, at: TimeMs(at), due }
        })
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(events in proptest::collection::vec(any_event(), 0..20),
                                  times in proptest::collection::vec(proptest::option::of(any::<i32>()), 7),
                                  recurrence in any::<bool>()) {
            let time = |i: usize| times[i].map(|t: i32| TimeMs(t.into()));
            let history = History {
                received_at: time(0).unwrap_or_default(),
                started_at: time(1).unwrap_or_default(),
                contact_due: time(2),
                first_contact_at: time(3),
                internal_due: time(4),
                promised_due: time(5),
                upstream_due: time(6),
                recurrence,
                events,
            };
            let mut back = History::default();
            prop_assert!(unpack(&pack(&history), &mut back).is_some());
            prop_assert_eq!(back, history);
        }

        #[test]
        fn any_bytes_are_a_history_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&bytes, &mut History::default());
        }
    }

    #[test]
    fn steps_without_meaning_are_left_out() {
        let mut history = History::default();
        for kind in [Chased, Closed] {
            history.step(&lanewalk_model::records::StepRecord::new(kind, TimeMs(1), "x"));
        }
        let mut back = History::default();
        unpack(&pack(&history), &mut back).unwrap();
        assert_eq!(back.events.len(), 1);
        assert_eq!(back.at(TimeMs(9)), history.at(TimeMs(9)));
    }
}

//! Surveys over a door list (R35): who was heard, what was said, where answers differ.
//!
//! Invariant: a door counts once, however many heard it and however many places it was recorded
//! as; two different answers for one door count in neither total until somebody asks again.
//! Nobody having been at home is no answer and contradicts none. Rejected: letting the later of
//! two answers win, which makes a dispute disappear.

use crate::{
    time::Hlc,
    view::{Attributed, DocView},
};
use std::collections::{BTreeMap, BTreeSet};

/// The answer that is none.
pub const ABSENT: &str = "absent";
/// Places that follow each other when merged; more is a circle.
const MAX_CHAIN: usize = 32;

/// Another place is the same door: headquarters merged them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The place that stays, as a target names it.
    pub into: String,
    /// When.
    pub at: Hlc,
}

/// How it stands with a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody went there yet.
    Open,
    /// Nobody was there.
    Absent,
    /// Everybody who asked heard this.
    Answered(String),
    /// Different answers.
    Conflict(Vec<Attributed>),
}

/// One door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// The place, as the target names it.
    pub target: String,
    /// Its name in the list.
    pub name: String,
    /// How it stands.
    pub standing: Standing,
}

/// What a survey came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// The doors, by target.
    pub doors: Vec<Door>,
    /// Doors with one answer, by answer.
    pub answers: BTreeMap<String, u32>,
    /// Doors somebody heard, whatever they said.
    pub heard: u32,
    /// Doors with different answers; in no total of [`Self::answers`].
    pub conflicts: u32,
    /// Doors where nobody was there.
    pub absent: u32,
    /// Answers for what is not on the list.
    pub strays: u32,
}

/// Counts a survey. `merged` says into which place another one was merged.
pub fn tally(survey: &DocView, merged: impl Fn(&str) -> Option<Merged>) -> Tally {
    let mut doors: BTreeMap<String, (String, Vec<(String, Hlc)>)> = BTreeMap::new();
    for (target, name) in survey.members("target") {
        let (door, joined) = follow(target, &merged);
        let name = name.text().unwrap_or_default();
        let known = doors.entry(door.clone()).or_insert_with(|| (name.to_owned(), Vec::new()));
        if door == target {
            name.clone_into(&mut known.0);
        }
        known.1.push((target.to_owned(), joined));
    }
    let mut out = Tally::default();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (door, (name, targets)) in &doors {
        used.insert(door);
        used.extend(targets.iter().map(|(target, _)| target.as_str()));
        let standing = standing(survey, door, targets);
        match &standing {
            Standing::Open => {}
            Standing::Absent => out.absent += 1,
            Standing::Answered(answer) => {
                out.heard += 1;
                *out.answers.entry(answer.clone()).or_default() += 1;
            }
            Standing::Conflict(_) => {
                out.heard += 1;
                out.conflicts += 1;
            }
        }
        out.doors.push(Door { target: door.clone(), name: name.clone(), standing });
    }
    let strays = survey.members("answer").filter(|(target, _)| !used.contains(target)).count();
    out.strays = u32::try_from(strays).unwrap_or(u32::MAX);
    out
}

/// Finds the place that stays, and when the last merge on the way to it was made.
fn follow(target: &str, merged: impl Fn(&str) -> Option<Merged>) -> (String, Hlc) {
    let (mut at, mut when) = (target.to_owned(), Hlc(i64::MIN));
    for _ in 0..MAX_CHAIN {
        let Some(next) = merged(&at) else { return (at, when) };
        when = when.max(next.at);
        at = next.into;
    }
    (target.to_owned(), Hlc(i64::MIN))
}

fn standing(survey: &DocView, door: &str, targets: &[(String, Hlc)]) -> Standing {
    let said = |target: &str| survey.all(&format!("answer/{target}")).to_vec();
    let merged_at = targets.iter().map(|(_, joined)| *joined).max().unwrap_or(Hlc(i64::MIN));
    // Who asked at the door after the places were merged has settled what differed before.
    let after: Vec<Attributed> = said(door)
        .into_iter()
        .filter(|a| merged_at > Hlc(i64::MIN) && a.at > merged_at && is_answer(a))
        .collect();
    let all = if after.is_empty() {
        let ids: BTreeSet<&str> = targets.iter().map(|(t, _)| t.as_str()).chain([door]).collect();
        ids.into_iter().flat_map(said).collect()
    } else {
        after
    };
    let mut answers: Vec<Attributed> = all.iter().filter(|a| is_answer(a)).cloned().collect();
    answers.sort_by_key(|a| (a.at, a.actor));
    let distinct: BTreeSet<&str> = answers.iter().filter_map(|a| a.value.text()).collect();
    match (distinct.first(), distinct.len()) {
        (None, _) if all.is_empty() => Standing::Open,
        (None, _) => Standing::Absent,
        (Some(answer), 1) => Standing::Answered((*answer).to_owned()),
        _ => Standing::Conflict(answers),
    }
}

fn is_answer(a: &Attributed) -> bool {
    a.value.text().is_some_and(|t| t != ABSENT)
}

#[cfg(test)]
mod tests;

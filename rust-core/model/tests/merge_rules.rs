//! Every field of every kind merges by its rule (DOMAIN.md §5), whoever syncs first.
//!
//! The tables are walked, not repeated, so a new field cannot be forgotten.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use lanewalk_model::{
    document::{Edit, SchemaProblem, check_edits, check_schema},
    policy::{Denial, ScopeFacts, may_write},
    records::{MeasurementRecord, Method, to_json},
    schema::{DocKind, FieldSpec, Rule},
    staff::{Grant, Role, Roles, Subject},
    time::{Hlc, TimeMs},
    view::{DocView, Value},
};

mod replicas;
use replicas::{Replica, START_MS, exchange, facts, key_of, misfits, values};

/// Walks every field by one of these rules; fails when there is none, which would test nothing.
fn each_field(rules: &[Rule], mut test: impl FnMut(DocKind, &'static FieldSpec)) {
    let mut seen = 0;
    for kind in DocKind::ALL {
        for field in kind.spec().fields.iter().filter(|f| rules.contains(&f.rule)) {
            test(kind, field);
            seen += 1;
        }
    }
    assert!(seen > 0, "no field has {rules:?}");
}

/// Two replicas of one document that write at the same time, in every order of clocks and of
/// actor ids. What they found there is written by a third.
struct Pair {
    a: Replica,
    b: Replica,
    /// Wall times of the next writes of `a` and `b`.
    at: (i64, i64),
}

fn pairs(kind: DocKind, before: &[Edit]) -> Vec<Pair> {
    let mut out = Vec::new();
    for at in [(START_MS + 10, START_MS + 20), (START_MS + 20, START_MS + 10)] {
        for (first, second) in [(2, 3), (3, 2)] {
            let mut origin = Replica::new(kind, 1, "hq");
            if !before.is_empty() {
                origin.write(START_MS, before);
            }
            out.push(Pair { a: origin.fork(first, "gw-01"), b: origin.fork(second, "gw-02"), at });
        }
    }
    out
}

impl Pair {
    /// Both write without knowing of each other, then sync.
    fn meet(&mut self, a: &[Edit], b: &[Edit]) -> DocView {
        let from_a = self.a.write(self.at.0, a);
        let from_b = self.b.write(self.at.1, b);
        exchange(&mut self.a, &[from_a], &mut self.b, &[from_b])
    }

    fn a_is_later(&self) -> bool {
        self.at.0 > self.at.1
    }

    /// One writes, the other takes it in.
    fn settle(&mut self, edits: &[Edit]) -> DocView {
        let change = self.a.write(START_MS + 1_000, edits);
        exchange(&mut self.a, &[change], &mut self.b, &[])
    }

    /// What both wrote at one key: (value, who, when), earliest first.
    fn both(&self, a: &Value, b: &Value) -> Vec<(Value, String, TimeMs)> {
        let mut both = vec![
            (a.clone(), "gw-01".to_owned(), TimeMs(self.at.0)),
            (b.clone(), "gw-02".to_owned(), TimeMs(self.at.1)),
        ];
        both.sort_by_key(|v| v.2);
        both
    }
}

fn shown(view: &DocView, key: &str) -> Vec<(Value, String, TimeMs)> {
    view.all(key).iter().map(|a| (a.value.clone(), a.by.clone(), a.at.ms())).collect()
}

/// What stands before: nothing, or an older value.
fn befores(key: &str, old: &Value) -> [Vec<Edit>; 2] {
    [vec![], vec![Edit::set(key, old.clone())]]
}

#[test]
fn mv_keeps_both_with_who_and_when_until_somebody_resolves() {
    each_field(&[Rule::Mv], |kind, field| {
        let (key, v) = (key_of(field, "m"), values(field.ty));
        for before in befores(&key, &v[2]) {
            for mut pair in pairs(kind, &before) {
                let view = pair.meet(&[Edit::set(&key, v[0].clone())], &[Edit::set(&key, v[1].clone())]);
                let name = format!("{kind:?}.{key}");
                let conflicts = view.conflicts();
                assert_eq!(conflicts.len(), 1, "{name}");
                assert_eq!(
                    (conflicts[0].key.as_str(), conflicts[0].values.as_slice()),
                    (key.as_str(), view.all(&key))
                );
                assert_eq!(shown(&view, &key), pair.both(&v[0], &v[1]), "{name}");
                assert!(view.is_open_conflict(&key), "{name}");

                // Resolving with one of the two, which is already among the values, must count too.
                let resolved = pair.settle(&[Edit::set(&key, v[0].clone())]);
                assert_eq!(
                    shown(&resolved, &key),
                    [(v[0].clone(), "gw-01".into(), TimeMs(START_MS + 1_000))]
                );
                assert!(resolved.conflicts().is_empty() && !resolved.is_open_conflict(&key), "{name}");
            }
        }
    });
}

#[test]
fn mv_agreement_is_no_conflict() {
    each_field(&[Rule::Mv], |kind, field| {
        let (key, v) = (key_of(field, "m"), values(field.ty));
        for mut pair in pairs(kind, &[]) {
            let same = [Edit::set(&key, v[0].clone())];
            let view = pair.meet(&same, &same);
            assert!(view.conflicts().is_empty(), "{kind:?}.{key}");
            assert_eq!(view.all(&key).len(), 2, "both have said it");
        }
    });
}

/// Somebody resolves while a third, who has seen nothing of it, writes a new value: the new value
/// and the resolution stand against each other, and what was resolved does not come back.
#[test]
fn mv_resolution_does_not_swallow_what_it_has_not_seen() {
    for mut pair in pairs(DocKind::Order, &[]) {
        let key = "verified_facts";
        let mut third = pair.a.fork(9, "gw-03");
        pair.meet(&[Edit::set(key, "一楼")], &[Edit::set(key, "二楼")]);
        let late = third.write(START_MS + 500, &[Edit::set(key, "三楼")]);
        pair.settle(&[Edit::set(key, "一楼")]);
        pair.a.receive(&late);
        let view = pair.a.view();
        let texts: Vec<_> = view.all(key).iter().filter_map(|v| v.value.text()).collect();
        assert_eq!(texts, ["三楼", "一楼"]);
        assert!(view.is_open_conflict(key));
    }
}

#[test]
fn lww_shows_the_later_clock_and_keeps_the_loser() {
    each_field(&[Rule::Lww], |kind, field| {
        let (key, v) = (key_of(field, "m"), values(field.ty));
        for before in befores(&key, &v[2]) {
            for mut pair in pairs(kind, &before) {
                let view = pair.meet(&[Edit::set(&key, v[0].clone())], &[Edit::set(&key, v[1].clone())]);
                let winner = if pair.a_is_later() { &v[0] } else { &v[1] };
                assert_eq!(view.get(&key), Some(winner), "{kind:?}.{key}");
                assert_eq!(shown(&view, &key), pair.both(&v[0], &v[1]), "{kind:?}.{key}");
                // The loser is shown, but nobody has to decide.
                assert_eq!(view.conflicts().len(), 1);
                assert!(!view.is_open_conflict(&key));
                let after = pair.settle(&[Edit::set(&key, v[2].clone())]);
                assert_eq!((after.get(&key), after.all(&key).len()), (Some(&v[2]), 1));
            }
        }
    });
}

/// A device that has counted up its clock without wall time (many writes in one millisecond)
/// still loses against a later millisecond, and equal clocks are broken the same way everywhere.
#[test]
fn lww_orders_by_clock_then_counter_then_actor() {
    let key = "access_note";
    let mut a = Replica::new(DocKind::Place, 5, "gw-01");
    let mut b = Replica::new(DocKind::Place, 4, "gw-02");
    for (clock_a, clock_b, winner) in
        [((7, 0), (7, 1), "b"), ((7, 2_000), (8, 0), "b"), ((8, 0), (7, 2_047), "a"), ((9, 3), (9, 3), "a")]
    {
        let before = |(ms, count): (i64, i64)| Hlc(Hlc::from_wall(TimeMs(START_MS + ms)).0 + count - 1);
        a.clock = before(clock_a);
        b.clock = before(clock_b);
        let from_a = a.write(0, &[Edit::set(key, "a")]);
        let from_b = b.write(0, &[Edit::set(key, "b")]);
        let view = exchange(&mut a, &[from_a], &mut b, &[from_b]);
        assert_eq!(view.text(key), Some(winner), "{clock_a:?} {clock_b:?}");
        a = Replica::new(DocKind::Place, 5, "gw-01");
        b = Replica::new(DocKind::Place, 4, "gw-02");
    }
}

#[test]
fn max_shows_the_greatest_and_never_shrinks() {
    each_field(&[Rule::Max], |kind, field| {
        let (key, v) = (key_of(field, "m"), values(field.ty));
        let (low, high) = (&v[0], &v[v.len() - 1]);
        assert!(low < high);
        for mut pair in pairs(kind, &[]) {
            let view = pair.meet(&[Edit::set(&key, high.clone())], &[Edit::set(&key, low.clone())]);
            assert_eq!(view.get(&key), Some(high), "{kind:?}.{key}");
            assert_eq!(view.all(&key).len(), 2, "the smaller one stays readable");
            assert!(view.conflicts().is_empty());
            let back = [Edit::set(&key, low.clone())];
            assert_eq!(
                check_edits(&view, &back).unwrap_err().problem,
                SchemaProblem::Shrinks,
                "{kind:?}.{key}"
            );
            // A device that writes all the same is refused by what its own change says it saw.
            let mut rogue = pair.a.fork(7, "rogue");
            let stamp = rogue_stamp(&rogue);
            let change = facts(&rogue.doc.edit(&stamp, &back).unwrap().unwrap());
            let seen = |key: &str| rogue.doc.values_at(&change.deps, key);
            assert_eq!(check_schema(kind, &change, seen).unwrap_err().problem, SchemaProblem::Shrinks);
            // Equal is allowed: two people may confirm the same severity.
            let view = pair.settle(&[Edit::set(&key, high.clone())]);
            assert_eq!((view.get(&key), view.all(&key).len()), (Some(high), 1));
        }
    });
}

#[test]
fn add_unites_members_and_an_addition_wins_over_a_concurrent_removal() {
    each_field(&[Rule::Add], |kind, field| {
        assert!(field.family, "{kind:?}.{}: a set has members", field.name);
        let (one, two, v) = (key_of(field, "1"), key_of(field, "2"), values(field.ty));
        for mut pair in pairs(kind, &[]) {
            let view = pair.meet(&[Edit::set(&one, v[1].clone())], &[Edit::set(&two, v[1].clone())]);
            let members: Vec<_> = view.members(field.name).collect();
            assert_eq!(members, [("1", &v[1]), ("2", &v[1])], "{kind:?}.{}", field.name);
            // Removed after both knew of it, it is gone on both sides.
            let view = pair.settle(&[Edit::Remove(one.clone())]);
            assert_eq!(view.members(field.name).map(|m| m.0).collect::<Vec<_>>(), ["2"]);
        }
        for mut pair in pairs(kind, &[Edit::set(&one, v[1].clone())]) {
            // A removes what was there; B, unaware, removes and adds it anew.
            let removed = pair.a.write(pair.at.0, &[Edit::Remove(one.clone())]);
            let b = [
                pair.b.write(pair.at.1, &[Edit::Remove(one.clone())]),
                pair.b.write(pair.at.1 + 1, &[Edit::set(&one, v[1].clone())]),
            ];
            let view = exchange(&mut pair.a, &[removed], &mut pair.b, &b);
            assert_eq!(view.get(&one), Some(&v[1]), "{kind:?}.{one}");
        }
        for mut pair in pairs(kind, &[Edit::set(&one, v[1].clone())]) {
            // Changing the member's value says that it belongs in, too.
            let view = pair.meet(&[Edit::Remove(one.clone())], &[Edit::set(&one, v[0].clone())]);
            assert_eq!(view.get(&one), Some(&v[0]), "{kind:?}.{one}");
        }
    });
}

/// Known limit: adding a member that is there already writes nothing (a change has each key once),
/// so it cannot win over a removal that it does not know.
#[test]
fn adding_what_is_there_writes_nothing() {
    let tag = [Edit::set("tag/noise", true)];
    for mut pair in pairs(DocKind::Order, &tag) {
        assert_eq!(pair.b.try_write(pair.at.1, &tag), Ok(None));
        let removed = pair.a.write(pair.at.0, &[Edit::Remove("tag/noise".into())]);
        let view = exchange(&mut pair.a, &[removed], &mut pair.b, &[]);
        assert_eq!(view.get("tag/noise"), None);
    }
}

#[test]
fn two_values_of_one_set_member_are_both_readable() {
    for mut pair in pairs(DocKind::Place, &[]) {
        let (a, b) = (Edit::set("alias/1", "老李超市"), Edit::set("alias/1", "李记超市"));
        let view = pair.meet(&[a], &[b]);
        assert_eq!((view.all("alias/1").len(), view.conflicts().len()), (2, 1));
        assert!(!view.is_open_conflict("alias/1"));
    }
}

#[test]
fn only_set_members_can_be_removed() {
    for kind in DocKind::ALL {
        for field in kind.spec().fields.iter().filter(|f| f.rule != Rule::Add) {
            let key = key_of(field, "m");
            let mut replica = Replica::new(kind, 2, "gw-01");
            replica.write(START_MS, &[Edit::set(&key, values(field.ty)[0].clone())]);
            let remove = [Edit::Remove(key.clone())];
            let problem = check_edits(&replica.view(), &remove).unwrap_err().problem;
            assert_eq!(problem, SchemaProblem::NotRemovable, "{kind:?}.{key}");
            let stamp = rogue_stamp(&replica);
            let change = facts(&replica.doc.edit(&stamp, &remove).unwrap().unwrap());
            assert!(check_schema(kind, &change, |_| Vec::new()).is_err(), "{kind:?}.{key}");
        }
    }
}

#[test]
fn log_is_the_union_of_records_and_none_changes() {
    each_field(&[Rule::Log], |kind, field| {
        assert!(field.family, "{kind:?}.{}: a log has records", field.name);
        let (one, two, v) = (key_of(field, "1"), key_of(field, "2"), values(field.ty));
        for mut pair in pairs(kind, &[Edit::set(key_of(field, "0"), v[2].clone())]) {
            let view = pair.meet(&[Edit::set(&one, v[0].clone())], &[Edit::set(&two, v[1].clone())]);
            let members: Vec<_> = view.members(field.name).collect();
            assert_eq!(members, [("0", &v[2]), ("1", &v[0]), ("2", &v[1])], "{kind:?}.{}", field.name);
            assert!(view.conflicts().is_empty());
            refused_once_set(&mut pair.b, kind, &one, &v[1]);
        }
    });
}

#[test]
fn imm_is_refused_once_set() {
    each_field(&[Rule::Imm], |kind, field| {
        let (key, v) = (key_of(field, "m"), values(field.ty));
        let mut origin = Replica::new(kind, 1, "gw-01");
        origin.write(START_MS, &[Edit::set(&key, v[0].clone())]);
        let mut other = origin.fork(2, "gw-02");
        refused_once_set(&mut origin, kind, &key, &v[1]);
        refused_once_set(&mut other, kind, &key, &v[1]);
        // The same value again is refused as well: it says that it was not read before.
        refused_once_set(&mut other, kind, &key, &v[0]);
    });
}

/// Two who set a fixed value (or the same record) at once: only possible for one author on two
/// devices, or for a forger. Both values stay readable and everybody shows the same one.
#[test]
fn imm_and_log_written_twice_at_once_hide_nobody() {
    each_field(&[Rule::Imm, Rule::Log], |kind, field| {
        let (key, v) = (key_of(field, "m"), values(field.ty));
        for mut pair in pairs(kind, &[]) {
            let view = pair.meet(&[Edit::set(&key, v[0].clone())], &[Edit::set(&key, v[1].clone())]);
            assert_eq!(shown(&view, &key), pair.both(&v[0], &v[1]), "{kind:?}.{key}");
            assert_eq!(view.conflicts().len(), 1, "{kind:?}.{key}");
            refused_once_set(&mut pair.a, kind, &key, &v[1]);
        }
    });
}

/// The phone's check and headquarters' check both refuse a second write.
fn refused_once_set(replica: &mut Replica, kind: DocKind, key: &str, value: &Value) {
    let edits = [Edit::set(key, value.clone())];
    let problem = check_edits(&replica.view(), &edits).unwrap_err().problem;
    assert_eq!(problem, SchemaProblem::Immutable, "{kind:?}.{key}");
    let mut rogue = replica.fork(7, "rogue");
    let stamp = rogue_stamp(&rogue);
    if let Some(change) = rogue.doc.edit(&stamp, &edits).unwrap() {
        let change = facts(&change);
        replica.doc.check_continues(&change).unwrap();
        let seen = |key: &str| replica.doc.values_at(&change.deps, key);
        assert_eq!(
            check_schema(kind, &change, seen).unwrap_err().problem,
            SchemaProblem::Immutable,
            "{kind:?}.{key}"
        );
    }
}

fn rogue_stamp(replica: &Replica) -> lanewalk_model::document::Stamp {
    let hlc = replica.clock.tick(TimeMs(START_MS + 9_000), None);
    lanewalk_model::document::Stamp { actor: replica.actor, worker: replica.worker.clone(), hlc }
}

#[test]
fn what_headquarters_decides_replaces_what_it_decided() {
    each_field(&[Rule::Own, Rule::Hq], |kind, field| {
        let (key, v) = (key_of(field, "m"), values(field.ty));
        let mut hq = Replica::new(kind, 1, "hq");
        hq.write(START_MS, &[Edit::set(&key, v[0].clone())]);
        let mut phone = hq.fork(2, "gw-01");
        let next = hq.write(START_MS + 1, &[Edit::set(&key, v[1].clone())]);
        let view = exchange(&mut hq, &[next], &mut phone, &[]);
        assert_eq!((view.get(&key), view.all(&key).len()), (Some(&v[1]), 1), "{kind:?}.{key}");
    });
}

fn subject(role: Role) -> Subject {
    let grant = Grant { grid: "*".into(), role, from: TimeMs(0), to: None };
    Subject { worker: "w".into(), role, grants: vec![grant] }
}

#[test]
fn no_device_role_may_write_what_headquarters_decides() {
    let own =
        ScopeFacts { grid: "g".into(), assignees: vec!["w".into()], author: "w".into(), finished_at: None };
    let when = (TimeMs(0), TimeMs(1));
    each_field(&[Rule::Own, Rule::Hq], |kind, field| {
        let key = key_of(field, "m");
        assert_eq!(field.writers, Roles::NONE, "{kind:?}.{key}");
        for role in Role::ALL.into_iter().filter(|r| *r != Role::System) {
            let spec = kind.spec();
            let want = if spec.readers.has(role) { Denial::RoleField } else { Denial::RoleKind };
            let got = may_write(&subject(role), kind, Some(&own), &own, [key.as_str()], when);
            assert_eq!(got, Err(want), "{role:?} {kind:?}.{key}");
            let want = if spec.creators.has(role) { Denial::RoleField } else { Denial::MayNotCreate };
            let got = may_write(&subject(role), kind, None, &own, [key.as_str()], when);
            assert_eq!(got, Err(want), "{role:?} creates {kind:?}.{key}");
        }
        assert_eq!(may_write(&Subject::system(), kind, Some(&own), &own, [key.as_str()], when), Ok(()));
    });
}

/// The same for every field: whoever is not named in its row is refused, whoever is and may read
/// the document passes.
#[test]
fn exactly_the_writers_of_a_row_may_write_it() {
    let own =
        ScopeFacts { grid: "g".into(), assignees: vec!["w".into()], author: "w".into(), finished_at: None };
    for kind in DocKind::ALL {
        for field in kind.spec().fields {
            let key = key_of(field, "m");
            for role in Role::ALL.into_iter().filter(|r| *r != Role::System) {
                let got =
                    may_write(&subject(role), kind, Some(&own), &own, [key.as_str()], (TimeMs(0), TimeMs(1)));
                let want = match (kind.spec().readers.has(role), field.writers.has(role)) {
                    (false, _) => Err(Denial::RoleKind),
                    (true, false) => Err(Denial::RoleField),
                    (true, true) => Ok(()),
                };
                assert_eq!(got, want, "{role:?} {kind:?}.{key}");
            }
        }
    }
}

/// A row that names a writer who may neither read nor create the kind could never be used.
#[test]
fn every_named_writer_can_get_at_the_document() {
    let unreachable: Vec<_> = DocKind::ALL
        .into_iter()
        .flat_map(|kind| kind.spec().fields.iter().map(move |f| (kind, f)))
        .flat_map(|(kind, f)| Role::ALL.into_iter().map(move |r| (kind, f, r)))
        .filter(|(kind, f, r)| *r != Role::System && f.writers.has(*r) && !kind.spec().readers.has(*r))
        .map(|(kind, f, r)| (kind, f.name, r))
        .collect();
    assert_eq!(unreachable, UNREACHABLE);
}

/// Guests hold no order on a device; headquarters writes their reply for them.
const UNREACHABLE: [(DocKind, &str, Role); 1] = [(DocKind::Order, "liaison_reply", Role::Liaison)];

#[test]
fn every_field_refuses_what_does_not_fit_and_takes_what_does() {
    for kind in DocKind::ALL {
        let empty = Replica::new(kind, 1, "hq").view();
        for field in kind.spec().fields {
            let key = key_of(field, "m");
            for value in values(field.ty) {
                assert_eq!(check_edits(&empty, &[Edit::set(&key, value)]), Ok(()), "{kind:?}.{key}");
            }
            for value in misfits(field.ty) {
                let got = check_edits(&empty, &[Edit::set(&key, value.clone())]).unwrap_err();
                assert_eq!(got.problem, SchemaProblem::WrongValue, "{kind:?}.{key} {value:?}");
            }
            let other = if field.family { field.name.to_owned() } else { format!("{key}/m") };
            let got = check_edits(&empty, &[Edit::set(&other, values(field.ty)[0].clone())]).unwrap_err();
            assert_eq!(got.problem, SchemaProblem::UnknownKey, "{kind:?}.{other}");
        }
    }
}

/// AC-2: A and B meet in a stairwell without signal. A sets severity 3, B 1; both write the
/// access note.
#[test]
fn ac2_severity_and_access_note() {
    for mut pair in pairs(DocKind::Order, &[]) {
        let view = pair.meet(&[Edit::set("severity", 3)], &[Edit::set("severity", 1)]);
        assert_eq!(view.int("severity"), Some(3));
        assert!(view.conflicts().is_empty());
        assert!(check_edits(&view, &[Edit::set("severity", 1)]).is_err());
    }
    let before = [Edit::set("raw_address", "金御皇庭 3号楼"), Edit::set("access_note", "按门铃")];
    for mut pair in pairs(DocKind::Place, &before) {
        let (a, b) = ("白天无人,傍晚来", "从地下车库进");
        let view = pair.meet(&[Edit::set("access_note", a)], &[Edit::set("access_note", b)]);
        let (last, first) = if pair.a_is_later() { (a, b) } else { (b, a) };
        assert_eq!(view.text("access_note"), Some(last));
        let history: Vec<_> = view.all("access_note").iter().filter_map(|v| v.value.text()).collect();
        assert_eq!(history, [first, last]);
    }
}

/// AC-1: A and B both visit shop 18 offline and hear different answers: it is in neither total
/// until a third visit.
#[test]
fn ac1_shop_18_counts_for_neither_side_until_a_third_visit() {
    let totals = |view: &DocView| {
        let count = |word: &str| {
            let members = view.members("answer");
            let settled = members.filter(|(m, _)| !view.is_open_conflict(&format!("answer/{m}")));
            settled.filter(|(_, v)| v.text() == Some(word)).count()
        };
        (count("support"), count("oppose"))
    };
    let shops: Vec<_> = (1..=36).map(|n| Edit::set(format!("target/{n}"), format!("商户{n}"))).collect();
    for mut pair in pairs(DocKind::Survey, &shops) {
        let answer = |n: u32, word: &str| Edit::set(format!("answer/{n}"), word);
        let a: Vec<_> = (1..=18).map(|n| answer(n, "support")).collect();
        let b: Vec<_> = (18..=36).map(|n| answer(n, "oppose")).collect();
        let view = pair.meet(&a, &b);
        assert_eq!(totals(&view), (17, 18));
        let open = view.conflicts();
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].key, "answer/18");
        let said: Vec<_> = open[0].values.iter().map(|v| (v.by.as_str(), v.value.text().unwrap())).collect();
        assert!(said.contains(&("gw-01", "support")) && said.contains(&("gw-02", "oppose")));
        assert_eq!(totals(&pair.settle(&[answer(18, "oppose")])), (17, 19));
    }
}

/// AC-1: shop 19 is renamed by A (and, as both were there, by B).
#[test]
fn ac1_shop_19_keeps_the_last_name_and_the_other_in_history() {
    let before = [Edit::set("raw_address", "华府一品 19号"), Edit::set("name", "旧名")];
    for mut pair in pairs(DocKind::Place, &before) {
        let view = pair.meet(&[Edit::set("name", "老张面馆")], &[Edit::set("name", "张记面馆")]);
        let last = if pair.a_is_later() { "老张面馆" } else { "张记面馆" };
        assert_eq!(view.text("name"), Some(last));
        assert_eq!(view.conflicts().first().map(|c| c.values.len()), Some(2));
    }
}

/// AC-3: 12 estimated and 20 counted are two records, not one number.
#[test]
fn ac3_measurements_stand_beside_each_other() {
    let cats = |milli, method| {
        to_json(&MeasurementRecord {
            what: "猫".into(),
            milli,
            unit: "只".into(),
            method,
            at: TimeMs(START_MS),
        })
    };
    for mut pair in pairs(DocKind::Order, &[]) {
        let a = [Edit::set("measurement/a", cats(20_000, Method::Counted))];
        let b = [Edit::set("measurement/b", cats(12_000, Method::Estimated))];
        assert_eq!(pair.meet(&a, &b).members("measurement").count(), 2);
    }
}

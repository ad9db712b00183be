//! What a phone of the demonstration does on its walk: one small language, planned by the parent and
//! carried out by the child.
//!
//! Invariant: the plan is a function of the seed and of what the phone holds; nothing in it is
//! arranged with the merge in mind, except that two people are sent to the same doors on purpose.

use super::dice::Dice;
use lanewalk_model::{id::DocId, order::State, photo::FileRef, rows::ListRow, staff::Role};
use serde::{Deserialize, Serialize};

/// One act of a walk, as the parent writes it to the child.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is the facade's method of the same name")]
pub(super) enum Act {
    Visit { order: DocId, kind: String, result: String, notes: String, at: Option<(i64, i64)> },
    Photo { order: DocId, role: String, shot: u64 },
    Measure { order: DocId, what: String, milli: i64, unit: String, method: String },
    Note { order: DocId, text: String },
    Set { doc: DocId, key: String, text: String },
    Severity { order: DocId, level: i64 },
    Propose { order: DocId, what: String, reason: String, outcome: Option<String>, days: Option<u32> },
    Appeal { grid: String, kind: String, text: String },
    Person { grid: String, name: String, phone: String },
    Place { grid: String, address: String, name: String },
}

/// Somebody who walks, and what is on the phone.
#[derive(Debug, Clone)]
pub(super) struct Walker {
    /// Staff id.
    pub(super) worker: String,
    /// Role.
    pub(super) role: Role,
    /// Grid cells held.
    pub(super) grids: Vec<String>,
    /// Orders on the phone.
    pub(super) orders: Vec<(DocId, ListRow)>,
    /// Households on the phone: id and grid.
    pub(super) places: Vec<(DocId, String)>,
}

/// Where two people meet without knowing.
#[derive(Debug, Clone)]
pub(super) struct Meeting {
    /// The order both go to.
    pub(super) order: DocId,
    /// The household both go to.
    pub(super) place: Option<DocId>,
    /// Which of the contradicting versions they tell.
    pub(super) version: usize,
    /// Walkers, by number.
    pub(super) who: (usize, usize),
}

const NOTES: &[&str] = &[
    "现场查看，问题属实，已拍照，周边居民反映持续两周以上。",
    "到场时已自行清理，地面仍有少量残留，提醒住户保持。",
    "敲门无人应答，邻居称下班后在家，晚上再来。",
    "住户情绪较激动，耐心解释后同意先观察三天。",
    "楼道灯不亮，手电查看，照片偏暗，白天补拍。",
    "与店主当面沟通，承诺今日整改，明日复查。",
];
/// What two people say of one place, each having seen it.
const VERSIONS: &[(&str, &str)] = &[
    ("堆物属实，占用楼道约 2 平方米，消防通道受阻。", "现场未见堆物，住户称昨日已清走。"),
    ("照明两盏不亮，夜间看不清台阶。", "照明已有一盏恢复，另一盏待换。"),
    ("路面破损长约 1.5 米，行人绕行。", "路面破损约半米，已放警示锥。"),
    ("垃圾未清，气味明显。", "上午十点已清运，无异味。"),
    ("住户不同意整改，愿意再谈。", "住户口头同意一周内整改。"),
];
const ADDITIONS: &[&str] = &[
    "住户上午不在家，下午三点以后可联系。",
    "单元门禁坏了，可直接上楼。",
    "隔壁楼也有同样情况，一并查看。",
    "现场信号差，记录于楼梯间。",
];
const APPEALS: &[(&str, &str)] = &[
    ("suggest", "希望在小区门口增设非机动车停放点。"),
    ("help", "独居老人希望有人帮忙更换灯泡。"),
    ("complain", "夜间施工噪声影响休息。"),
    ("consult", "询问医保异地报销怎么办理。"),
    ("report", "地下室有人私拉电线给电动车充电。"),
];
const FAMILY: &[&str] = &["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴"];
const GIVEN: &[&str] = &["秀英", "建军", "桂兰", "志明", "晓燕", "文博", "玉珍", "国强", "海霞", "子涵"];
const MEASURES: &[(&str, i64, &str, &str)] = &[
    ("积水深度", 12_500, "cm", "measured"),
    ("堆放垃圾", 3_000, "袋", "counted"),
    ("噪声", 62_400, "dB", "measured"),
    ("违停车辆", 7_000, "辆", "counted"),
    ("裂缝长度", 240_000, "cm", "estimated"),
];

/// Households registered before the network goes: some at doors where two people will meet.
pub(super) fn households(walker: &Walker) -> Vec<Act> {
    let place = |(n, grid): (usize, &String)| Act::Place {
        grid: grid.clone(),
        address: format!("{}号楼{}单元{}02室", n + 3, n % 3 + 1, n + 1),
        name: format!("{}号楼{}户", n + 3, n + 1),
    };
    walker.grids.iter().enumerate().map(place).collect()
}

/// Finds the orders and households that two walkers share, at doors where nobody has met `before`.
pub(super) fn meetings(walkers: &[Walker], before: &[DocId]) -> Vec<Meeting> {
    let mut out: Vec<Meeting> = Vec::new();
    for (a, first) in walkers.iter().enumerate() {
        for (b, second) in walkers.iter().enumerate().skip(a + 1).filter(|(_, w)| w.worker != first.worker) {
            let both = |id: &DocId| second.orders.iter().any(|(other, _)| other == id);
            let dispatched = |row: &ListRow| row.state == State::Dispatched.id();
            let shared = first.orders.iter().find(|(id, row)| {
                both(id) && dispatched(row) && !before.contains(id) && out.iter().all(|m| m.order != *id)
            });
            let Some((order, row)) = shared else { continue };
            let place = first
                .places
                .iter()
                .find(|(id, grid)| *grid == row.grid && second.places.iter().any(|(other, _)| other == id));
            out.push(Meeting {
                order: *order,
                place: place.map(|p| p.0),
                version: before.len() + out.len(),
                who: (a, b),
            });
        }
    }
    out
}

/// Plans one walk.
pub(super) fn plan(
    n: usize,
    walkers: &[Walker],
    meetings: &[Meeting],
    now: i64,
    quick: bool,
    seed: u64,
) -> Vec<Act> {
    let Some(walker) = walkers.get(n) else { return Vec::new() };
    let mut dice = Dice::new(seed ^ (u64::try_from(n).unwrap_or(0) << 32));
    let mut acts = Vec::new();
    let meets: Vec<&Meeting> = meetings.iter().filter(|m| m.who.0 == n || m.who.1 == n).collect();
    for meeting in &meets {
        let (mine, other) = VERSIONS.get(meeting.version % VERSIONS.len()).copied().unwrap_or_default();
        let first = meeting.who.0 == n;
        meet(&mut acts, walker, meeting, first, if first { mine } else { other });
    }
    let alone = |id: &DocId| meetings.iter().all(|m| m.order != *id);
    let mine: Vec<&(DocId, ListRow)> = walker.orders.iter().filter(|(id, _)| alone(id)).collect();
    let dispatched: Vec<_> = mine.iter().filter(|(_, row)| row.state == State::Dispatched.id()).collect();
    let most = if quick { 4 } else { 9 };
    for (i, (id, row)) in dispatched.iter().take(most).enumerate() {
        round(&mut acts, &mut dice, walker, *id, row, i);
    }
    for (id, _) in mine.iter().filter(|(_, row)| row.state == State::Triage.id()) {
        acts.push(Act::Note {
            order: *id, text: "路过现场，先记下情况，等研判结果。".into()
        });
    }
    if walker.role == Role::GridWorker {
        ask(&mut acts, dispatched.iter().skip(most).map(|(id, row)| (*id, row)), now);
    }
    let grid = walker.grids.get(dice.below(walker.grids.len())).cloned().unwrap_or_default();
    for _ in 0..if quick { 1 } else { 2 } {
        let (kind, text) = APPEALS.get(dice.below(APPEALS.len())).copied().unwrap_or_default();
        acts.push(Act::Appeal { grid: grid.clone(), kind: kind.into(), text: text.into() });
        if walker.role == Role::GridWorker {
            let name = format!("{}{}", dice.pick(FAMILY), dice.pick(GIVEN));
            let phone = format!("13{:09}", dice.below(1_000_000_000));
            acts.push(Act::Person { grid: grid.clone(), name, phone });
        }
    }
    acts.push(Act::Place {
        grid,
        address: format!("{}号楼东侧", dice.below(20) + 1),
        name: format!("便民服务点{}", n + 1),
    });
    acts
}

/// Two people at the same order and the same door, each sure of something else.
fn meet(acts: &mut Vec<Act>, walker: &Walker, meeting: &Meeting, first: bool, facts: &str) {
    let (order, by) = (meeting.order, &walker.worker);
    let pick = |a: &'static str, b: &'static str| if first { a } else { b };
    if walker.role == Role::GridWorker {
        acts.push(propose(order, "ack", "", None, None));
    }
    acts.push(Act::Visit {
        order,
        kind: "site_check".into(),
        result: "met".into(),
        notes: format!("{by} 到场：{facts}"),
        at: None,
    });
    acts.push(photo(walker, order, "before", acts.len()));
    acts.push(Act::Set { doc: order, key: "verified_facts".into(), text: facts.into() });
    acts.push(Act::Severity { order, level: if first { 3 } else { 1 } });
    let (method, milli) = if first { ("counted", 20_000) } else { ("estimated", 12_000) };
    acts.push(Act::Measure {
        order,
        what: "涉及户数".into(),
        milli,
        unit: "户".into(),
        method: method.into(),
    });
    if let Some(place) = meeting.place {
        let note = pick("门铃坏，敲门要大声；老人在家。", "先给物业打电话，有狗。");
        acts.push(Act::Set { doc: place, key: "access_note".into(), text: note.into() });
    }
    if walker.role == Role::PropertyStaff {
        acts.push(propose(order, "return", "邻里纠纷，不属于物业职责。", None, None));
    }
}

/// One order, door to door.
fn round(acts: &mut Vec<Act>, dice: &mut Dice, walker: &Walker, order: DocId, row: &ListRow, i: usize) {
    let grid_worker = walker.role == Role::GridWorker;
    if grid_worker {
        acts.push(propose(order, "ack", "", None, None));
    }
    let results = ["met", "met", "absent", "met", "locked"];
    acts.push(Act::Visit {
        order,
        kind: if i % 4 == 3 { "prelim" } else { "site_check" }.into(),
        result: dice.pick(&results).into(),
        notes: dice.pick(NOTES).into(),
        at: row.lat_e7.zip(row.lon_e7),
    });
    if i < 3 {
        acts.push(photo(walker, order, if i == 2 { "after" } else { "before" }, acts.len()));
    }
    acts.push(Act::Note { order, text: dice.pick(ADDITIONS).into() });
    if i.is_multiple_of(2) {
        let (what, milli, unit, method) =
            MEASURES.get(dice.below(MEASURES.len())).copied().unwrap_or_default();
        acts.push(Act::Measure { order, what: what.into(), milli, unit: unit.into(), method: method.into() });
    }
    if i % 3 == 1 {
        acts.push(Act::Severity { order, level: 2 });
        acts.push(Act::Set {
            doc: order, key: "verified_facts".into(), text: "现场查实，情况属实。".into()
        });
    }
    if grid_worker && i < 3 {
        acts.push(Act::Set {
            doc: order,
            key: "reply_text".into(),
            text: "已现场处理并告知诉求人，后续持续关注。".into(),
        });
        acts.push(propose(order, "submit", "", Some("mediated"), None));
    } else if grid_worker && i == 3 {
        acts.push(propose(order, "return", "走访后发现属于市政设施科。", None, None));
    }
}

/// A photo of its own: another place and light for every act of every phone.
fn photo(walker: &Walker, order: DocId, role: &str, n: usize) -> Act {
    let hash = FileRef::of(format!("{} {order} {n}", walker.worker).as_bytes()).sha256;
    let shot = hash.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    Act::Photo { order, role: role.into(), shot }
}

/// Returns and extensions: some fine, some too late.
fn ask<'a>(acts: &mut Vec<Act>, rest: impl Iterator<Item = (DocId, &'a ListRow)>, now: i64) {
    let (late, open): (Vec<_>, Vec<_>) = rest.partition(|(_, row)| row.due_at.is_some_and(|due| due < now));
    let reasons = ["地点不在本网格，属于相邻街道。", "该路段由区公路部门管养，建议退回。"];
    for ((id, _), reason) in late.iter().skip(1).zip(reasons) {
        acts.push(propose(*id, "return", reason, None, None));
    }
    if let Some((id, _)) = late.first() {
        acts.push(propose(*id, "extend", "需要等待配件到货。", None, Some(3)));
    }
    if let Some((id, _)) = open.first() {
        acts.push(propose(*id, "extend", "涉及多部门，需现场会商。", None, Some(5)));
    }
}

fn propose(order: DocId, what: &str, reason: &str, outcome: Option<&str>, days: Option<u32>) -> Act {
    Act::Propose {
        order,
        what: what.into(),
        reason: reason.into(),
        outcome: outcome.map(str::to_owned),
        days,
    }
}

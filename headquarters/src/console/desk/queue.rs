//! What waits for this visitor: the first thing on the board, by role.
//!
//! Invariant: every order shown here has a button for this visitor on its page; who has nothing
//! to do sees that. Rejected: one list for everybody, in which each role looks for its own lines.

use super::super::{
    board::{self, Line},
    names::Names,
    parts::{Row, bi, fold, table},
    reach::Reach,
    web::Ask,
    words::Words,
};
use crate::error::HqError;
use lanewalk_model::{access::Extent, order::State, schema::DocKind, staff::Role};
use maud::{Markup, html};
use rusqlite::{Connection, types::Value as Sql};

/// Orders listed in one queue.
const ROWS: usize = 50;

/// One queue: its id, its words, which orders.
struct Queue {
    id: &'static str,
    title: Words,
    states: &'static [State],
    /// Only those led by, supported by or offered to one of the visitor's units, or the visitor's
    /// own: a section with a grid reads more than it has to do.
    own_units: bool,
}

const fn queue(id: &'static str, title: Words, states: &'static [State]) -> Queue {
    Queue { id, title, states, own_units: false }
}

/// In the hands of a grid.
const IN_HAND: &[State] = &[State::Dispatched, State::Acked, State::Investigating, State::Handling];

/// Not ended.
const OPEN: &[State] = &[
    State::Received,
    State::Accepted,
    State::Triage,
    State::Dispatched,
    State::Acked,
    State::Investigating,
    State::Handling,
    State::Submitted,
    State::Callback,
    State::Parked,
];

/// The queues of a role, in the order in which they are worked.
fn queues(role: Role) -> Vec<Queue> {
    match role {
        Role::HotlineClerk => vec![
            queue("accept", ("待接单", "to accept"), &[State::Received]),
            queue("dispatch", ("待派件", "to dispatch"), &[State::Accepted]),
            queue("review", ("待审核的结果", "results to review"), &[State::Submitted]),
            queue("callbacks", ("待回访/办结", "to call back or close"), &[State::Callback]),
        ],
        Role::DeputyLeader => vec![
            queue("triage", ("待研判", "to triage"), &[State::Triage]),
            queue("parked", ("挂账", "parked"), &[State::Parked]),
        ],
        Role::CallbackAgent => vec![queue("callbacks", ("待回访", "to call back"), &[State::Callback])],
        Role::Section => [
            queue("sign", ("待签收", "to acknowledge"), &[State::Dispatched]),
            queue(
                "own",
                ("本科室在办", "in your section's hands"),
                &[State::Acked, State::Investigating, State::Handling],
            ),
        ]
        .map(|q| Queue { own_units: true, ..q })
        .into(),
        Role::GridWorker => vec![queue("own", ("本人网格在办", "open in your grids"), IN_HAND)],
        Role::PropertyStaff => vec![queue("own", ("派给您的", "assigned to you"), IN_HAND)],
        Role::Enforcement => vec![queue("own", ("等您认定的", "for you to judge"), OPEN)],
        Role::Liaison => vec![queue("own", ("等您回复的", "for you to answer"), OPEN)],
        Role::Principal | Role::Auditor | Role::System => Vec::new(),
    }
}

/// What waits: a number each, and the lists behind them.
pub(in crate::console) struct Waits {
    /// Orders that wait.
    pub(in crate::console) total: u64,
    pub(in crate::console) tiles: Markup,
    pub(in crate::console) lists: Markup,
}

/// Shows the visitor's queues; nothing for roles that only look.
pub(in crate::console) fn section(db: &Connection, ask: &Ask, names: &Names) -> Result<Waits, HqError> {
    let who = &ask.visitor.subject;
    let reach = Reach::of(ask);
    let (units, person) = (who.units_at(ask.now).collect(), Some(who.worker.as_str()));
    let own = Reach::to(&Extent { units, person, ..Extent::default() });
    let (mut tiles, mut lists, mut all) = (Vec::new(), Vec::new(), 0_u64);
    for q in queues(who.role) {
        let (lines, total) = read(db, &q, if q.own_units { &own } else { &reach })?;
        let rows: Vec<Row> = lines.iter().map(|line| board::order_row(line, 0, names, ask.now)).collect();
        let caption = html! { (bi(q.title)) " " span.count { (total) } };
        let left = total.saturating_sub(lines.len() as u64);
        all = all.saturating_add(total);
        tiles.push((total, "mine", q.title, format!("#{}", q.id)));
        let list = table(caption.clone(), &board::HEADS, &rows, left, ("没有", "none"));
        lists.push(fold(q.id, &caption, total > 0, &list));
    }
    Ok(Waits {
        total: all,
        tiles: html! { @if !tiles.is_empty() { (board::tiles("mine", ("等您办理", "waiting for you"), &tiles)) } },
        lists: html! { @for list in &lists { (list) } },
    })
}

fn read(db: &Connection, queue: &Queue, reach: &Reach) -> Result<(Vec<Line>, u64), HqError> {
    let kind = Sql::from(i64::from(DocKind::Order.code()));
    let states = queue.states.iter().map(|s| Sql::from(s.id().to_owned()));
    let values = std::iter::once(kind).chain(states).chain(reach.values.iter().cloned()).collect();
    let states = vec!["?"; queue.states.len()].join(", ");
    let which = format!("open = 1 AND state IN ({states}) AND {}", reach.sql);
    board::lines(db, &which, "priority, due_at IS NULL, due_at, n", values, ROWS)
}

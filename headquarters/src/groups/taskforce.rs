//! Task forces 专班 (R32, R34, R36): a function an act.

use super::{LINE, find, is_master, list, need, orders_of, write};
use crate::{
    ahead::{actor, refused, some_words, words},
    core::Core,
    desk::within_reach,
    error::HqError,
    hq::Headquarters,
    store,
};
use lanewalk_model::{
    document::Edit,
    group::{
        Refusal, cluster,
        taskforce::{self, Act, MeetingRecord, PlanRecord},
    },
    id::{DocId, to_hex},
    order::{self, State},
    records::{StepKind, StepRecord, to_json},
    schema::DocKind,
    time::TimeMs,
    view::DocView,
};
use rusqlite::Transaction;

/// Bytes of minutes or a plan: the schema's record holds them with their frame.
const MINUTES: usize = 24_000;

/// A task force to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewTaskForce {
    /// What it is for.
    pub title: String,
    /// Staff id of who leads it.
    pub lead: String,
    /// Its own due time.
    pub due: TimeMs,
    /// Staff ids, and names of people of other bodies.
    pub members: Vec<String>,
    /// The orders it takes up; a master brings its children.
    pub orders: Vec<DocId>,
}

/// Judges an act and does it to a task force in one transaction.
fn done<T>(
    hq: &mut Headquarters,
    force: DocId,
    act: Act,
    by: &str,
    run: impl FnOnce(&Transaction<'_>, &mut Core, &DocView) -> Result<T, HqError>,
) -> Result<T, HqError> {
    hq.act(|tx, core| {
        let view = need(tx, force, DocKind::TaskForce)?;
        taskforce::may(Some(&view), act, &actor(tx, by)?).map_err(refused)?;
        run(tx, core, &view)
    })
}

impl Headquarters {
    /// Opens a task force.
    pub fn open_task_force(&mut self, new: &NewTaskForce, by: &str) -> Result<DocId, HqError> {
        self.act(|tx, core| {
            taskforce::may(None, Act::Open, &actor(tx, by)?).map_err(refused)?;
            let id = DocId { kind: DocKind::TaskForce, uuid: core.uuid() };
            let mut edits = vec![
                Edit::set("title", words(&new.title, LINE)?),
                lead_edit(tx, &new.lead)?,
                due_edit(core, new.due)?,
            ];
            for member in &new.members {
                edits.push(member_edit(tx, core, member)?);
            }
            let mut grid = None;
            for order in &new.orders {
                let view = need(tx, *order, DocKind::Order)?;
                grid = grid.or_else(|| view.text("grid").map(str::to_owned));
            }
            edits.extend(grid.map(|g| Edit::set("grid", g)));
            let mut step = StepRecord::new(StepKind::TaskForce, core.now(), by);
            step.due = Some(new.due);
            write(tx, core, id, edits, &step)?;
            new.orders.iter().try_for_each(|order| attach(tx, core, id, *order, by))?;
            Ok(id)
        })
    }

    /// Takes an order up; a master brings its children.
    pub fn task_force_takes(&mut self, force: DocId, order: DocId, by: &str) -> Result<(), HqError> {
        done(self, force, Act::Order, by, |tx, core, _| attach(tx, core, force, order, by))
    }

    /// Lets an order go, with its children if it is a master.
    pub fn task_force_lets_go(
        &mut self,
        force: DocId,
        order: DocId,
        text: &str,
        by: &str,
    ) -> Result<(), HqError> {
        done(self, force, Act::Order, by, |tx, core, _| {
            let text = words(text, 2_000)?;
            within_reach(tx, by, order, core.now())?;
            let mut any = false;
            for id in with_children(tx, order)? {
                let view = need(tx, id, DocKind::Order)?;
                if view.text("taskforce") != Some(&force.to_string()) {
                    continue;
                }
                any = true;
                let mut step = StepRecord::new(StepKind::TaskForce, core.now(), by);
                step.from = Some(force.to_string());
                step.reason.clone_from(&text);
                let edits = vec![Edit::set("taskforce", ""), Edit::Remove("flag/taskforce".into())];
                write(tx, core, id, edits, &step)?;
                core.write(tx, force, by, &[Edit::Remove(taskforce::order_key(id))])?;
            }
            if any { Ok(()) } else { Err(refused(Refusal::NotInIt)) }
        })
    }

    /// Changes the lead.
    pub fn task_force_lead(&mut self, force: DocId, lead: &str, by: &str) -> Result<(), HqError> {
        done(self, force, Act::Lead, by, |tx, core, _| {
            let edit = lead_edit(tx, lead)?;
            core.write(tx, force, by, &[edit]).map(|_| ())
        })
    }

    /// Changes the due time; why stays in its log.
    pub fn task_force_due(&mut self, force: DocId, due: TimeMs, text: &str, by: &str) -> Result<(), HqError> {
        done(self, force, Act::Due, by, |tx, core, _| {
            let edit = due_edit(core, due)?;
            let mut step = StepRecord::new(StepKind::Extended, core.now(), by);
            step.due = Some(due);
            step.reason = words(text, 2_000)?;
            write(tx, core, force, vec![edit], &step)
        })
    }

    /// Names a member: a staff id, or the name of somebody of another body.
    pub fn task_force_member(&mut self, force: DocId, member: &str, by: &str) -> Result<(), HqError> {
        done(self, force, Act::Member, by, |tx, core, _| {
            let edit = member_edit(tx, core, member)?;
            core.write(tx, force, by, &[edit]).map(|_| ())
        })
    }

    /// Removes a member, by the id in the task force.
    pub fn task_force_leaves(&mut self, force: DocId, member: &str, by: &str) -> Result<(), HqError> {
        done(self, force, Act::Member, by, |tx, core, view| {
            let key = taskforce::member_key(member);
            if view.get(&key).is_none() {
                return Err(refused(Refusal::NotInIt));
            }
            core.write(tx, force, by, &[Edit::Remove(key)]).map(|_| ())
        })
    }

    /// Records a meeting.
    pub fn task_force_meets(
        &mut self,
        force: DocId,
        at: TimeMs,
        present: &[String],
        text: &str,
        by: &str,
    ) -> Result<(), HqError> {
        done(self, force, Act::Meeting, by, |tx, core, _| {
            let named: Result<Vec<String>, HqError> =
                present.iter().take(100).map(|name| some_words(name, 90)).collect();
            let present = named?.into_iter().filter(|name| !name.is_empty()).collect();
            let record = MeetingRecord { at, present, words: words(text, MINUTES)? };
            let key = format!("meeting/{}", core.event());
            core.write(tx, force, by, &[Edit::set(key, to_json(&record))]).map(|_| ())
        })
    }

    /// Writes the next plan version and returns its number.
    pub fn task_force_plan(&mut self, force: DocId, text: &str, by: &str) -> Result<u32, HqError> {
        done(self, force, Act::Plan, by, |tx, core, view| {
            let version = taskforce::plans(view).last().map_or(0, |(_, p)| p.version).saturating_add(1);
            let record = PlanRecord { version, at: core.now(), text: words(text, MINUTES)? };
            let key = format!("plan/{}", core.event());
            core.write(tx, force, by, &[Edit::set(key, to_json(&record))])?;
            Ok(version)
        })
    }

    /// Adopts a plan version.
    pub fn task_force_adopts(&mut self, force: DocId, version: u32, by: &str) -> Result<(), HqError> {
        done(self, force, Act::Adopt, by, |tx, core, view| {
            let plan = taskforce::plans(view).into_iter().find(|(_, p)| p.version == version);
            let (event, _) = plan.ok_or_else(|| refused(Refusal::NoSuchPlan))?;
            core.write(tx, force, by, &[Edit::set("adopted_plan", event)]).map(|_| ())
        })
    }

    /// Dissolves a task force; all it took up has ended or was let go.
    pub fn dissolve_task_force(&mut self, force: DocId, text: &str, by: &str) -> Result<(), HqError> {
        done(self, force, Act::Dissolve, by, |tx, core, view| {
            for order in orders_of(view, "order") {
                if find(tx, order)?.is_some_and(|o| order::state(&o).is_open()) {
                    return Err(refused(Refusal::StillOpen));
                }
            }
            let mut step = StepRecord::new(StepKind::Closed, core.now(), by);
            step.reason = words(text, 2_000)?;
            write(tx, core, force, vec![Edit::set("dissolved", true)], &step)
        })
    }
}

fn lead_edit(tx: &Transaction<'_>, lead: &str) -> Result<Edit, HqError> {
    let known = store::subject(tx, lead.trim())?.ok_or_else(|| refused(Refusal::LeadMissing))?;
    Ok(Edit::set("lead", known.0.worker))
}

fn due_edit(core: &mut Core, due: TimeMs) -> Result<Edit, HqError> {
    // What the schema takes as a time.
    let is_time = DocKind::TaskForce.spec().field("due").is_some_and(|f| f.accepts(&due.0.into()));
    if due > core.now() && is_time { Ok(Edit::set("due", due.0)) } else { Err(refused(Refusal::DueMissing)) }
}

/// Staff stand under their own id, others under one that is drawn.
fn member_edit(tx: &Transaction<'_>, core: &mut Core, member: &str) -> Result<Edit, HqError> {
    let (id, name) = match store::subject(tx, member.trim())? {
        Some((subject, name)) => (subject.worker, name),
        None => (format!("ext-{}", to_hex(&core.uuid())), words(member, LINE)?),
    };
    Ok(Edit::set(taskforce::member_key(&id), name))
}

/// Lists an order and, if it is a master, its children.
fn with_children(tx: &Transaction<'_>, order: DocId) -> Result<Vec<DocId>, HqError> {
    let view = need(tx, order, DocKind::Order)?;
    let children = if is_master(&view) { orders_of(&view, "cluster_child") } else { Vec::new() };
    Ok(std::iter::once(order).chain(children).collect())
}

fn attach(
    tx: &Transaction<'_>,
    core: &mut Core,
    force: DocId,
    order: DocId,
    by: &str,
) -> Result<(), HqError> {
    within_reach(tx, by, order, core.now())?;
    for id in with_children(tx, order)? {
        let view = need(tx, id, DocKind::Order)?;
        let taken = view.text("taskforce").is_some_and(|t| !t.is_empty());
        if !order::state(&view).is_open() || taken {
            // One that was named is refused; a child that has ended or is taken stays as it is.
            if id == order {
                let why = if taken { Refusal::Taken } else { Refusal::OrderEnded };
                return Err(refused(why));
            }
            continue;
        }
        let mut step = StepRecord::new(StepKind::TaskForce, core.now(), by);
        step.to = Some(force.to_string());
        let edits = vec![Edit::set("taskforce", force.to_string()), Edit::set("flag/taskforce", true)];
        write(tx, core, id, edits, &step)?;
        core.write(tx, force, by, &[Edit::set(taskforce::order_key(id), true)])?;
    }
    Ok(())
}

/// Puts the open orders of overdue task forces under supervision and notes it, once a due time.
pub(super) fn tell_overdue(tx: &Transaction<'_>, core: &mut Core) -> Result<(), HqError> {
    for row in list(tx, DocKind::TaskForce, 1_000)? {
        let Some(view) = find(tx, row.id)? else { continue };
        let now = core.now();
        if !taskforce::is_overdue(&view, now) {
            continue;
        }
        let due = view.int("due").map(TimeMs);
        let mut step = StepRecord::new(StepKind::Supervised, now, "hq");
        step.due = due;
        step.to = Some("principal".to_owned());
        "专班时限已过".clone_into(&mut step.reason);
        let told = due.map(|d| Edit::set("overdue_told", d.0)).into_iter().collect();
        write(tx, core, row.id, told, &step)?;
        for id in orders_of(&view, "order") {
            let open = find(tx, id)?.is_some_and(|o| {
                let state = order::state(&o);
                state.is_open() && state != State::Parked && cluster::is_counted(&o)
            });
            if open {
                write(tx, core, id, vec![Edit::set("flag/supervised", true)], &step)?;
            }
        }
    }
    Ok(())
}

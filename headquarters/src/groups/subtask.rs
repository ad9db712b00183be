//! Linked sub-tasks (R41): work that follows from an order, with an order of its own. It does not
//! hold the main order's clock, and done later it does not open that order again.

use super::{LINE, need, write};
use crate::{
    ahead::{actor, refused, some_words, words},
    error::HqError,
    hq::Headquarters,
};
use lanewalk_model::{
    deadline,
    document::Edit,
    group::{Refusal, cluster},
    id::DocId,
    records::{StepKind, StepRecord},
    schema::DocKind,
    staff::{Role, Roles},
};

/// Who links work to an order.
const LINKERS: Roles =
    Role::HotlineClerk.bit().or(Role::Section.bit()).or(Role::DeputyLeader.bit()).or(Role::Principal.bit());

/// A sub-task to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewSubtask {
    /// What is to be done.
    pub title: String,
    /// More about it; may be empty.
    pub summary: String,
    /// Section that does it.
    pub lead_unit: String,
    /// Grid; the main order's when empty.
    pub grid: String,
}

impl Headquarters {
    /// Makes a sub-task of an order, dispatched to its section and the grid's people. Its clock
    /// starts now, with the general limit.
    pub fn make_subtask(&mut self, main: DocId, new: &NewSubtask, by: &str) -> Result<DocId, HqError> {
        self.subtask(main, new, None, by)
    }

    /// Makes the task of looking again whether it stayed solved 复查 (GB/T 30428.8): a sub-task of
    /// the section that leads the order, due a few days from now (`recheck_days`, \[P\]).
    pub fn make_recheck(&mut self, main: DocId, by: &str) -> Result<DocId, HqError> {
        let order = self.document(main)?.ok_or_else(|| HqError::NotFound(main.to_string()))?;
        let text = |key: &str| order.text(key).unwrap_or_default();
        let new = NewSubtask {
            title: format!("复查:{}", text("title")),
            summary: text("summary").to_owned(),
            lead_unit: text("lead_unit").to_owned(),
            grid: String::new(),
        };
        self.subtask(main, &new, Some(self.core.settings.recheck_days), by)
    }

    fn subtask(
        &mut self,
        main: DocId,
        new: &NewSubtask,
        days: Option<u16>,
        by: &str,
    ) -> Result<DocId, HqError> {
        self.act(|tx, core| {
            if !LINKERS.has(actor(tx, by)?.role) {
                return Err(refused(Refusal::RoleMayNot));
            }
            let order = need(tx, main, DocKind::Order)?;
            if !cluster::is_counted(&order) {
                return Err(refused(Refusal::NotAnOrder));
            }
            let now = core.now();
            let own = |key: &str| order.text(key).unwrap_or_default().to_owned();
            let grid = if new.grid.trim().is_empty() { own("grid") } else { new.grid.trim().to_owned() };
            let mut edits = vec![
                Edit::set("channel", cluster::SUBTASK_CHANNEL),
                Edit::set("subtask_of", main.to_string()),
                Edit::set("title", words(&new.title, LINE)?),
                Edit::set("summary", some_words(&new.summary, 12_000)?),
                Edit::set("place_text", own("place_text")),
                Edit::set("grid", grid.as_str()),
                Edit::set("reported_at", now.0),
                Edit::set("urgency", "general"),
                Edit::set("order_version", 1),
                Edit::set("accepted_at", now.0),
            ];
            edits.extend(order.text("reported_position").map(|p| Edit::set("reported_position", p)));
            let settings = &core.settings;
            let due = match days {
                Some(days) => deadline::days_due(now, days, &core.calendar, &settings.hours),
                None => deadline::limit_due(now, settings.limits.general, &core.calendar, &settings.hours),
            };
            if let Ok(due) = due {
                edits.push(Edit::set("internal_due", due.at.0));
                edits.push(Edit::set("calendar_version", core.calendar.version()));
                edits.push(Edit::set("due_provisional", due.provisional));
            }
            let lead = words(&new.lead_unit, 64)?;
            core.dispatch_edits(tx, &mut edits, &lead, &[], &grid, now)?;
            let id = DocId { kind: DocKind::Order, uuid: core.uuid() };
            let mut step = StepRecord::new(StepKind::Dispatched, now, by);
            step.to = Some(lead);
            step.from = Some(main.to_string());
            write(tx, core, id, edits, &step)?;
            Ok(id)
        })
    }
}

//! The clerk on watch accepts what came in (R23, R25), and the catalogue says where it goes.
//!
//! Invariant: exactly one match dispatches, anything else goes to the deputy leader (R26, R27);
//! the same rule whether an order is accepted as it comes in or hours later.

use crate::{core::Core, error::HqError, store::StoredDoc};
use lanewalk_model::{
    catalog::Matter,
    document::Edit,
    order::State,
    records::{StepKind, StepRecord},
    view::DocView,
};
use rusqlite::{Connection, OptionalExtension as _, Transaction};

impl Core {
    /// Finds the matter an order is about: the one it has, or the catalogue's one match for the
    /// words it came with.
    pub(crate) fn matter_of(
        &self,
        db: &Connection,
        order: &StoredDoc,
        view: &DocView,
    ) -> Result<Option<Matter>, HqError> {
        if let Some(code) = view.text("matter_code") {
            return Ok(self.catalog.matter(code).cloned());
        }
        let words: Option<String> = db
            .prepare_cached("SELECT matter_text FROM arrivals WHERE doc = ?1")?
            .query_row([order.row.n], |r| r.get(0))
            .optional()?;
        Ok(self.catalog.exact_match(&words.unwrap_or_default()).cloned())
    }

    /// Makes the edits and the step of an accepted order that goes on: to its section, or to the
    /// deputy leader.
    pub(crate) fn route_edits(
        &mut self,
        tx: &Transaction<'_>,
        edits: &mut Vec<Edit>,
        matter: Option<&Matter>,
        grid: Option<&str>,
        clerk: &str,
    ) -> Result<(), HqError> {
        let now = self.now();
        match (matter, grid) {
            (Some(matter), Some(grid)) => {
                self.dispatch_edits(tx, edits, &matter.lead_unit, &matter.support_units, grid, now)?;
                let to = Some(matter.lead_unit.clone());
                self.push_step(
                    edits,
                    &StepRecord { to, ..StepRecord::new(StepKind::Dispatched, now, clerk) },
                );
            }
            // R27: no clear owner. Only the deputy leader leaves this state.
            _ => {
                edits.push(Edit::set("state", State::Triage.id()));
                let reason = match matter {
                    None => "清单中没有唯一对应事项 / no single match in the catalogue",
                    Some(_) => "不在任何网格内 / outside every grid",
                };
                let step = StepRecord::new(StepKind::ToTriage, now, clerk);
                self.push_step(edits, &StepRecord { reason: reason.to_owned(), ..step });
            }
        }
        Ok(())
    }
}

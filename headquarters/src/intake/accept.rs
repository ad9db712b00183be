//! The clerk on watch accepts what came in (R23, R25), and the catalogue says where it goes.
//!
//! Invariant: exactly one match dispatches, anything else goes to the deputy leader (R26, R27);
//! the same rule whether an order is accepted as it comes in or hours later.

use crate::{
    core::Core,
    error::HqError,
    hq::Headquarters,
    store::{self, StoredDoc},
};
use lanewalk_model::{
    catalog::Matter,
    document::Edit,
    id::DocId,
    order::{self, Act, Situation, State},
    records::{StepKind, StepRecord},
};
use rusqlite::{OptionalExtension as _, Transaction};

impl Headquarters {
    /// Accepts an order that stands in RECEIVED, and dispatches it or sends it to triage by the
    /// catalogue as it is now. Returns the state it has then. `on_watch` says whether the watch
    /// roster has the clerk on duty; refused by the order's table otherwise.
    pub fn accept(&mut self, id: DocId, clerk: &str, on_watch: bool) -> Result<State, HqError> {
        self.act(|tx, core| {
            let (subject, _) =
                store::subject(tx, clerk)?.ok_or_else(|| HqError::NotFound(format!("staff {clerk}")))?;
            let stored = StoredDoc::find(tx, id)?.ok_or_else(|| HqError::NotFound(id.to_string()))?;
            let view = stored.view()?;
            let at = Situation {
                now: core.now(),
                reason: String::new(),
                on_watch,
                matches: 0,
                visitors: Vec::new(),
            };
            order::act(&view, &Act::Accept, &subject, &at)
                .map_err(|refusal| HqError::NotAllowed(format!("{} / {}", refusal.zh(), refusal.en())))?;
            let words: Option<String> = tx
                .prepare_cached("SELECT matter_text FROM arrivals WHERE doc = ?1")?
                .query_row([stored.row.n], |r| r.get(0))
                .optional()?;
            let matter = match view.text("matter_code") {
                Some(code) => core.catalog.matter(code),
                None => core.catalog.exact_match(&words.unwrap_or_default()),
            }
            .cloned();
            let mut edits = vec![Edit::set("order_version", next_version(&view))];
            if let Some(matter) = &matter {
                edits.push(Edit::set("matter_code", matter.matter_code.as_str()));
                edits.push(Edit::set("catalog_version", core.catalog.version.as_str()));
            }
            let grid = view.text("grid").filter(|g| !g.is_empty()).map(str::to_owned);
            core.accept_edits(tx, &mut edits, matter.as_ref(), grid.as_deref(), clerk)?;
            Ok(order::state(&core.write(tx, id, clerk, &edits)?))
        })
    }
}

fn next_version(view: &lanewalk_model::view::DocView) -> i64 {
    i64::try_from(order::version(view).saturating_add(1)).unwrap_or(i64::MAX)
}

impl Core {
    /// Makes the edits and steps of an order that a clerk accepts now: on to its section, or to
    /// the deputy leader.
    pub(super) fn accept_edits(
        &mut self,
        tx: &Transaction<'_>,
        edits: &mut Vec<Edit>,
        matter: Option<&Matter>,
        grid: Option<&str>,
        clerk: &str,
    ) -> Result<(), HqError> {
        let now = self.now();
        edits.push(Edit::set("accepted_at", now.0));
        self.step(edits, StepRecord::new(StepKind::Accepted, now, clerk));
        match (matter, grid) {
            (Some(matter), Some(grid)) => {
                self.dispatch_edits(tx, edits, &matter.lead_unit, &matter.support_units, grid, now)?;
                let to = Some(matter.lead_unit.clone());
                self.step(edits, StepRecord { to, ..StepRecord::new(StepKind::Dispatched, now, clerk) });
            }
            // R27: no clear owner. Only the deputy leader leaves this state.
            _ => {
                edits.push(Edit::set("state", State::Triage.id()));
                let reason = match matter {
                    None => "清单中没有唯一对应事项 / no single match in the catalogue",
                    Some(_) => "不在任何网格内 / outside every grid",
                };
                let step = StepRecord::new(StepKind::ToTriage, now, clerk);
                self.step(edits, StepRecord { reason: reason.to_owned(), ..step });
            }
        }
        Ok(())
    }
}

//! What ids stand for: staff, units, matters, grid cells.
//!
//! Invariant: an id without a name is shown as the id. Rejected: joining names in every query;
//! a subdistrict has a few hundred in all.

use super::{
    desk::Choices,
    parts::{bi, named, shown},
};
use crate::{error::HqError, store};
use lanewalk_model::staff::Role;
use maud::{Markup, html};
use rusqlite::Connection;
use std::collections::HashMap;

/// Names by id.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// What forms offer; with [`Names::all`] only.
    pub(super) choices: Choices,
    staff: HashMap<String, (String, Option<Role>)>,
    units: HashMap<String, String>,
    matters: HashMap<String, String>,
    cells: HashMap<String, String>,
}

impl Names {
    /// Reads the names of staff.
    pub(super) fn of_staff(db: &Connection) -> Result<Self, HqError> {
        let mut names = Self::default();
        let mut statement = db.prepare_cached("SELECT id, name, role FROM staff")?;
        let mut rows = statement.query([])?;
        while let Some(r) = rows.next()? {
            let role: String = r.get(2)?;
            names.staff.insert(r.get(0)?, (r.get(1)?, Role::from_id(&role)));
        }
        Ok(names)
    }

    /// Reads all names. Reference data that cannot be read only leaves ids without names.
    pub(super) fn all(db: &Connection) -> Result<Self, HqError> {
        let mut names = Self::of_staff(db)?;
        let known = store::reference(db)?;
        if let Some((catalog, _)) = &known.catalog {
            names.units.extend(
                catalog.units.iter().map(|u| (u.id.clone(), named(&u.name_zh, &u.name_en).to_owned())),
            );
            let matters = catalog
                .matters
                .iter()
                .map(|m| (m.matter_code.clone(), named(&m.name_zh, &m.name_en).to_owned()));
            names.matters.extend(matters);
            names.choices.catalog = Some(catalog.clone());
        }
        if let Some(grids) = &known.grids {
            names.choices.grids =
                grids.cells().iter().map(|c| (c.id().to_string(), c.name().to_owned())).collect();
            names.cells.extend(names.choices.grids.iter().cloned());
        }
        Ok(names)
    }

    /// Lists the staff of a role: (id, name), in order of id.
    pub(super) fn with_role(&self, role: Role) -> Vec<(String, String)> {
        let of = self.staff.iter().filter(|(_, (_, r))| *r == Some(role));
        let mut all: Vec<_> = of.map(|(id, (name, _))| (id.clone(), name.clone())).collect();
        all.sort_unstable();
        all
    }

    /// Says whether an id is a member of staff's.
    pub(super) fn is_person(&self, id: &str) -> bool {
        self.staff.contains_key(id)
    }

    /// Shows a member of staff by name; `hq` is headquarters' own rules.
    pub(super) fn person(&self, id: &str) -> Markup {
        match self.staff.get(id) {
            _ if id.is_empty() => super::parts::none(),
            _ if id == "hq" => html! { (bi(("总部规则", "rule"))) },
            Some((name, role)) => html! {
                (shown(name)) " " span.sub { @if let Some(role) = role { (bi(super::words::role(*role))) " " } span.id { (shown(id)) } }
            },
            None => html! { span.id { (shown(id)) } },
        }
    }

    /// Finds the name of a unit, matter or cell.
    pub(super) fn name_of(&self, field: &str, id: &str) -> Option<&str> {
        self.table(field).get(id).map(String::as_str).filter(|n| !n.is_empty())
    }

    /// Shows a unit, matter or cell by name with its id.
    pub(super) fn thing(&self, field: &str, id: &str) -> Markup {
        match self.name_of(field, id) {
            Some(name) => html! { (shown(name)) " " span.id { (shown(id)) } },
            None if id.is_empty() => super::parts::none(),
            None => html! { span.id { (shown(id)) } },
        }
    }

    /// Returns the name of a matter as plain text, the id where there is none.
    pub(super) fn plain(&self, field: &str, id: &str) -> String {
        self.table(field).get(id).filter(|n| !n.is_empty()).map_or_else(|| id.to_owned(), Clone::clone)
    }

    /// Lists ids with names for a choice, by name: staff for `lead`, else as [`Self::thing`].
    pub(super) fn list(&self, field: &str) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = match field {
            "lead" => self.staff.iter().map(|(id, (name, _))| (id.clone(), format!("{name} {id}"))).collect(),
            _ => self.table(field).iter().map(|(id, name)| (id.clone(), format!("{name} {id}"))).collect(),
        };
        all.sort_by(|a, b| a.1.cmp(&b.1));
        all
    }

    fn table(&self, field: &str) -> &HashMap<String, String> {
        match field {
            "lead_unit" | "support_unit" => &self.units,
            "matter_code" => &self.matters,
            _ => &self.cells,
        }
    }
}

//! What ids stand for: staff, units, matters, grid cells.
//!
//! Invariant: an id without a name is shown as the id. Rejected: joining names in every query;
//! a subdistrict has a few hundred in all.

use super::parts::shown;
use crate::error::HqError;
use lanewalk_model::{catalog::Catalog, document::Document, grid::GridSet, schema::DocKind, staff::Role};
use maud::{Markup, html};
use rusqlite::Connection;
use std::collections::HashMap;

/// Names by id.
#[derive(Debug, Default)]
pub(super) struct Names {
    staff: HashMap<String, (String, Option<Role>)>,
    units: HashMap<String, String>,
    matters: HashMap<String, String>,
    cells: HashMap<String, String>,
}

impl Names {
    /// Reads the names of staff.
    pub(super) fn of_staff(db: &Connection) -> Result<Self, HqError> {
        let mut names = Self::default();
        let mut statement = db.prepare("SELECT id, name, role FROM staff")?;
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
        let mut statement = db.prepare("SELECT saved FROM docs WHERE kind = ?1")?;
        let mut rows = statement.query([DocKind::Reference.code()])?;
        while let Some(r) = rows.next()? {
            let saved = r.get_ref(0)?.as_blob().unwrap_or_default();
            let Ok(mut document) = Document::load(DocKind::Reference, saved) else { continue };
            let view = document.view();
            names.learn(view.text("name").unwrap_or_default(), view.text("body").unwrap_or_default());
        }
        Ok(names)
    }

    fn learn(&mut self, name: &str, body: &str) {
        match name {
            "matter_catalog" => {
                let Ok(catalog) = Catalog::from_json(body) else { return };
                self.units.extend(catalog.units.into_iter().map(|u| (u.id, u.name_zh)));
                self.matters.extend(catalog.matters.into_iter().map(|m| (m.matter_code, m.name_zh)));
            }
            "grids" => {
                let Ok(grids) = GridSet::from_geojson(body) else { return };
                self.cells.extend(grids.cells().iter().map(|c| (c.id().to_string(), c.name().to_owned())));
            }
            _ => {}
        }
    }

    /// Shows a member of staff by name; `hq` is headquarters' own rules.
    pub(super) fn person(&self, id: &str) -> Markup {
        match self.staff.get(id) {
            _ if id.is_empty() => super::parts::none(),
            _ if id == "hq" => html! { "总部规则 " span.en lang="en" { "rule" } },
            Some((name, role)) => html! {
                (shown(name)) " " span.sub { @if let Some(role) = role { (role.zh()) " " } span.id { (shown(id)) } }
            },
            None => html! { span.id { (shown(id)) } },
        }
    }

    /// Returns the name of a unit, matter or cell.
    pub(super) fn plain(&self, field: &str, id: &str) -> Option<&str> {
        self.table(field).get(id).map(String::as_str).filter(|n| !n.is_empty())
    }

    /// Lists the units, matters or cells there are: id and name, by id.
    pub(super) fn list(&self, field: &str) -> Vec<(&str, &str)> {
        let mut all: Vec<_> = self.table(field).iter().map(|(id, n)| (id.as_str(), n.as_str())).collect();
        all.sort_unstable();
        all
    }

    fn table(&self, field: &str) -> &HashMap<String, String> {
        match field {
            "lead_unit" | "support_unit" => &self.units,
            "matter_code" => &self.matters,
            _ => &self.cells,
        }
    }

    /// Shows a unit, matter or cell by name with its id.
    pub(super) fn thing(&self, field: &str, id: &str) -> Markup {
        match self.plain(field, id) {
            Some(name) => html! { (shown(name)) " " span.id { (shown(id)) } },
            None if id.is_empty() => super::parts::none(),
            None => html! { span.id { (shown(id)) } },
        }
    }
}

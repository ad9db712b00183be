//! Knowledge base, response plans, catalogue and grids, all readable offline.

use crate::{
    call::Core,
    error::LanewalkError,
    foreign::Fix,
    live::{self, KnowledgeListener, Watch},
    parse,
    rows::{KnowledgeRow, ListQuery},
    texts::Phrase,
};
use lanewalk_field as core;
use lanewalk_model::{
    catalog::{Catalog, Matter},
    schema::DocKind,
    view::DocView,
};
use std::sync::Arc;

/// Knowledge and reference data.
#[derive(uniffi::Object)]
pub struct Knowledge(pub(crate) Arc<Core>);

/// A version of a topic; immutable.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct KnowledgePage {
    /// Id of this version.
    pub id: String,
    /// Topic.
    pub topic: String,
    /// Number of the version.
    pub version: i64,
    /// Title.
    pub title: String,
    /// Text.
    pub body: String,
    /// Of a response plan: when it applies.
    pub trigger: String,
    /// Of a response plan: what to do, one step a line.
    pub steps: Vec<String>,
    /// False for a version that a newer one replaced.
    pub in_force: bool,
}

/// A grid cell.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct GridCell {
    /// 15 digits.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A matter of the catalogue 事项清单 (R26).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct MatterView {
    /// Code of 6 digits.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name; may be empty.
    pub name_en: String,
    /// Urgent: two hours.
    pub urgent: bool,
    /// The section that leads (R28).
    pub lead_unit: String,
    /// Its name; its id where the catalogue has none.
    pub lead_unit_zh: String,
    /// What a submission must show.
    pub evidence: Vec<Phrase>,
}

#[uniffi::export]
impl Knowledge {
    /// Lists entries and plans.
    pub fn list(&self, query: ListQuery) -> Result<Vec<KnowledgeRow>, LanewalkError> {
        let rows = self.0.call(|field| field.list(&query.of(DocKind::Knowledge)))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Follows such a list.
    pub fn watch(
        &self,
        query: ListQuery,
        listener: Arc<dyn KnowledgeListener>,
    ) -> Result<Arc<Watch>, LanewalkError> {
        live::watch_knowledge(&self.0, query, listener)
    }

    /// Reads a version.
    pub fn get(&self, version: String) -> Result<KnowledgePage, LanewalkError> {
        let id = parse::doc("version", &version, &[DocKind::Knowledge])?;
        let view = self.0.call(|field| field.document(id))?;
        Ok(KnowledgePage::of(version, &view))
    }

    /// Reads the version in force of a topic; nothing when none is here.
    pub fn in_force(&self, topic: String) -> Result<Option<KnowledgePage>, LanewalkError> {
        let found = self.0.call(|field| field.knowledge(&topic))?;
        Ok(found.map(|(id, view)| KnowledgePage::of(id.to_string(), &view)))
    }

    /// Suggests a change of a version (R13).
    pub fn suggest(&self, version: String, text: String) -> Result<(), LanewalkError> {
        let id = parse::doc("version", &version, &[DocKind::Knowledge])?;
        self.0.call(|field| field.suggest(id, &text)).map(drop)
    }

    /// Lists the matters of the catalogue as published; empty before it has arrived.
    pub fn matters(&self) -> Result<Vec<MatterView>, LanewalkError> {
        let catalog = self.0.call(core::Field::catalog)?;
        Ok(catalog.iter().flat_map(|c| c.matters.iter().map(|m| MatterView::of(c, m))).collect())
    }

    /// Finds the grid cell of a place; nothing outside every cell or before the grids arrived.
    pub fn grid_at(&self, fix: Fix) -> Result<Option<GridCell>, LanewalkError> {
        let position = fix.position().ok_or_else(|| LanewalkError::invalid("fix", "not on the globe"))?;
        let cell = self.0.call(|field| field.grid_at(&position))?;
        Ok(cell.map(|(id, name)| GridCell { id, name }))
    }
}

impl MatterView {
    fn of(catalog: &Catalog, matter: &Matter) -> Self {
        let unit = catalog.units.iter().find(|u| u.id == matter.lead_unit);
        Self {
            code: matter.matter_code.clone(),
            name_zh: matter.name_zh.clone(),
            name_en: matter.name_en.clone(),
            urgent: matter.urgency == "urgent",
            lead_unit: matter.lead_unit.clone(),
            lead_unit_zh: unit.map_or(&matter.lead_unit, |u| &u.name_zh).clone(),
            evidence: matter.required_evidence.iter().map(|e| Phrase::of("evidence", e.id())).collect(),
        }
    }
}

impl KnowledgePage {
    fn of(id: String, view: &DocView) -> Self {
        let text = |key: &str| view.text(key).unwrap_or_default().to_owned();
        Self {
            id,
            topic: text("topic"),
            version: view.int("version").unwrap_or_default(),
            title: text("title"),
            body: text("body"),
            trigger: text("trigger"),
            steps: text("steps").lines().map(str::to_owned).collect(),
            in_force: !view.flag("superseded"),
        }
    }
}

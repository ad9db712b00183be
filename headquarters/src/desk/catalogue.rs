//! The catalogue grows from the deputy leader's choices (R27).
//!
//! Invariant: a row comes in as a new version of the whole catalogue, which phones get with their
//! next sync; orders keep the version they were matched with. Only a deputy leader adopts or
//! declines, and each choice once.

use super::staff;
use crate::{error::HqError, hq::Headquarters, people::audit};
use lanewalk_model::{
    catalog::Matter, document::Edit, id::DocId, order::Refusal, schema::DocKind, staff::Role, time::TimeMs,
};
use rusqlite::{Connection, OptionalExtension as _, params};

/// A choice that may become a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogProposal {
    /// Row number.
    pub n: i64,
    /// The order it was made for.
    pub order: DocId,
    /// What the order is called.
    pub words: String,
    /// The lead section that was chosen.
    pub lead_unit: String,
    /// The supporting sections.
    pub support_units: Vec<String>,
    /// The order's urgency.
    pub urgency: String,
    /// Who chose.
    pub by: String,
    /// When.
    pub at: TimeMs,
}

/// Lists the choices that wait, oldest first.
pub(crate) fn waiting(db: &Connection) -> Result<Vec<CatalogProposal>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT p.n, d.id, p.words, p.lead_unit, p.support, p.urgency, p.by, p.at
         FROM catalog_proposals p JOIN docs d ON d.n = p.doc WHERE p.taken_by IS NULL ORDER BY p.n LIMIT 200",
    )?;
    let mut rows = statement.query([])?;
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        let Ok(order) = DocId::from_slice(r.get_ref(1)?.as_blob().unwrap_or_default()) else { continue };
        let support: String = r.get(4)?;
        out.push(CatalogProposal {
            n: r.get(0)?,
            order,
            words: r.get(2)?,
            lead_unit: r.get(3)?,
            support_units: support.split_whitespace().map(str::to_owned).collect(),
            urgency: r.get(5)?,
            by: r.get(6)?,
            at: TimeMs(r.get(7)?),
        });
    }
    Ok(out)
}

impl Headquarters {
    /// Lists the deputy leader's choices that may become rows of the catalogue.
    pub fn catalog_proposals(&self) -> Result<Vec<CatalogProposal>, HqError> {
        waiting(&self.db)
    }

    /// Makes a choice a row of the next catalogue: its six-digit code, its name, the upstream words
    /// that mean it. A code that exists already gets the words; words that mean another matter are
    /// refused, since two matches dispatch nothing.
    pub fn adopt_row(
        &mut self,
        by: &str,
        n: i64,
        code: &str,
        name_zh: &str,
        words: &[&str],
    ) -> Result<Option<Refusal>, HqError> {
        let digits = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
        if !digits || name_zh.trim().is_empty() {
            return Ok(Some(Refusal::ReasonMissing));
        }
        let body = self.act(|tx, core| {
            if staff(tx, by)?.role != Role::DeputyLeader {
                return Ok(Err(Refusal::OtherDecides));
            }
            let Some(row) = waiting(tx)?.into_iter().find(|p| p.n == n) else {
                return Ok(Err(Refusal::WrongState));
            };
            let taken = |w: &&str| core.catalog.matters.iter().any(|m| m.matter_code != code && m.means(w));
            if words.iter().any(taken) {
                return Ok(Err(Refusal::NoSingleMatch));
            }
            let mut next = core.catalog.clone();
            next.version = next_version(&next.version);
            let fresh: Vec<String> =
                words.iter().map(|w| w.trim().to_owned()).filter(|w| !w.is_empty()).collect();
            match next.matters.iter_mut().find(|m| m.matter_code == code) {
                Some(matter) => matter.matches.extend(fresh),
                None => next.matters.push(Matter {
                    matter_code: code.to_owned(),
                    name_zh: name_zh.trim().to_owned(),
                    name_en: String::new(),
                    matches: fresh,
                    urgency: row.urgency.clone(),
                    lead_unit: row.lead_unit.clone(),
                    support_units: row.support_units.clone(),
                    required_evidence: Vec::new(),
                }),
            }
            let at = core.now();
            tx.prepare_cached("UPDATE catalog_proposals SET taken_by = ?2 WHERE n = ?1")?
                .execute(params![n, next.version])?;
            audit(tx, at, by, "catalogue", &next.version)?;
            let body = serde_json::to_string(&next)
                .map_err(|e| HqError::Reference { what: "matter_catalog", why: e.to_string() })?;
            let reference: Option<Vec<u8>> = tx
                .prepare_cached("SELECT id FROM docs WHERE kind = ?1 AND row ->> 'title' = 'matter_catalog'")?
                .query_row([DocKind::Reference.code()], |r| r.get(0))
                .optional()?;
            let id = reference
                .and_then(|b| DocId::from_slice(&b).ok())
                .unwrap_or_else(|| DocId { kind: DocKind::Reference, uuid: core.uuid() });
            let edits = [
                Edit::set("name", "matter_catalog"),
                Edit::set("version", next.version.as_str()),
                Edit::set("body", body.as_str()),
            ];
            core.write(tx, id, by, &edits)?;
            Ok(Ok(body))
        })?;
        match body {
            Err(refusal) => Ok(Some(refusal)),
            Ok(body) => self.core.use_reference("matter_catalog", &body).map(|()| None),
        }
    }

    /// Declines a choice: it stays with its order and becomes no row.
    pub fn decline_row(&mut self, by: &str, n: i64) -> Result<Option<Refusal>, HqError> {
        self.act(|tx, core| {
            if staff(tx, by)?.role != Role::DeputyLeader {
                return Ok(Some(Refusal::OtherDecides));
            }
            let gone = tx.execute(
                "UPDATE catalog_proposals SET taken_by = '' WHERE n = ?1 AND taken_by IS NULL",
                [n],
            )?;
            audit(tx, core.now(), by, "catalogue", "declined")?;
            Ok((gone == 0).then_some(Refusal::WrongState))
        })
    }
}

/// Counts a version on: `m1` becomes `m1+1`, that `m1+2`.
fn next_version(version: &str) -> String {
    match version.rsplit_once('+').and_then(|(base, n)| Some((base, n.parse::<u32>().ok()?))) {
        Some((base, n)) => format!("{base}+{}", n.saturating_add(1)),
        None => format!("{version}+1"),
    }
}

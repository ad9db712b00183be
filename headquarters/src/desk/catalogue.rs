//! The catalogue grows from the deputy leader's choices (R27).
//!
//! Invariant: a row comes in as a new version of the whole catalogue, which phones get with their
//! next sync; orders keep the version they were matched with. Only a deputy leader adopts or
//! declines, and each choice once.

use super::staff;
use crate::{error::HqError, hq::Headquarters, people::audit};
use lanewalk_model::{
    catalog::{Catalog, Matter},
    document::Edit,
    id::DocId,
    order::Refusal,
    schema::DocKind,
    staff::Role,
    time::TimeMs,
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
            let adopted = Matter {
                matter_code: code.to_owned(),
                name_zh: name_zh.trim().to_owned(),
                name_en: String::new(),
                matches: fresh,
                urgency: row.urgency.clone(),
                lead_unit: row.lead_unit.clone(),
                support_units: row.support_units.clone(),
                required_evidence: Vec::new(),
            };
            let at = core.now();
            tx.prepare_cached("UPDATE catalog_proposals SET taken_by = ?2, adopted = ?3 WHERE n = ?1")?
                .execute(params![n, next.version, serde_json::to_string(&adopted).unwrap_or_default()])?;
            add(&mut next, adopted);
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

/// What became of the adopted rows when another catalogue was published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// Rows, or words of rows, that the published catalogue did not have and has now.
    pub rows: u32,
    /// What it has another row for, and what cannot stand in it, in words.
    pub left_out: Vec<String>,
}

impl Carried {
    /// Says it in words; empty when nothing was adopted that is not in the catalogue anyway.
    pub fn words(&self) -> String {
        let rows = self.rows;
        let kept = (rows > 0).then(|| format!("保留了已采纳的 {rows} 行 / {rows} adopted rows were kept"));
        kept.into_iter().chain(self.left_out.iter().cloned()).collect::<Vec<_>>().join("\n")
    }
}

/// Adds a row, or its words to the row of that code.
fn add(catalog: &mut Catalog, row: Matter) {
    match catalog.matters.iter_mut().find(|m| m.matter_code == row.matter_code) {
        Some(matter) => matter.matches.extend(row.matches),
        None => catalog.matters.push(row),
    }
}

/// Carries the rows that deputy leaders adopted into a catalogue that is about to be published.
/// Words that it has a row for mean that row: two matches would dispatch nothing.
pub(crate) fn carry(db: &Connection, catalog: &mut Catalog) -> Result<Carried, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT adopted FROM catalog_proposals WHERE adopted IS NOT NULL AND taken_by <> '' ORDER BY n",
    )?;
    let rows = statement.query_map([], |r| r.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut carried = Carried::default();
    for mut row in rows.iter().filter_map(|json| serde_json::from_str::<Matter>(json).ok()) {
        let code = row.matter_code.clone();
        let known = catalog.matter(&code).is_some();
        let had_words = !row.matches.is_empty();
        row.matches.retain(|words| match catalog.matters.iter().find(|m| m.means(words)) {
            None => true,
            Some(other) if other.matter_code == code => false,
            Some(other) => {
                let other = &other.matter_code;
                carried.left_out.push(format!(
                    "“{words}”在新清单中是 {other}，已采纳的 {code} 不再用于它 / “{words}” is {other} in the new catalogue, no longer the adopted {code}"
                ));
                false
            }
        });
        if row.matches.is_empty() && (known || had_words) {
            continue;
        }
        let lead = &row.lead_unit;
        if !known && !catalog.units.is_empty() && !catalog.units.iter().any(|u| u.id == *lead) {
            carried.left_out.push(format!(
                "已采纳的 {code} 没有保留：新清单中没有牵头科室 {lead} / the adopted {code} was not kept: the new catalogue has no section {lead}"
            ));
            continue;
        }
        add(catalog, row);
        carried.rows += 1;
    }
    if carried.rows > 0 {
        catalog.version = next_version(&catalog.version);
    }
    Ok(carried)
}

/// Counts a version on: `m1` becomes `m1+1`, that `m1+2`.
fn next_version(version: &str) -> String {
    match version.rsplit_once('+').and_then(|(base, n)| Some((base, n.parse::<u32>().ok()?))) {
        Some((base, n)) => format!("{base}+{}", n.saturating_add(1)),
        None => format!("{version}+1"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::ahead::tests::{GRID, Town};
    use lanewalk_model::{
        document::Edit,
        order::Refusal,
        records::{ProposalKind, ProposalRecord, to_json},
    };

    fn adopt(town: &mut Town, code: &str, words: &[&str]) {
        let order = town.order("楼道养猫", "2026-05-10 09:00", GRID, 0);
        town.hq
            .act(|tx, core| {
                tx.execute(
                    "INSERT INTO catalog_proposals (doc, words, lead_unit, support, urgency, by, at)
                     SELECT n, 'x', 'sec-b', '', 'general', 'deputy', ?2 FROM docs WHERE id = ?1",
                    params![order.to_bytes(), core.now().0],
                )?;
                Ok(())
            })
            .unwrap();
        let n = town.hq.catalog_proposals().unwrap()[0].n;
        assert_eq!(town.hq.adopt_row("deputy", n, code, "新事项", words).unwrap(), None);
    }

    fn catalogue(rows: &[(&str, &str)], units: &str) -> String {
        let rows: Vec<String> = rows
            .iter()
            .map(|(code, word)| {
                format!(
                    r#"{{"matter_code":"{code}","name_zh":"事项","match":["{word}"],"urgency":"general","lead_unit":"sec-a"}}"#
                )
            })
            .collect();
        format!(r#"{{"version":"2","units":{units},"matters":[{}]}}"#, rows.join(","))
    }

    const UNITS: &str = r#"[{"id":"sec-a","name_zh":"a"},{"id":"sec-b","name_zh":"b"}]"#;

    #[test]
    fn what_was_adopted_stays_in_the_next_catalogue_unless_it_says_otherwise() {
        let matched = |town: &Town, words: &str| {
            town.hq.core.catalog.exact_match(words).map(|m| m.matter_code.clone()).unwrap_or_default()
        };
        // Rows of the next catalogue, its units; what 养猫 and 养狗 then mean, rows kept, words left.
        for (rows, units, cat, dog, kept, left) in [
            (&[("020301", "停车")][..], UNITS, "090909", "020301", 2, 0),
            (&[("020301", "停车"), ("010101", "养猫")], UNITS, "010101", "020301", 1, 1),
            (&[("090909", "养猫"), ("020301", "养狗")], UNITS, "090909", "020301", 0, 0),
            (&[("090909", "别的")], UNITS, "090909", "020301", 2, 0),
            (&[("020301", "停车")], r#"[{"id":"sec-a","name_zh":"a"}]"#, "", "020301", 1, 1),
            (&[("020301", "停车")], "[]", "090909", "020301", 2, 0),
        ] {
            let mut town = Town::new("2026-05-11 09:00");
            adopt(&mut town, "090909", &["养猫"]);
            adopt(&mut town, "020301", &["养狗"]);
            let carried = town.hq.publish_reference("matter_catalog", "2", &catalogue(rows, units)).unwrap();
            assert_eq!((carried.rows, carried.left_out.len()), (kept, left), "{rows:?}: {carried:?}");
            assert_eq!(
                (matched(&town, "养猫"), matched(&town, "养狗")),
                (cat.into(), dog.into()),
                "{rows:?}"
            );
            assert_eq!(carried.words().contains("保留了"), kept > 0);
            // What is stored, and so what phones get and a restart reads, is the same.
            let stored = crate::intake::catalogue(town.hq.reader()).unwrap().catalog;
            assert_eq!(stored, town.hq.core.catalog, "{rows:?}");
            assert_eq!(stored.version, if kept > 0 { "2+1" } else { "2" });
            // Once more the same: nothing grows.
            let again = town.hq.publish_reference("matter_catalog", "2", &catalogue(rows, units)).unwrap();
            assert_eq!((again, &stored), (carried, &town.hq.core.catalog), "{rows:?}");
        }
    }

    #[test]
    fn what_could_not_be_stored_is_no_rule() {
        let mut town = Town::new("2026-05-11 09:00");
        let before = (town.hq.core.catalog.clone(), town.hq.core.calendar.version().to_owned());
        town.hq
            .db
            .execute_batch(
                "CREATE TRIGGER full BEFORE INSERT ON log BEGIN SELECT raise(ABORT, 'disk full'); END",
            )
            .unwrap();
        let next = catalogue(&[("010101", "养猫")], UNITS);
        assert!(town.hq.publish_reference("matter_catalog", "2", &next).is_err());
        assert!(town.hq.publish_reference("matter_catalog", "2", "{").is_err());
        assert_eq!(town.hq.core.catalog, before.0);
        assert_eq!(town.hq.core.calendar.version(), before.1);
        town.hq.db.execute_batch("DROP TRIGGER full").unwrap();
        town.hq.publish_reference("matter_catalog", "2", &next).unwrap();
        assert!(town.hq.core.catalog.exact_match("养猫").is_some());
    }

    #[test]
    fn who_may_never_decide_a_kind_does_not_refuse_it_either() {
        let mut town = Town::new("2026-05-11 09:00");
        let order = town.order("占道", "2026-05-10 09:00", GRID, 0);
        // The state does not allow it any more, so the rules would refuse it whoever asked.
        let proposal = ProposalRecord::new(ProposalKind::Extend, 1, "等批复");
        let edits = vec![Edit::set("proposal/01", to_json(&proposal)), Edit::set("state", "CLOSED")];
        town.hq.act(|tx, core| core.write(tx, order, "sec-a-1", &edits)).unwrap();
        let no = town.hq.decide(order, "01", false, "sec-a-2", "不行").unwrap();
        assert_eq!(no, Some(Refusal::OtherDecides));
        assert!(town.view(order).get("decision/01").is_none());
        town.hq.decide(order, "01", false, "clerk", "不行").unwrap();
        assert!(town.view(order).get("decision/01").is_some());
    }
}

//! The second count: documents taken apart into plain tables, and one plain SQL statement per
//! figure, written from DOMAIN.md §6. Shares no code with the first but automerge and the enums.

use crate::figures::{Query, Scope};
use lanewalk_model::{
    document::Document,
    id::DocId,
    kpi::{DueKind, Metric, Stage},
    schema::DocKind,
};
use rusqlite::{Connection, named_params};
use std::{collections::BTreeSet, sync::Mutex};

pub(super) struct Recount(Mutex<Connection>);

const TABLES: &str = "
CREATE TABLE o (doc INTEGER PRIMARY KEY, started, contact_due, contact, idue, pdue, udue, rec, grid, unit, urgency);
CREATE TABLE e (doc, id TEXT, j TEXT);
CREATE TABLE k (doc, id TEXT, j TEXT);";

/// The world at :at, one line per order, from the JSON of its steps.
const WORLD: &str = "
WITH all_s AS (SELECT doc, row_number() OVER (PARTITION BY doc ORDER BY id) AS n, j ->> 'kind' AS kind,
        j ->> 'at' AS at, j ->> 'due' AS due FROM e WHERE j ->> 'kind' <> 'called_back'),
  s AS (SELECT * FROM all_s WHERE at <= :at),
  moving AS (SELECT * FROM all_s WHERE due NOT NULL AND kind IN ('received','extended','redated','reworked','urgency')),
  b AS (SELECT o.*, coalesce((SELECT at FROM all_s WHERE doc = o.doc AND kind = 'received' LIMIT 1), started) AS came,
        CASE WHEN NOT EXISTS (SELECT 1 FROM moving m WHERE m.doc = o.doc AND m.at > :at) THEN idue
             ELSE coalesce((SELECT due FROM moving m WHERE m.doc = o.doc AND m.at <= :at ORDER BY n DESC LIMIT 1),
                           pdue, idue) END AS due,
        (SELECT count(*) FROM s WHERE s.doc = o.doc AND kind = 'reworked') AS rounds FROM o),
  calls AS (SELECT k.doc, k.id, j ->> 'at' AS at, j ->> 'round' AS round, j ->> 'reached' AS reached, j FROM k
        WHERE j ->> 'at' <= :at),
  -- Where a round of handling ended, and the submission that stood then.
  ends AS (SELECT s.doc, s.n, s.kind, s.at,
        (SELECT max(x.n) FROM s x WHERE x.doc = s.doc AND x.n < s.n AND x.kind = 'submitted') AS sub,
        (SELECT max(x.n) FROM s x WHERE x.doc = s.doc AND x.n < s.n AND x.kind IN ('sent_back','reworked','closed')) AS cut
        FROM s WHERE s.kind IN ('reworked', 'closed')),
  judged AS (SELECT ends.doc, ends.kind,
        CASE WHEN sub NOT NULL AND sub > coalesce(cut, 0) THEN x.at ELSE ends.at END AS done,
        CASE WHEN sub NOT NULL AND sub > coalesce(cut, 0) THEN coalesce(x.due, b.due) ELSE b.due END AS due, b.udue
        FROM ends JOIN b ON b.doc = ends.doc LEFT JOIN s x ON x.doc = ends.doc AND x.n = ends.sub),
  w AS (SELECT b.*,
        (SELECT count(*) FROM s WHERE s.doc = b.doc AND kind = 'dispatched') AS dispatched,
        (SELECT count(*) FROM s WHERE s.doc = b.doc AND kind = 'transferred') AS moved,
        (SELECT count(*) FROM s WHERE s.doc = b.doc AND kind = 'returned') AS sent_up,
        (SELECT kind FROM s WHERE s.doc = b.doc AND kind IN ('returned','accepted','dispatched') ORDER BY n DESC LIMIT 1)
            IS 'returned' AS away,
        EXISTS (SELECT 1 FROM s WHERE s.doc = b.doc AND kind = 'excluded') AS excluded,
        (SELECT at FROM s WHERE s.doc = b.doc AND kind = 'closed' ORDER BY n DESC LIMIT 1) AS closed,
        (SELECT at FROM s WHERE s.doc = b.doc AND kind = 'accepted' ORDER BY n LIMIT 1) AS accepted,
        (SELECT at FROM s WHERE s.doc = b.doc AND kind = 'dispatched' ORDER BY n LIMIT 1) AS first_sent,
        (SELECT at FROM s WHERE s.doc = b.doc AND kind = 'to_callback' ORDER BY n DESC LIMIT 1) AS passed,
        (SELECT CASE kind WHEN 'submitted' THEN at END FROM s WHERE s.doc = b.doc
            AND kind IN ('submitted','sent_back','reworked') ORDER BY n DESC LIMIT 1) AS handed_in,
        (SELECT count(*) FROM calls c WHERE c.doc = b.doc AND c.round = b.rounds) AS tries,
        (SELECT at FROM calls c WHERE c.doc = b.doc AND c.round = b.rounds AND reached ORDER BY id LIMIT 1) AS reached,
        (SELECT j FROM calls c WHERE c.doc = b.doc AND c.round = b.rounds AND reached ORDER BY id DESC LIMIT 1) AS said,
        EXISTS (SELECT 1 FROM judged j WHERE j.doc = b.doc AND j.done > j.due) AS late,
        EXISTS (SELECT 1 FROM judged j WHERE j.doc = b.doc AND j.kind = 'closed' AND j.done > j.udue) AS late_up
        FROM b WHERE came >= :from AND came < :to AND came <= :at
          AND grid LIKE :grid || '%' AND (:unit IS NULL OR unit = :unit) AND (:urgency IS NULL OR urgency = :urgency)
          AND (:own_grid IS NULL OR grid = :own_grid OR unit = :own_unit)) ";

impl Recount {
    pub(super) fn of(db: &Connection) -> Self {
        let memory = Connection::open_in_memory().unwrap();
        memory.execute_batch(TABLES).unwrap();
        let mut s = db.prepare("SELECT n, id, saved FROM docs WHERE kind = ?1").unwrap();
        let mut rows = s.query([DocKind::Order.code()]).unwrap();
        while let Some(r) = rows.next().unwrap() {
            let n: i64 = r.get(0).unwrap();
            let kind = DocId::from_slice(&r.get::<_, Vec<u8>>(1).unwrap()).unwrap().kind;
            let view = Document::load(kind, &r.get::<_, Vec<u8>>(2).unwrap()).unwrap().view();
            memory
                .execute(
                    "INSERT INTO o VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                    rusqlite::params![
                        n,
                        view.int("reported_at"),
                        view.int("contact_due"),
                        view.int("first_contact_at"),
                        view.int("internal_due"),
                        view.int("promised_due"),
                        view.int("upstream_due"),
                        view.text("recurrence_of"),
                        view.text("grid"),
                        view.text("lead_unit"),
                        view.text("urgency"),
                    ],
                )
                .unwrap();
            for (family, table) in [("step", "e"), ("callback", "k")] {
                for (id, value) in view.members(family) {
                    let sql = format!("INSERT INTO {table} VALUES (?1, ?2, ?3)");
                    memory.execute(&sql, rusqlite::params![n, id, value.text()]).unwrap();
                }
            }
        }
        memory
            .execute_batch("CREATE INDEX e_doc ON e (doc, id); CREATE INDEX k_doc ON k (doc, id);")
            .unwrap();
        Self(Mutex::new(memory))
    }

    fn rows<T>(&self, query: &Query, tail: &str, read: impl Fn(&rusqlite::Row<'_>) -> T) -> Vec<T> {
        let db = self.0.lock().unwrap();
        let own = match &query.scope {
            Scope::All => (None, None),
            Scope::Own { grids, units } => (grids.first(), units.first()),
        };
        let mut s = db.prepare(&format!("{WORLD}{tail}")).unwrap();
        let found = s.query_map(
            named_params! {
                ":at": query.as_of.0, ":from": query.from.0, ":to": query.to.0,
                ":grid": query.filter.grid.as_deref().unwrap_or(""), ":unit": query.filter.unit,
                ":urgency": query.filter.urgency, ":own_grid": own.0, ":own_unit": own.1,
            },
            |r| Ok(read(r)),
        );
        found.unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// Row numbers in the numerator and in the denominator.
    pub(super) fn ids(&self, metric: Metric, query: &Query) -> (BTreeSet<i64>, BTreeSet<i64>) {
        let due = |kind| match kind {
            DueKind::Internal => ("due", "late"),
            DueKind::Upstream => ("udue", "late_up"),
        };
        let open = "closed IS NULL AND NOT away";
        let said = |what: &str| format!("said ->> '{what}'");
        let (d, n) = match metric {
            Metric::Received => ("1".to_owned(), "1".to_owned()),
            Metric::Excluded => ("1".into(), "excluded".into()),
            Metric::Open => ("1".into(), open.into()),
            Metric::Overdue(k) => (open.into(), format!("{} < :at", due(k).0)),
            Metric::Dispatch => ("1".into(), "dispatched".into()),
            Metric::FirstDispatch => ("dispatched".into(), "dispatched = 1 AND sent_up + moved = 0".into()),
            Metric::Response => (
                "contact_due NOT NULL AND (contact <= :at OR contact_due < :at)".into(),
                "contact <= :at AND contact <= contact_due".into(),
            ),
            Metric::Closing(k) => {
                (format!("closed NOT NULL OR ({open} AND {} < :at)", due(k).0), "closed NOT NULL".into())
            }
            Metric::ClosingAll => ("dispatched".into(), "closed NOT NULL".into()),
            Metric::OnTime(k) => ("closed NOT NULL".into(), format!("NOT {}", due(k).1)),
            Metric::Resolution => ("said NOT NULL".into(), said("resolved")),
            Metric::ProcessSatisfied => {
                (format!("{} NOT NULL", said("process_satisfied")), said("process_satisfied"))
            }
            Metric::ResultSatisfied => {
                (format!("{} NOT NULL", said("result_satisfied")), said("result_satisfied"))
            }
            Metric::Callback => {
                ("closed NOT NULL OR passed NOT NULL".into(), "tries > 0 OR rounds > 0".into())
            }
            Metric::CallbackSuccess => ("tries > 0".into(), "said NOT NULL".into()),
            Metric::Return => ("dispatched".into(), "sent_up".into()),
            Metric::Transfer => ("dispatched".into(), "moved".into()),
            Metric::Rework => ("closed NOT NULL OR passed NOT NULL".into(), "rounds".into()),
            Metric::Recurrence => ("1".into(), "rec NOT NULL".into()),
        };
        let who = if metric == Metric::Excluded { "1" } else { "NOT excluded" };
        let tail = format!("SELECT doc, coalesce(({n}), 0) <> 0 FROM w WHERE {who} AND ({d})");
        let rows = self.rows(query, &tail, |r| (r.get::<_, i64>(0).unwrap(), r.get::<_, bool>(1).unwrap()));
        let hit = rows.iter().filter(|(_, hit)| *hit).map(|(doc, _)| *doc).collect();
        (hit, rows.iter().map(|(doc, _)| *doc).collect())
    }

    pub(super) fn moves(&self, query: &Query) -> u64 {
        self.rows(query, "SELECT coalesce(sum(moved), 0) FROM w WHERE NOT excluded", |r| r.get(0).unwrap())[0]
    }

    /// How many, median and p95.
    pub(super) fn spread(&self, stage: Stage, query: &Query) -> Option<(u64, i64, i64)> {
        let (from, to) = match stage {
            Stage::Accept => ("started", "accepted"),
            Stage::Dispatch => ("coalesce(accepted, started)", "first_sent"),
            Stage::Handle => ("first_sent", "handed_in"),
            Stage::Callback => ("passed", "coalesce(reached, closed)"),
        };
        let tail = format!(
            "SELECT max(0, {to} - {from}) FROM w WHERE NOT excluded AND {to} NOT NULL AND {from} NOT NULL ORDER BY 1"
        );
        let all: Vec<i64> = self.rows(query, &tail, |r| r.get(0).unwrap());
        let rank = |p: f64| all[(p * all.len() as f64).ceil() as usize - 1];
        (!all.is_empty()).then(|| (all.len() as u64, rank(0.5), rank(0.95)))
    }
}

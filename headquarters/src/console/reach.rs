//! Which orders a visitor's lists hold, as a condition of SQL.
//!
//! Invariant: the condition says of a row what [`Extent::holds`] says of the order; a test
//! compares the two. It reads columns that the lists' indexes hold and never chooses an index: a
//! list keeps the order of its index and leaves rows out of it. Rejected: asking the rule about
//! each row that was read; counts would need every order of the house.

use super::web::Ask;
use lanewalk_model::access::{Extent, Sight};
use rusqlite::types::Value as Sql;

/// A condition on `docs` with the values of its question marks.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    pub(super) sql: String,
    pub(super) values: Vec<Sql>,
    /// Nothing is left out.
    pub(super) all: bool,
}

impl Reach {
    /// The orders that a visitor may read in words; none for whoever sees numbers alone.
    pub(super) fn of(ask: &Ask) -> Self {
        match Extent::of_orders(&ask.visitor.subject, ask.now) {
            Some((extent, sight)) if sight > Sight::Flag => Self::to(&extent),
            _ => Self::to(&Extent::default()),
        }
    }

    /// The orders of an extent.
    pub(super) fn to(extent: &Extent<'_>) -> Self {
        let mut values = Vec::new();
        let mut any = Vec::new();
        if extent.all {
            any.push("1".to_owned());
        } else if !extent.grids.is_empty() {
            any.push(format!("+grid IN ({})", vec!["?"; extent.grids.len()].join(", ")));
            values.extend(extent.grids.iter().map(|g| Sql::from((*g).to_owned())));
        }
        for unit in &extent.units {
            any.push("instr(units, ?) > 0".to_owned());
            values.push(Sql::from(format!(" {unit} ")));
        }
        let person = extent.person.map(|person| {
            values.extend([Sql::from(format!(" {person} ")), Sql::from(person.to_owned())]);
            "(instr(' ' || assignees || ' ', ?) > 0 OR owner = ?)".to_owned()
        });
        let sql = if extent.person_only {
            let grids = if any.is_empty() { "0".to_owned() } else { any.join(" OR ") };
            format!("({grids}) AND {}", person.unwrap_or_else(|| "0".to_owned()))
        } else {
            any.extend(person);
            if any.is_empty() { "0".to_owned() } else { any.join(" OR ") }
        };
        Self { sql: format!("({sql})"), values, all: extent.all && !extent.person_only }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use lanewalk_model::{
        access::CaseFacts,
        policy::ScopeFacts,
        staff::{Grant, Role, Subject},
        time::TimeMs,
    };
    use rusqlite::{Connection, params_from_iter};

    const GRID: &str = "370705005008003";
    const NEXT: &str = "370705005008004";

    /// Every order there can be, against every extent there can be.
    #[test]
    fn a_list_holds_what_the_rule_holds() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE docs (grid TEXT, assignees TEXT, units TEXT, owner TEXT)").unwrap();
        let mut seen = 0;
        for role in Role::ALL {
            for scopes in [
                vec![],
                vec!["*"],
                vec![GRID],
                vec![NEXT, GRID],
                vec!["sec-a"],
                vec!["sec-b", NEXT],
                vec!["*", "sec-a"],
            ] {
                let grant = |g: &str| Grant { grid: g.into(), role, from: TimeMs(0), to: None };
                let grants = scopes.iter().map(|g| grant(g)).collect();
                let subject = Subject { worker: "w-1".into(), role, grants };
                let Some((extent, _)) = Extent::of_orders(&subject, TimeMs(1)) else { continue };
                let reach = Reach::to(&extent);
                for grid in ["", GRID, NEXT] {
                    for unit in ["", "sec-a", "sec-b"] {
                        for (assigned, owner) in
                            [("", ""), ("w-1", ""), ("x w-1", ""), ("w-11", "w-1"), ("x", "w-11")]
                        {
                            let facts = CaseFacts {
                                scope: ScopeFacts {
                                    grid: grid.into(),
                                    assignees: assigned.split_whitespace().map(str::to_owned).collect(),
                                    ..ScopeFacts::default()
                                },
                                units: Some(unit.to_owned()).into_iter().filter(|u| !u.is_empty()).collect(),
                                owner: owner.into(),
                                ..CaseFacts::default()
                            };
                            let units = if unit.is_empty() { " ".to_owned() } else { format!(" {unit} ") };
                            db.execute("DELETE FROM docs", []).unwrap();
                            db.execute(
                                "INSERT INTO docs VALUES (?1, ?2, ?3, ?4)",
                                [grid, assigned, &units, owner],
                            )
                            .unwrap();
                            let sql = format!("SELECT count(*) FROM docs WHERE {}", reach.sql);
                            let n: u64 =
                                db.query_row(&sql, params_from_iter(&reach.values), |r| r.get(0)).unwrap();
                            assert_eq!(n == 1, extent.holds(&facts), "{subject:?} {facts:?} {sql}");
                            seen += n;
                        }
                    }
                }
            }
        }
        assert!(seen > 500, "{seen}");
    }
}

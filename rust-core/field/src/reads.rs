//! What screens read: lists, search, documents, reference data.
//!
//! Invariant: lists come from the list table alone, and after the lease's end nothing that
//! names a resident is read on any path (F32). Rejected: filtering in the screens.

use crate::{
    clock::Clock,
    countdown::Countdown,
    error::{FieldError, guarded},
    facade::{Field, Inner},
    identity::Me,
    store::{docs, list, lock},
};
use lanewalk_model::{
    calendar::Calendar,
    catalog::Catalog,
    datum::Datum,
    grid::GridSet,
    id::{DocId, Hash},
    position::Position,
    rows::ListRow,
    schema::DocKind,
    view::{Conflict, DocView},
};
use std::sync::Arc;

/// Which rows of the list to return.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// Only this kind.
    pub kind: Option<DocKind>,
    /// Only what needs work.
    pub open_only: bool,
    /// Only rows with this parent, such as the visits of an order (`order:…`).
    pub parent: Option<String>,
    /// Nearest to this place first; rows without a place are left out.
    pub near: Option<Position>,
    /// Most rows to return; at most 1,000.
    pub limit: u32,
    /// Rows to skip.
    pub offset: u32,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self { kind: None, open_only: false, parent: None, near: None, limit: 50, offset: 0 }
    }
}

/// One row of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListItem {
    /// The document.
    pub id: DocId,
    /// Its line; `search` is left empty.
    pub row: ListRow,
    /// Metres from the place asked for.
    pub distance_m: Option<f64>,
    /// The time an open order has left; `None` where nothing is due.
    pub countdown: Option<Countdown>,
}

/// Reads a list with the rights of now.
pub(crate) fn list(inner: &Inner, query: &ListQuery) -> Result<Vec<ListItem>, FieldError> {
    let now = inner.now();
    let near = query.near.map(|p| p.in_datum(Datum::Wgs84)).transpose();
    let near = near.map_err(|e| FieldError::invalid("near", e.to_string()))?;
    let query = ListQuery { near, ..query.clone() };
    inner.timed(|conn| {
        let me = Me::load(conn, now)?;
        if let Some(kind) = query.kind {
            me.may_open(kind)?;
        }
        Ok((list::query(conn, &query, me.hidden())?, me.clock))
    })
}

impl Field {
    /// Lists documents: open before finished, urgent first, then by due time; or nearest first.
    pub fn list(&self, query: &ListQuery) -> Result<Vec<ListItem>, FieldError> {
        list(&self.inner, query)
    }

    /// Finds documents by words or parts of Chinese names, best match first; empty text finds
    /// nothing.
    pub fn search(&self, text: &str, limit: u32) -> Result<Vec<ListItem>, FieldError> {
        let now = self.inner.now();
        self.inner.timed(|conn| {
            let me = Me::load(conn, now)?;
            Ok((list::find(conn, text, limit, me.hidden())?, me.clock))
        })
    }

    /// Reads a document with every concurrent value. Records of care are opened by
    /// [`Field::open_care`] alone, which writes the view down.
    ///
    /// # Errors
    /// `NotFound`; `LeaseOver` for what names residents after the lease's end.
    pub fn document(&self, id: DocId) -> Result<DocView, FieldError> {
        if id.kind == DocKind::Care {
            return Err(FieldError::invalid("id", "a record of care is opened with a purpose"));
        }
        let now = self.inner.now();
        self.inner.store.read(|conn| {
            Me::load(conn, now)?.may_open(id.kind)?;
            view(conn, id)?.ok_or(FieldError::NotFound)
        })
    }

    /// Returns the version in force of a topic of the knowledge base; `None` when none is here.
    pub fn knowledge(&self, topic: &str) -> Result<Option<(DocId, DocView)>, FieldError> {
        let query = ListQuery {
            kind: Some(DocKind::Knowledge),
            parent: Some(topic.to_owned()),
            open_only: true,
            limit: 1,
            ..ListQuery::default()
        };
        let found = self.list(&query)?.into_iter().next();
        found.map(|item| Ok((item.id, self.document(item.id)?))).transpose()
    }

    /// Lists every field that waits for a person to choose.
    pub fn conflicts(&self) -> Result<Vec<(DocId, Conflict)>, FieldError> {
        self.inner.conflicts()
    }

    /// Finds the grid cell of a place: (15-digit id, name); `None` outside every cell or before
    /// the grids have arrived.
    pub fn grid_at(&self, position: &Position) -> Result<Option<(String, String)>, FieldError> {
        let grids = self.inner.reference(
            "grids",
            |r| &mut r.grids,
            |text| GridSet::from_geojson(text).map_err(|e| FieldError::invalid("grids", e.to_string())),
        )?;
        let cell = grids.as_ref().and_then(|g| g.cell_at(position));
        Ok(cell.map(|c| (c.id().to_string(), c.name().to_owned())))
    }

    /// Returns the working-day calendar; `None` before it has arrived.
    pub fn calendar(&self) -> Result<Option<Arc<Calendar>>, FieldError> {
        self.inner.calendar()
    }

    /// Returns the matter catalogue; `None` before it has arrived.
    pub fn catalog(&self) -> Result<Option<Arc<Catalog>>, FieldError> {
        self.inner.reference(
            "matter_catalog",
            |r| &mut r.catalog,
            |text| Catalog::from_json(text).map_err(|e| FieldError::invalid("matter_catalog", e.to_string())),
        )
    }
}

/// Reads a document as plain data.
pub(crate) fn view(conn: &rusqlite::Connection, id: DocId) -> Result<Option<DocView>, FieldError> {
    docs::load(conn, id)?.map(|mut doc| guarded(|| doc.view())).transpose()
}

/// A parsed reference file with the version of the document it was read from.
type Parsed<T> = Option<(Vec<Hash>, Arc<T>)>;

/// Reference files parsed once: the grids of a town take tens of milliseconds.
#[derive(Default)]
pub(crate) struct References {
    grids: Parsed<GridSet>,
    calendar: Parsed<Calendar>,
    catalog: Parsed<Catalog>,
}

impl Inner {
    pub(crate) fn conflicts(&self) -> Result<Vec<(DocId, Conflict)>, FieldError> {
        let now = self.now();
        self.store.read(|conn| {
            let me = Me::load(conn, now)?;
            let mut out = Vec::new();
            for id in list::with_conflicts(conn)?.into_iter().filter(|id| !me.hidden().contains(&id.kind)) {
                if let Some(view) = view(conn, id)? {
                    let open = view.conflicts().into_iter().filter(|c| view.is_open_conflict(&c.key));
                    out.extend(open.map(|c| (id, c)));
                }
            }
            Ok(out)
        })
    }

    pub(crate) fn calendar(&self) -> Result<Option<Arc<Calendar>>, FieldError> {
        self.reference(
            "calendar",
            |r| &mut r.calendar,
            |text| serde_json::from_str(text).map_err(|e| FieldError::invalid("calendar", e.to_string())),
        )
    }

    /// Reads rows and adds the time that each has left.
    pub(crate) fn timed(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> Result<(Vec<ListItem>, Clock), FieldError>,
    ) -> Result<Vec<ListItem>, FieldError> {
        // A calendar that cannot be read costs the cards, not the list.
        let calendar = self.calendar().ok().flatten();
        let (mut items, clock) = self.store.read(read)?;
        for item in &mut items {
            item.countdown = Countdown::of(item.id.kind, &item.row, &clock, calendar.as_deref());
        }
        Ok(items)
    }

    fn reference<T>(
        &self,
        name: &str,
        slot: impl Fn(&mut References) -> &mut Parsed<T>,
        parse: impl FnOnce(&str) -> Result<T, FieldError>,
    ) -> Result<Option<Arc<T>>, FieldError> {
        let found = self.store.read(|conn| {
            let Some(id) = list::reference(conn, name)? else { return Ok(None) };
            Ok(docs::confirmed(conn, id)?.map(|c| (id, c.heads)))
        })?;
        let Some((id, heads)) = found else { return Ok(None) };
        if let Some((known, parsed)) = slot(&mut lock(&self.references))
            && *known == heads
        {
            return Ok(Some(Arc::clone(parsed)));
        }
        let view = self.store.read(|conn| view(conn, id))?;
        let Some(parsed) = view.as_ref().and_then(|v| v.text("body")).map(parse).transpose()? else {
            return Ok(None);
        };
        let parsed = Arc::new(parsed);
        *slot(&mut lock(&self.references)) = Some((heads, Arc::clone(&parsed)));
        Ok(Some(parsed))
    }
}

//! Residents, places and records of care.

use crate::{
    call::Core,
    enums::PlaceKind,
    error::LanewalkError,
    foreign::Fix,
    live::{self, PersonListener, PlaceListener, Watch},
    parse,
    rows::{ConflictView, ListQuery, PersonRow, Place, PlaceRow},
};
use lanewalk_field as core;
use lanewalk_model::{document::Edit, position::Position, schema::DocKind, time::TimeMs};
use std::sync::Arc;

/// Residents, places and care.
#[derive(uniffi::Object)]
pub struct People(pub(crate) Arc<Core>);

/// A resident to be recorded, for a named purpose.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NewPerson {
    /// Name.
    pub name: String,
    /// Why the record is made.
    pub purpose: String,
    /// Phone; may be empty.
    #[uniffi(default = "")]
    pub phone: String,
    /// Grid cell; the only one held when left out.
    #[uniffi(default = None)]
    pub grid: Option<String>,
}

/// A place that headquarters does not have yet.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct NewPlace {
    /// Address as read at the door.
    pub raw_address: String,
    /// Kind.
    pub kind: PlaceKind,
    /// Name on the sign.
    #[uniffi(default = "")]
    pub name: String,
    /// Grid cell; the only one held when left out.
    #[uniffi(default = None)]
    pub grid: Option<String>,
    /// Where.
    #[uniffi(default = None)]
    pub fix: Option<Fix>,
}

/// A sealed vulnerability 弱势群体 of a resident (R38).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NewCare {
    /// The resident.
    pub person: String,
    /// Kind of vulnerability.
    pub kind: String,
    /// On what ground it is recorded.
    pub basis: String,
    /// When it expires, UTC ms.
    #[uniffi(default = None)]
    pub valid_to_ms: Option<i64>,
    /// Grid cell; the only one held when left out.
    #[uniffi(default = None)]
    pub grid: Option<String>,
}

/// A resident.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct PersonView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Phone.
    pub phone: String,
    /// Why the record was made.
    pub purpose: String,
    /// Grid cell.
    pub grid: String,
    /// Fields with several concurrent values.
    pub conflicts: Vec<ConflictView>,
}

/// A place.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct PlaceView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Address as read at the door.
    pub raw_address: String,
    /// When somebody is there.
    pub contact_time: String,
    /// How to get in.
    pub access_note: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// Pets.
    pub pets: Vec<String>,
    /// Vehicles.
    pub vehicles: Vec<String>,
    /// Grid cell.
    pub grid: String,
    /// Where on the map.
    pub place: Option<Place>,
    /// Fields with several concurrent values.
    pub conflicts: Vec<ConflictView>,
}

/// A record of care, opened for a purpose.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct CareView {
    /// Id.
    pub id: String,
    /// The resident.
    pub person: String,
    /// Kind of vulnerability.
    pub kind: String,
    /// On what ground it is recorded.
    pub basis: String,
    /// When it expires, UTC ms.
    pub valid_to_ms: Option<i64>,
    /// Fields with several concurrent values.
    pub conflicts: Vec<ConflictView>,
}

#[uniffi::export]
impl People {
    /// Lists residents.
    pub fn persons(&self, query: ListQuery) -> Result<Vec<PersonRow>, LanewalkError> {
        let rows = self.0.call(|field| field.list(&query.of(DocKind::Person)))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Follows the list of residents.
    pub fn watch_persons(
        &self,
        query: ListQuery,
        listener: Arc<dyn PersonListener>,
    ) -> Result<Arc<Watch>, LanewalkError> {
        live::watch_persons(&self.0, query, listener)
    }

    /// Reads a resident.
    pub fn person(&self, person: String) -> Result<PersonView, LanewalkError> {
        let id = parse::doc("person", &person, &[DocKind::Person])?;
        let view = self.0.call(|field| field.document(id))?;
        let text = |key: &str| view.text(key).unwrap_or_default().to_owned();
        Ok(PersonView {
            name: text("name"),
            phone: text("phone"),
            purpose: text("purpose"),
            grid: text("grid"),
            conflicts: ConflictView::all(&person, &view, &view.conflicts()),
            id: person,
        })
    }

    /// Records a resident and returns the id. On the disk when it returns.
    pub fn new_person(&self, person: NewPerson) -> Result<String, LanewalkError> {
        let NewPerson { name, phone, purpose, grid } = person;
        let new = core::NewPerson { name, phone, purpose, grid };
        self.0.call(|field| field.new_person(new)).map(|id| id.to_string())
    }

    /// Lists places.
    pub fn places(&self, query: ListQuery) -> Result<Vec<PlaceRow>, LanewalkError> {
        let rows = self.0.call(|field| field.list(&query.of(DocKind::Place)))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Follows the list of places.
    pub fn watch_places(
        &self,
        query: ListQuery,
        listener: Arc<dyn PlaceListener>,
    ) -> Result<Arc<Watch>, LanewalkError> {
        live::watch_places(&self.0, query, listener)
    }

    /// Reads a place.
    pub fn place(&self, place: String) -> Result<PlaceView, LanewalkError> {
        let id = parse::doc("place", &place, &[DocKind::Place])?;
        let view = self.0.call(|field| field.document(id))?;
        let text = |key: &str| view.text(key).unwrap_or_default().to_owned();
        let several = |family: &str| -> Vec<String> {
            view.members(family).filter_map(|(_, v)| v.text()).map(str::to_owned).collect()
        };
        let position = view.text("position");
        let position = position.and_then(|json| serde_json::from_str::<Position>(json).ok());
        Ok(PlaceView {
            name: text("name"),
            raw_address: text("raw_address"),
            contact_time: text("contact_time"),
            access_note: text("access_note"),
            aliases: several("alias"),
            pets: several("pet"),
            vehicles: several("vehicle"),
            grid: text("grid"),
            place: position.map(|p| Place { lat: p.lat(), lon: p.lon() }),
            conflicts: ConflictView::all(&place, &view, &view.conflicts()),
            id: place,
        })
    }

    /// Records a place and returns the id. On the disk when it returns.
    pub fn new_place(&self, place: NewPlace) -> Result<String, LanewalkError> {
        let new = core::NewPlace {
            raw_address: place.raw_address,
            name: place.name,
            kind: place.kind.id().to_owned(),
            grid: place.grid,
            position: place.fix.and_then(|f| f.position()),
        };
        self.0.call(|field| field.new_place(new)).map(|id| id.to_string())
    }

    /// Writes when somebody is at a place and how to get in; empty words leave a field as it is.
    #[uniffi::method(default(contact_time = "", access_note = ""))]
    pub fn describe_place(
        &self,
        place: String,
        contact_time: String,
        access_note: String,
    ) -> Result<(), LanewalkError> {
        let id = parse::doc("place", &place, &[DocKind::Place])?;
        let edits = [("contact_time", contact_time), ("access_note", access_note)];
        let edits = edits.into_iter().filter(|(_, words)| !words.is_empty());
        let edits: Vec<Edit> = edits.map(|(key, words)| Edit::set(key, words)).collect();
        self.0.call(|field| field.write(id, edits, 0)).map(drop)
    }

    /// Records a vulnerability and returns the id. On the disk when it returns.
    pub fn new_care(&self, care: NewCare) -> Result<String, LanewalkError> {
        let new = core::NewCare {
            person: parse::doc("person", &care.person, &[DocKind::Person])?,
            kind: care.kind,
            basis: care.basis,
            valid_to: care.valid_to_ms.map(TimeMs),
            grid: care.grid,
        };
        self.0.call(|field| field.new_care(new)).map(|id| id.to_string())
    }

    /// Lists the ids of the records of care of a resident; opening one is written down.
    pub fn care_of(&self, person: String) -> Result<Vec<String>, LanewalkError> {
        parse::doc("person", &person, &[DocKind::Person])?;
        let query =
            core::ListQuery { kind: Some(DocKind::Care), parent: Some(person), ..core::ListQuery::default() };
        let rows = self.0.call(|field| field.list(&query))?;
        Ok(rows.iter().map(|row| row.id.to_string()).collect())
    }

    /// Opens a record of care for a purpose: the view is written down, then shown (R38).
    pub fn open_care(&self, care: String, purpose: String) -> Result<CareView, LanewalkError> {
        let id = parse::doc("care", &care, &[DocKind::Care])?;
        let view = self.0.call(|field| field.open_care(id, &purpose))?;
        let text = |key: &str| view.text(key).unwrap_or_default().to_owned();
        Ok(CareView {
            person: text("person"),
            kind: text("kind"),
            basis: text("basis"),
            valid_to_ms: view.int("valid_to"),
            conflicts: ConflictView::all(&care, &view, &view.conflicts()),
            id: care,
        })
    }
}

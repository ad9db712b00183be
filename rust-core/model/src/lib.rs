//! Pure domain of Lanewalk (走街串巷): documents and their merge rules, the order state
//! machine, policy, deadlines, calendar and grids.
//!
//! Invariant: nothing here does IO, reads a clock or draws a random number, so the phone and
//! headquarters run the same rule on the same input and a seed replays everything. Rejected
//! alternative: a "shared utilities" crate with a clock in it; whatever needs the time takes
//! it as an argument.
//!
//! The way through the crate: [`schema`] says which fields a document has, by which rule they
//! merge and who may write them; [`document`] holds one document as an automerge CRDT and is
//! the only module that touches automerge; [`view`] is the plain data that screens, lists and
//! rules read; [`order`] decides transitions; [`policy`] decides access.

pub mod access;
pub mod calendar;
pub mod catalog;
pub mod chunk;
pub mod clock_trust;
pub mod datum;
pub mod deadline;
pub mod document;
pub mod grid;
pub mod group;
pub mod hotspot;
pub mod id;
pub mod knowledge;
pub mod kpi;
pub mod order;
pub mod person;
pub mod photo;
pub mod policy;
pub mod position;
pub mod privacy;
pub mod records;
pub mod rows;
pub mod schema;
pub mod search;
pub mod staff;
pub mod time;
pub mod view;

//! The way of a picture through the intake: formats, turns, broken files, real ones.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)]

mod broken;
mod files;
mod formats;
mod hidden;
mod limits;
mod real;
mod turns;

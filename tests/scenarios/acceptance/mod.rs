//! The acceptance scenarios of DOMAIN.md §10, each with real phone cores and a real headquarters.

mod ac1;
mod ac2;
mod ac3;
mod ac5;
mod ac6;
pub(crate) mod street;

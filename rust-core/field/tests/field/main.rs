//! The phone's core from outside: store, rules, lists, sync against a small headquarters.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs, unreachable_pub)]

mod device_key;
mod hq;
mod knowledge;
mod lists;
mod phone;
mod photos;
mod rules;
mod salvage;
mod standing;
mod store;
mod syncing;

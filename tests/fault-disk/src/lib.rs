//! A disk that fails on purpose, beneath the real stores.
//!
//! [`Disk::mount`] puts a folder on it: every file there that SQLite opens (through a VFS of our
//! own, the process's default one) and every ordinary file that Rust's standard library opens
//! (through the C library's calls) is still a real file, but each write, truncation, sync, rename
//! and removal is journalled, and any call can be made to fail. From the journal a [`Platter`]
//! rebuilds what may lie on the medium after a crash at any point.
//!
//! Nothing in the product knows of it. Files outside a mounted folder are not looked at.
//!
//! Invariant: the journal holds everything that was ever written into the folder, in order, so an
//! image depends on (journal, point, seed) and nothing else. Rejected: an in-memory file system,
//! which needs locks and shared memory of its own and cannot serve the stores' ordinary files;
//! a trait for file access in the product, which only tests would implement a second time.

mod disk;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod files;
mod memory;
mod platter;
mod vfs;

pub use disk::{Call, Disk, Failure, Fault};
pub use memory::Memory;
pub use platter::{Image, Op, Platter, within};

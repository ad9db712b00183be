//! Photos that no camera took: places, cameras' words about them, and files that are broken.
//!
//! Invariant: a seed gives the same bytes on every platform; nothing is read, no clock is asked.
//! Rejected: real photos in the repository: they show people's doors, weigh megabytes, and none
//! has the size, turn or fault a test is about.

pub mod broken;
mod dice;
mod exif;
mod noise;
mod picture;
mod places;
mod seeds;
mod shape;
mod shot;

pub use exif::{ExifBlock, Gps};
pub use picture::{Picture, scene};
pub use seeds::STRANGERS;
pub use shot::{Shot, Subsampling};

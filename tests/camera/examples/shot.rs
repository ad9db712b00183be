//! Writes one shot to a file and says how long it took.
//!
//! `shot FILE [seed [width height [moment [orientation]]]]`
#![allow(clippy::print_stdout)]

use lanewalk_camera::Shot;
use std::time::Instant;

fn main() -> std::io::Result<()> {
    let mut words = std::env::args().skip(1);
    let Some(path) = words.next() else {
        println!("shot FILE [seed [width height [moment [orientation]]]]");
        return Ok(());
    };
    let mut number = |otherwise: u16| words.next().and_then(|w| w.parse().ok()).unwrap_or(otherwise);
    let shot = Shot {
        seed: number(1).into(),
        width: number(4000),
        height: number(3000),
        moment: number(0).into(),
        orientation: u8::try_from(number(1)).unwrap_or(1),
        ..Shot::default()
    };
    let start = Instant::now();
    let file = shot.jpeg();
    println!("{} bytes, {:.2} s", file.len(), start.elapsed().as_secs_f64());
    std::fs::write(path, file)
}

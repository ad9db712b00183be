//! Seeds whose places nobody confuses.

/// Seeds whose perceptual hashes (signs of the 8 × 8 lowest frequencies of 32 × 32 pixels) differ
/// in at least 22 bits from each other, whichever way each picture is held.
///
/// Two places of other seeds may come nearer by chance: eight ways to hold a picture are eight
/// chances.
pub const STRANGERS: [u64; 40] = [
    1, 2, 3, 4, 5, 8, 9, 14, 15, 16, 18, 20, 22, 23, 26, 35, 43, 48, 55, 75, 80, 82, 94, 147, 192, 193, 197,
    211, 249, 318, 354, 462, 467, 472, 484, 517, 571, 605, 612, 659,
];

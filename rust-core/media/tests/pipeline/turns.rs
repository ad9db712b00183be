//! However the camera was held, the copies stand upright.

use super::files::*;
use lanewalk_media::pixels::Rgb;

/// Stores a picture so that `orientation` makes it upright, by the standard's own words: which
/// side of the picture row 0 and column 0 are.
fn stored(upright: &Rgb, orientation: u8) -> Rgb {
    let (w, h) = (upright.width, upright.height);
    let (width, height) = if orientation > 4 { (h, w) } else { (w, h) };
    let from = |x: u32, y: u32| match orientation {
        1 => (x, y),
        2 => (w - 1 - x, y),
        3 => (w - 1 - x, h - 1 - y),
        4 => (x, h - 1 - y),
        5 => (y, x),
        6 => (w - 1 - y, x),
        7 => (w - 1 - y, h - 1 - x),
        _ => (y, h - 1 - x),
    };
    let data = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .flat_map(|(x, y)| {
            let (x, y) = from(x, y);
            let at = (y * w + x) as usize * 3;
            upright.data[at..at + 3].to_vec()
        })
        .collect();
    Rgb { width, height, data }
}

#[test]
fn eight_orientations_are_one_picture_in_jpeg() {
    let upright = picture(240, 150);
    for orientation in 1..=8 {
        let file = encoded(&stored(&upright, orientation), |encoder| {
            encoder.add_app_segment(1, [b"Exif\0\0", &tiff(orientation)[..]].concat()).unwrap();
        });
        let out = taken(&file).unwrap();
        assert_eq!((out.width, out.height), (240, 150), "orientation {orientation}");
        assert_like(&decoded(&out.evidence), &upright, &format!("orientation {orientation}"));
    }
}

#[test]
fn eight_orientations_are_the_same_bytes_in_png() {
    let upright = picture(240, 150);
    let copies: Vec<_> = (1..=8)
        .map(|orientation| {
            let stored = stored(&upright, orientation);
            let block = tiff(orientation);
            let (width, height) = (stored.width, stored.height);
            let png =
                Png { width, height, depth: 8, colour: 2, interlaced: false, more: &[(b"eXIf", &block)] };
            let out = taken(&png.file(|x, y| {
                let at = (y * width + x) as usize * 3;
                stored.data[at..at + 3].to_vec()
            }));
            out.unwrap().evidence
        })
        .collect();
    for (at, copy) in copies.iter().enumerate() {
        assert!(*copy == copies[0], "orientation {}", at + 1);
    }
}

#[test]
fn webp_is_turned_as_well() {
    let (width, height) = (150, 240);
    let mut file = Vec::new();
    let mut encoder = image_webp::WebPEncoder::new(&mut file);
    encoder.set_exif_metadata(tiff(6));
    let turned = stored(&picture(240, 150), 6);
    encoder.encode(&turned.data, width, height, image_webp::ColorType::Rgb8).unwrap();
    let out = taken(&file).unwrap();
    assert_eq!((out.width, out.height), (240, 150));
    assert_gradients(&out.evidence, "WebP");
}

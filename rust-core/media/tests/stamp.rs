//! Stamps: every character is drawn inside the picture, or the picture is untouched.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)]

#[path = "stamp/font.rs"]
mod font;

use font::{Glyph, collection, font};
use lanewalk_media::{
    MediaError,
    pixels::Rgb,
    stamp::{FontFile, Stamper},
};
use proptest::prelude::*;
use std::{
    io::Write,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

const GREY: u8 = 200;
/// The ground over [`GREY`].
const DARK: u8 = 80;

/// Every drawn character is a square of 800 units above the baseline; a space has none.
fn squares(characters: &str) -> Vec<Glyph> {
    let square = |c| Glyph(c, (c != ' ').then_some([100, 0, 900, 800]), 1_000);
    characters.chars().map(square).collect()
}

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn named(path: &Path) -> FontFile {
    FontFile { path: path.to_owned(), index: None }
}

fn stamper(fonts: &[Vec<u8>]) -> Stamper {
    let files: Vec<_> = fonts.iter().map(|f| file(f)).collect();
    Stamper::open(&files.iter().map(|f| named(f.path())).collect::<Vec<_>>()).unwrap()
}

fn picture(width: u32, height: u32) -> Rgb {
    Rgb { width, height, data: vec![GREY; width as usize * height as usize * 3] }
}

fn lines(text: &[&str]) -> Vec<String> {
    text.iter().map(|l| (*l).to_owned()).collect()
}

/// The runs of pixels that are lit, in reading order of their rows: (row, first column, length).
fn lit(picture: &Rgb) -> Vec<(usize, usize, usize)> {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (y, row) in picture.data.chunks_exact(picture.width as usize * 3).enumerate() {
        for (x, _) in row.chunks_exact(3).enumerate().filter(|(_, p)| p[0] > GREY) {
            match runs.last_mut() {
                Some((at, start, length)) if *at == y && *start + *length == x => *length += 1,
                _ => runs.push((y, x, 1)),
            }
        }
    }
    runs
}

/// The glyph squares by text line: for each line the left edges of its squares.
fn squares_by_line(picture: &Rgb) -> Vec<Vec<usize>> {
    let mut found: Vec<(usize, Vec<usize>)> = Vec::new();
    for (y, x, _) in lit(picture) {
        match found.last_mut() {
            Some((last, columns)) if *last + 1 >= y => {
                *last = y;
                if !columns.contains(&x) {
                    columns.push(x);
                }
            }
            _ => found.push((y, vec![x])),
        }
    }
    found.into_iter().map(|(_, columns)| columns).collect()
}

/// The darkened rectangle: left, top, right, bottom.
fn ground(picture: &Rgb) -> [usize; 4] {
    let width = picture.width as usize;
    let changed = picture.data.chunks_exact(3).enumerate().filter(|(_, p)| p[0] != GREY).map(|(i, _)| i);
    changed.fold([usize::MAX, usize::MAX, 0, 0], |[l, t, r, b], i| {
        [l.min(i % width), t.min(i / width), r.max(i % width + 1), b.max(i / width + 1)]
    })
}

#[test]
fn a_square_is_where_it_ought_to_be() {
    let stamper = stamper(&[font("Squares", &squares("ab "))]);
    let mut photo = picture(1_000, 800);
    stamper.draw(&mut photo, &lines(&["a b", "b"])).unwrap();
    // 24 px letters: margin 12, padding 10, pitch 32.
    assert_eq!(ground(&photo), [12, 704, 12 + 72 + 20, 788]);
    let rows = squares_by_line(&photo);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].iter().map(|x| x / 24).collect::<Vec<_>>(), [1, 3]);
    // 0.8 of 24 px, edges half covered: rows of the first line end at its baseline.
    let first: Vec<usize> = lit(&photo).iter().map(|run| run.0).filter(|y| *y < 746).collect();
    assert_eq!((first.first(), first.last()), (Some(&720), Some(&738)));
    let corner = |x: usize, y: usize| photo.data[(y * 1_000 + x) * 3];
    assert_eq!((corner(12, 704), corner(11, 704), corner(12, 703)), (DARK, GREY, GREY));
    assert_eq!(corner(35, 730), 255, "inside the first square");
}

#[test]
fn faces_stand_on_one_baseline() {
    let tall = font(
        "Tall",
        &[Glyph('x', Some([100, 0, 400, 600]), 500), Glyph('q', Some([100, -200, 400, 300]), 500)],
    );
    let stamper = stamper(&[tall, font("Squares", &squares("天"))]);
    let mut photo = picture(1_000, 800);
    stamper.draw(&mut photo, &lines(&["x天x"])).unwrap();
    let last_row = |left: usize, right: usize| {
        lit(&photo).iter().filter(|(_, x, _)| (left..right).contains(x)).map(|run| run.0).max()
    };
    let bottoms = [last_row(22, 34), last_row(34, 58), last_row(58, 70)];
    assert!(bottoms.iter().all(|b| b.is_some() && *b == bottoms[0]), "{bottoms:?}");
    let mut photo = picture(1_000, 800);
    stamper.draw(&mut photo, &lines(&["q"])).unwrap();
    assert!(lit(&photo).iter().map(|run| run.0).max() > bottoms[0], "below the baseline");
}

#[test]
fn the_first_face_that_has_ink_draws() {
    let thin = |c| Glyph(c, Some([0, 0, 300, 800]), 1_000);
    // The first face has the glyph of 'b' without ink, as colour fonts do, and no 'c' at all.
    let fonts = [font("A", &[thin('a'), Glyph('b', None, 1_000)]), font("B", &squares("abc "))];
    let stamper = stamper(&fonts);
    let mut photo = picture(1_000, 800);
    stamper.draw(&mut photo, &lines(&["abc"])).unwrap();
    let middle = 760;
    let widths: Vec<usize> = lit(&photo).iter().filter(|run| run.0 == middle).map(|run| run.2).collect();
    assert_eq!(widths.len(), 3, "{widths:?}");
    assert!(widths[0] < 9 && widths[1] > 17 && widths[2] > 17, "{widths:?}");
}

#[test]
fn what_no_font_has_is_said_and_nothing_is_changed() {
    let stamper = stamper(&[font("Squares", &squares("ab ")), font("No ink", &[Glyph('c', None, 500)])]);
    for (text, character) in
        [("ab龘", '龘'), ("a😀", '😀'), ("abc", 'c'), ("a\u{301}", '\u{301}'), ("\u{0}c", 'c')]
    {
        let mut photo = picture(500, 400);
        let refused = stamper.draw(&mut photo, &lines(&["a", text]));
        assert_eq!(refused, Err(MediaError::Undrawable { character }), "{text:?}");
        assert_eq!(photo, picture(500, 400));
    }
}

#[test]
fn invisible_characters_are_left_out() {
    let stamper = stamper(&[font("Squares", &squares("ab "))]);
    let drawn = |text: &[&str]| {
        let mut photo = picture(500, 400);
        stamper.draw(&mut photo, &lines(text)).unwrap();
        photo
    };
    let plain = drawn(&["a b", "ab"]);
    assert_eq!(drawn(&["a\tb", "a\u{200B}b"]), plain);
    assert_eq!(drawn(&["\u{FEFF}a\u{3000}b\r\n", "\u{202E}a\u{FE0F}b\u{7}"]), plain);
    assert_eq!(drawn(&["a b", "", " \u{200B} ", "ab"]), plain);
    assert_eq!(drawn(&[]), picture(500, 400));
    assert_eq!(drawn(&["", "\u{200D}"]), picture(500, 400));
}

#[test]
fn long_lines_wrap_and_lose_nothing() {
    let stamper = stamper(&[font("Squares", &squares("天地0-, "))]);
    let rows = |text: &str| {
        // 24 px letters and a room of 10 of them.
        let mut photo = picture(284, 1_000);
        stamper.draw(&mut photo, &lines(&[text])).unwrap();
        let [l, t, r, b] = ground(&photo);
        assert!(l >= 12 && t >= 12 && r <= 272 && b <= 988, "{l} {t} {r} {b}");
        squares_by_line(&photo).iter().map(Vec::len).collect::<Vec<_>>()
    };
    assert_eq!(rows(&"天".repeat(10)), [10]);
    assert_eq!(rows(&"天".repeat(25)), [10, 10, 5]);
    // Not before the comma, not inside the number, spaces vanish at the break.
    assert_eq!(rows("天天天天天天天天天天,地"), [9, 3]);
    assert_eq!(rows("天天天天天天 0000000"), [6, 7]);
    assert_eq!(rows("天天天天天天天天天天 地"), [10, 1]);
    // A number longer than a line is broken anywhere.
    assert_eq!(rows(&"0".repeat(23)), [10, 10, 3]);
}

#[test]
fn letters_shrink_before_they_cover_half_of_the_picture() {
    let stamper = stamper(&[font("Squares", &squares("天"))]);
    let four = lines(&["天".repeat(30).as_str(); 4]);
    for (width, height) in
        [(2_048, 1_536), (1_536, 2_048), (2_048, 300), (700, 2_048), (640, 480), (480, 640)]
    {
        let mut photo = picture(width, height);
        stamper.draw(&mut photo, &four).unwrap();
        let [l, t, r, b] = ground(&photo);
        assert!(l > 0 && r < width as usize && b < height as usize);
        assert!((b - t) * 2 <= height as usize, "{width} × {height}: {t} to {b}");
        let count: usize = squares_by_line(&photo).iter().map(Vec::len).sum();
        assert_eq!(count, 120, "{width} × {height}");
    }
    // The smallest letters may take all of it.
    let mut photo = picture(240, 240);
    stamper.draw(&mut photo, &four).unwrap();
    let [_, t, _, b] = ground(&photo);
    assert!((b - t) * 2 > 240);
    assert_eq!(squares_by_line(&photo).iter().map(Vec::len).sum::<usize>(), 120);
    for (width, height) in [(1, 1), (20, 500), (500, 20), (100, 100), (60_000, 1)] {
        let mut photo = picture(width, height);
        let refused = stamper.draw(&mut photo, &four);
        assert!(matches!(refused, Err(MediaError::TooSmall)), "{width} × {height}: {refused:?}");
        assert_eq!(photo, picture(width, height));
    }
    let refused = stamper.draw(&mut picture(2_048, 2_048), &lines(&["天".repeat(1_000_000).as_str()]));
    assert!(matches!(refused, Err(MediaError::TooSmall)), "{refused:?}");
}

#[test]
fn a_picture_that_lies_about_its_size_is_refused() {
    let stamper = stamper(&[font("Squares", &squares("a"))]);
    for (width, height, bytes) in [(10, 10, 299), (0, 0, 0), (0, 10, 0), (u32::MAX, u32::MAX, 3)] {
        let mut photo = Rgb { width, height, data: vec![0; bytes] };
        assert!(matches!(stamper.draw(&mut photo, &lines(&["a"])), Err(MediaError::Malformed { .. })));
    }
}

#[test]
fn the_simplified_face_of_a_collection_is_taken() {
    let only = |c| squares(&format!("{c}"));
    let (a, b, c) = (only('a'), only('b'), only('c'));
    let draws = |faces: &[(&str, &[Glyph])], index: Option<u32>| {
        let file = file(&collection(faces));
        let stamper = Stamper::open(&[FontFile { path: file.path().to_owned(), index }]).unwrap();
        "abc".chars().find(|c| stamper.draw(&mut picture(500, 400), &lines(&[&c.to_string()])).is_ok())
    };
    let noto = [("Noto CJK JP", &a[..]), ("Noto CJK SC", &b[..]), ("Noto Mono CJK SC", &c[..])];
    assert_eq!(draws(&noto, None), Some('b'));
    assert_eq!(draws(&noto, Some(2)), Some('c'));
    assert_eq!(draws(&[("Hei SCX", &a[..]), ("Hei TC", &b[..])], None), Some('a'));
    let file = file(&collection(&noto));
    let refused = Stamper::open(&[FontFile { path: file.path().to_owned(), index: Some(3) }]);
    assert!(matches!(refused, Err(MediaError::Font { .. })));
}

#[test]
fn files_that_are_no_fonts_are_said_to_be_so() {
    let opened = |path: &Path| Stamper::open(&[named(path)]).map(drop);
    for bytes in [&b""[..], b"x", b"ttcf", &[0; 4_096], b"\0\x01\0\0\0\xff"] {
        let file = file(bytes);
        assert!(matches!(opened(file.path()), Err(MediaError::Font { .. })), "{bytes:?}");
    }
    assert!(matches!(opened(Path::new("/nowhere/a.ttf")), Err(MediaError::Font { .. })));
    assert!(matches!(opened(&std::env::temp_dir()), Err(MediaError::Font { .. })));
    assert!(matches!(Stamper::open(&[]).map(drop), Err(MediaError::Font { .. })));
}

#[test]
fn a_giant_glyph_does_not_take_memory() {
    let mut giant = font("Giant", &[Glyph('g', Some([-32_000, -32_000, 700, 700]), 1_000)]);
    // 16 units an em instead of 1,000: 2,000 ems, which at 12 pixels are 2 GB of coverage.
    let units = giant.windows(4).position(|w| w == [0x5F, 0x0F, 0x3C, 0xF5]).unwrap() + 6;
    giant[units..units + 2].copy_from_slice(&16_u16.to_be_bytes());
    let mut photo = picture(500, 400);
    let refused = stamper(&[giant]).draw(&mut photo, &lines(&["g"]));
    assert!(matches!(refused, Err(MediaError::Font { .. })), "{refused:?}");
    assert_eq!(photo, picture(500, 400));
}

/// Fonts with Chinese in their usual places.
fn chinese() -> Option<PathBuf> {
    let places = [
        "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
        "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
        "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
        "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
        "/system/fonts/NotoSansCJK-Regular.ttc",
    ];
    let found = places.iter().map(PathBuf::from).find(|p| p.exists());
    if found.is_none() {
        eprintln!("skipped: no Chinese font is installed");
    }
    found
}

#[test]
fn a_real_font_draws_a_real_stamp() {
    let Some(path) = chinese() else { return };
    let stamper = Stamper::open(&[named(&path)]).unwrap();
    let text = lines(&[
        "2026-06-22 10:05:00 拍摄 时间已校准",
        "金御皇庭3号楼 网格370705005004001",
        "张晓(网格员) · 工单 20260622-017",
        "走街串巷 总部校时码 3F9A-12BC",
    ]);
    let mut photo = picture(2_048, 1_536);
    stamper.draw(&mut photo, &text).unwrap();
    let [l, t, r, b] = ground(&photo);
    assert!((20..30).contains(&l) && r < 1_100 && t > 1_200 && b < 1_520, "{l} {t} {r} {b}");
    let bright = photo.data.chunks_exact(3).filter(|p| p[0] > GREY).count() as f64;
    let part = bright / ((r - l) * (b - t)) as f64;
    assert!((0.05..0.30).contains(&part), "{part} of the block is letters");
    let refused = stamper.draw(&mut photo.clone(), &lines(&["ꙮ😀"]));
    assert!(matches!(refused, Err(MediaError::Undrawable { .. })), "{refused:?}");
}

#[test]
fn threads_share_a_stamper() {
    let stamper = stamper(&[font("Squares", &squares("ab "))]);
    let draw = || {
        let mut photo = picture(640, 480);
        stamper.draw(&mut photo, &lines(&["a b", "ba"])).map(|()| photo)
    };
    let alone = draw();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), alone);
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_is_drawn_outside_and_nothing_is_lost(
        width in 1_u32..700,
        height in 1_u32..700,
        texts in proptest::collection::vec("[天地0-9, a]{0,40}", 0..5),
    ) {
        let stamper = stamper(&[font("Squares", &squares("天地0123456789, a"))]);
        let mut photo = picture(width, height);
        match stamper.draw(&mut photo, &texts) {
            Ok(()) => {
                let expected = texts.concat().chars().filter(|c| *c != ' ').count();
                let found: usize = squares_by_line(&photo).iter().map(Vec::len).sum();
                prop_assert_eq!(found, expected);
            }
            Err(MediaError::TooSmall) => prop_assert_eq!(photo, picture(width, height)),
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn a_damaged_font_gives_an_error_or_a_stamp(
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = collection(&[("Noto CJK JP", &squares("a")), ("Noto CJK SC", &squares("天ab "))]);
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let file = file(&bytes);
        if let Ok(stamper) = Stamper::open(&[named(file.path())]) {
            let mut photo = picture(300, 200);
            if stamper.draw(&mut photo, &lines(&["天ab", "ab"])).is_err() {
                prop_assert_eq!(photo, picture(300, 200));
            }
        }
    }
}

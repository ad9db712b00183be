//! Any text is read as what sets headquarters up: how a file is read, where map tiles come from.

use lanewalk_headquarters::{
    Settings,
    ahead::tiles::TileSource,
    import::{ImportLimits, Mapping, read_csv},
};

/// A mapping that is taken can be used on any file; an address that is taken stays one word of a
/// page's policy.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(mapping) = Mapping::from_toml(text) {
        let _ = read_csv(data, &mapping, &ImportLimits::at(1_778_204_400_000));
    }
    if let Some(tiles) = TileSource::parse(text) {
        let whole = |t: &str| t.bytes().all(|b| b.is_ascii_graphic() && !b";,'\"".contains(&b));
        assert!(tiles.origin().is_none_or(whole) && whole(&tiles.tile(3, 2, 1)));
        assert_eq!(TileSource::parse(tiles.template()).as_ref(), Some(&tiles));
    }
    let settings = Settings { public_url: text.to_owned(), ..Settings::default() };
    assert!(settings.authority().len() <= text.len());
}

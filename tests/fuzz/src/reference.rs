//! Any text is read as what configures phones: calendar, catalogue of matters, grids.

use lanewalk_model::{calendar::Calendar, catalog::Catalog, grid::GridSet};

/// What is read can be written and is then read as the same.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Catalog::from_json(text);
    if let Ok(calendar) = serde_json::from_str::<Calendar>(text) {
        let written = serde_json::to_string(&calendar).expect("writes");
        assert!(serde_json::from_str::<Calendar>(&written).is_ok_and(|again| again == calendar));
    }
    let _ = Calendar::from_holiday_cn("v", &[text]);
    if let Ok(grids) = GridSet::from_geojson(text) {
        assert!(GridSet::from_geojson(&grids.to_geojson()).is_ok());
    }
}

//! Any bytes are read as a hotline's export, by mappings of every kind.

use lanewalk_headquarters::import::{ImportLimits, ImportOutcome, Mapping, neutral, read_csv, repair_csv};
use sha2::{Digest as _, Sha256};
use std::{collections::HashSet, sync::LazyLock};

const NOW: i64 = 1_778_204_400_000;
const DAY_MS: i64 = 86_400_000;

/// Every field and rule there is.
pub(crate) const WHOLE: &str = r#"
version = 1
date_formats = ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%d"]
utc_offset_minutes = 480
datum = "gcj02"
[fields]
upstream_id = "编号"
channel = { value = "12345" }
matter_text = "类别"
title = { template = "{类别}[：{内容}]" }
reported_text = "内容"
reported_address = "地址"
reported_at = "受理"
upstream_due_at = "时限"
closed_at = "办结"
lat = "纬度"
lon = "经度"
requester_name = "姓名"
requester_phone = "电话"
[urgent]
column = "紧急"
values = ["紧急", "特急"]
[secrecy]
column = "保密"
values = ["是"]
[[skip]]
column = "状态"
values = ["作废"]
"#;

/// The least there can be, under the other charset and another delimiter.
pub(crate) const LEAST: &str = r#"
version = 1
charset = "gb18030"
delimiter = ";"
date_formats = ["%Y%m%d"]
utc_offset_minutes = -300
datum = "wgs84"
[fields]
upstream_id = "no"
channel = { value = "x" }
matter_text = "kind"
title = "kind"
reported_text = { template = "{kind} {{[{no}]}}" }
reported_at = "day"
"#;

static MAPPINGS: LazyLock<[Mapping; 2]> =
    LazyLock::new(|| [WHOLE, LEAST].map(|toml| Mapping::from_toml(toml).expect("a good mapping")));

/// Every record is an order, skipped or refused with its reason, where the file has it; what is
/// refused comes back in a file that the same mapping reads.
pub(crate) fn check(data: &[u8]) {
    let limits = ImportLimits {
        max_file_bytes: 1 << 20,
        max_rows: 2_000,
        max_field_bytes: 1_000,
        max_problems: 500,
        ..ImportLimits::at(NOW)
    };
    for mapping in MAPPINGS.iter() {
        let Ok(read) = read_csv(data, mapping, &limits) else { continue };
        accounted(data, &read, &limits);
        let repair = repair_csv(data, mapping, &read).expect("the header was read before");
        let refused = read.refused.len() as u64;
        // A header may lie in any words; those that a spreadsheet would run are not found again.
        let roomy = ImportLimits { max_field_bytes: 1 << 24, max_file_bytes: 1 << 26, ..limits };
        match read_csv(&repair, mapping, &roomy) {
            Ok(again) => assert_eq!(again.rows, refused, "{}", String::from_utf8_lossy(&repair)),
            Err(why) => panic!("{why}: {}", String::from_utf8_lossy(&repair)),
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let safe = neutral(text);
        assert!(safe.ends_with(text) && safe.len() - text.len() <= 1);
        assert!(!safe.trim_start().starts_with(['=', '+', '-', '@']), "{safe:?}");
    }
}

fn accounted(data: &[u8], read: &ImportOutcome, limits: &ImportLimits) {
    assert_eq!(read.orders.len(), read.places.len());
    let mut ids = HashSet::new();
    for (order, place) in read.orders.iter().zip(&read.places) {
        let raw = data.get(place.clone()).expect("within the file");
        assert_eq!(order.payload_sha256, <[u8; 32]>::from(Sha256::digest(raw)));
        assert!(ids.insert(&order.upstream_id) && !order.upstream_id.is_empty());
        assert!(order.upstream_id.len() <= 64 && order.reported_text.len() <= limits.max_field_bytes);
        assert!(order.reported_at_ms <= NOW + DAY_MS && order.reported_at_ms > 0);
        assert_eq!(order.lat_e7.is_some(), order.lon_e7.is_some());
        assert!(order.lat_e7.is_none_or(|lat| lat.abs() <= 900_000_000));
    }
    assert!(read.refused.iter().all(|r| data.get(r.place.clone()).is_some_and(|raw| !raw.is_empty())));
    let known = (read.orders.len() + read.refused.len()) as u64 + read.skipped;
    // The same record again is the one thing that is neither.
    assert!(known <= read.rows, "{known} of {}", read.rows);
    assert!(read.problems.len() <= limits.max_problems);
    assert!(read.problems.is_sorted_by_key(|p| p.line));
    if read.unlisted == 0 {
        let lines: HashSet<u64> = read.problems.iter().map(|p| p.line).collect();
        assert!(read.refused.iter().all(|r| lines.contains(&r.line)), "refused without a reason");
    }
}

//! Tests of the importer: `rows` for single records, `files` for whole files, `hostile` for any bytes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod files;
mod hostile;
mod repair;
mod rows;

use super::*;

/// 2026-05-08T01:40:00Z, a Friday morning at 潍坊.
const NOW: i64 = 1_778_204_400_000;

const MAPPING: &str = r#"
version = 1
date_formats = ["%Y-%m-%d %H:%M"]
utc_offset_minutes = 480
datum = "gcj02"
[fields]
upstream_id = "编号"
channel = { value = "12345" }
matter_text = "类别"
title = "类别"
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

const HEADER: &str = "编号,类别,内容,地址,受理,时限,办结,纬度,经度,姓名,电话,紧急,保密,状态,备注";
const GOOD: &str = "W1,噪音,楼道内养猫,华府一品,2026-05-08 09:00,2026-05-15 17:30,,36.7005,119.132,张三,13800138000,紧急,是,在办,";

fn mapping() -> Mapping {
    Mapping::from_toml(MAPPING).unwrap()
}

fn read(bytes: &[u8]) -> ImportOutcome {
    read_csv(bytes, &mapping(), &ImportLimits::at(NOW)).unwrap()
}

/// The header and then `rows`, each a line.
fn file(rows: &[&str]) -> String {
    let mut text = format!("{HEADER}\n");
    for row in rows {
        text.push_str(row);
        text.push('\n');
    }
    text
}

fn codes(outcome: &ImportOutcome) -> Vec<(u64, Option<&str>, &str)> {
    outcome.problems.iter().map(|p| (p.line, p.field.as_deref(), p.code)).collect()
}

fn ids(outcome: &ImportOutcome) -> Vec<&str> {
    outcome.orders.iter().map(|o| o.upstream_id.as_str()).collect()
}

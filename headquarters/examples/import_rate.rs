//! Measures how many orders headquarters takes in each second: `cargo run --release --example
//! import_rate -p lanewalk-headquarters [ROWS]`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, missing_docs)]

use lanewalk_headquarters::{
    Headquarters, Settings, SystemSource,
    gate::InProcess,
    import::{ImportLimits, Mapping, read_csv},
    intake::Arrival,
    store::Place,
};
use lanewalk_model::staff::{Grant, Role};
use lanewalk_model::time::TimeMs;
use std::{fmt::Write as _, sync::Arc, time::Instant};

const MAPPING: &str = r#"
version = 1
date_formats = ["%Y-%m-%d %H:%M"]
utc_offset_minutes = 480
datum = "wgs84"
[fields]
upstream_id = "编号"
channel = { value = "12345" }
matter_text = "类别"
title = "标题"
reported_text = "内容"
reported_address = "地址"
reported_at = "受理"
lat = "纬度"
lon = "经度"
requester_name = "姓名"
requester_phone = "电话"
"#;

/// As the `lanewalk` program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let rows: u32 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let dir = tempfile::tempdir().unwrap();
    let place = Place::File(dir.path().join("hq.db"));
    let mut hq =
        Headquarters::open(&place, Settings::default(), Arc::new(SystemSource), Box::new(InProcess)).unwrap();
    hq.put_staff("hc-01", "马静", Role::HotlineClerk).unwrap();
    hq.publish_reference("matter_catalog", "1", include_str!("../../cli/fixtures/catalogue.json")).unwrap();
    hq.publish_reference("grids", "1", include_str!("../../cli/fixtures/grids.geojson")).unwrap();
    for n in 1..=10 {
        let id = format!("gw-{n:02}");
        hq.put_staff(&id, "网格员", Role::GridWorker).unwrap();
        let grid = format!("3707050050{n:02}001");
        hq.grant(&id, &Grant { grid, role: Role::GridWorker, from: TimeMs(0), to: None }).unwrap();
    }
    let mut csv = String::from("编号,类别,标题,内容,地址,受理,纬度,经度,姓名,电话\n");
    let words = "来电人反映小区楼道内长期堆放杂物并有人养猫,气味很大,多次向物业反映没有结果,希望尽快处理。";
    for n in 0..rows {
        writeln!(
            csv,
            "W{n:07},Parking Enforcement,第{n}件 占道停车,{}{n},华府一品{}号楼{}室,2026-05-{:02} {:02}:{:02},42.26{:03},-71.10{:03},张{n},138{n:08}",
            words.replace(',', "，").repeat(2),
            n % 40,
            n % 900,
            1 + n % 28,
            n % 24,
            n % 60,
            n % 1000,
            n * 7 % 1000,
        )
        .unwrap();
    }
    let mapping = Mapping::from_toml(MAPPING).unwrap();
    let begun = Instant::now();
    let read = read_csv(csv.as_bytes(), &mapping, &ImportLimits::at(1_790_000_000_000)).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "read   {} rows in {seconds:.2} s: {:.0} rows/s, {} problems",
        read.rows,
        f64::from(rows) / seconds,
        read.problems.len()
    );
    let begun = Instant::now();
    let done = hq
        .take_in(
            read.orders.iter().zip(&read.places).map(|(order, place)| Arrival {
                payload: Some(("text/csv", &csv.as_bytes()[place.clone()])),
                ..Arrival::from(order)
            }),
            "hc-01",
        )
        .unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    println!("taken  {done:?} in {seconds:.2} s: {:.0} rows/s", f64::from(rows) / seconds);
    let begun = Instant::now();
    let done = hq.take_in(&read.orders, "hc-01").unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    println!("again  {} known in {seconds:.2} s: {:.0} rows/s", done.known, f64::from(rows) / seconds);
}

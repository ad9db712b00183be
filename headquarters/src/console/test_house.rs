//! A house with one order, for the tests of rooms and acts.
#![allow(clippy::unwrap_used)]

use super::{
    Console,
    web::{Ask, Fields, Method, Visitor},
};
use crate::{Headquarters, Settings, SystemSource, gate::InProcess, import::IncomingOrder, store::Place};
use lanewalk_model::{id::DocId, schema::DocKind, time::TimeMs};
use std::sync::Arc;

pub(super) const OWN: &str = "370705005008003";
pub(super) const OTHER: &str = "370705005008004";
pub(super) const NAME: &str = "欧阳秋月";
pub(super) const PHONE: &str = "13800008000";

/// A house with one order, in the grid [`OWN`], led by `sec-wuye`.
pub(super) struct House {
    pub(super) hq: Headquarters,
    pub(super) console: Console,
    pub(super) order: DocId,
    pub(super) now: TimeMs,
    _dir: tempfile::TempDir,
}

pub(super) fn house() -> House {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("headquarters.db");
    let mut hq = Headquarters::open(
        &Place::File(database.clone()),
        Settings::default(),
        Arc::new(SystemSource),
        Box::new(InProcess),
    )
    .unwrap();
    let catalog = r#"{"version":"1","units":[{"id":"sec-wuye","name_zh":"物业科","name_en":"Estates"}],"matters":[{"matter_code":"1","name_zh":"饲养动物扰民","name_en":"Animals","match":["养猫"],"urgency":"general","lead_unit":"sec-wuye"}]}"#;
    hq.publish_reference("matter_catalog", "1", catalog).unwrap();
    let ring = "[[[119.13,36.70],[119.14,36.70],[119.14,36.71],[119.13,36.71],[119.13,36.70]]]";
    let grids = format!(
        r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"cell_id":"{OWN}","name":"East"}},"geometry":{{"type":"Polygon","coordinates":{ring}}}}}]}}"#
    );
    hq.publish_reference("grids", "1", &grids).unwrap();
    let now = hq.now();
    let order = IncomingOrder {
        upstream_id: "WF-1".into(),
        channel: "12345".into(),
        matter_text: "养猫".into(),
        title: "楼道内养猫".into(),
        reported_text: "楼道内养猫".into(),
        reported_address: "3号楼".into(),
        reported_at_ms: now.0,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        lat_e7: Some(367_050_000),
        lon_e7: Some(1_191_350_000),
        datum: "wgs84".into(),
        requester_name: Some(NAME.into()),
        requester_phone: Some(PHONE.into()),
        secrecy: true,
        payload_sha256: [1; 32],
    };
    hq.take_in(&[order], "clerk-1").unwrap();
    let sql = "SELECT id FROM docs WHERE kind = ?1";
    let id: Vec<u8> = hq.reader().query_row(sql, [DocKind::Order.code()], |r| r.get(0)).unwrap();
    let order = DocId::from_slice(&id).unwrap();
    House { hq, console: Console::new(database), order, now, _dir: dir }
}

pub(super) fn ask(method: Method, path: &str, form: &str, visitor: &Visitor, now: TimeMs) -> Ask {
    Ask {
        method,
        path: path.into(),
        query: Fields::default(),
        form: Fields::parse(form.as_bytes()),
        files: Vec::new(),
        visitor: visitor.clone(),
        now,
    }
}

//! dev only
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
use super::*;
use crate::{
    console::{
        alike::Alike,
        web::{Fields, Method, Visitor},
    },
    figures::tests::town::*,
    photos::Folder,
};
use lanewalk_model::{
    staff::{Grant, Subject},
    time::TimeMs,
};
#[test]
fn shots() {
    let mut town = Town::new(77);
    let catalog = r#"{"version":"2026-1","units":[{"id":"sec-a","name_zh":"城管办"},{"id":"sec-b","name_zh":"社区建设办"},{"id":"sec-c","name_zh":"物业科"}],"matters":[{"matter_code":"020301","name_zh":"饲养动物扰民","match":["养猫"],"urgency":"general","lead_unit":"sec-c"},{"matter_code":"010101","name_zh":"占道停车","match":["停车"],"urgency":"general","lead_unit":"sec-a"}]}"#;
    town.hq.publish_reference("matter_catalog", "2026-1", catalog).unwrap();
    town.orders(900);
    town.grid_work(120);
    town.hq.put_staff("w-01", "刘敏", Role::DeputyLeader).unwrap();
    let folder = Folder::beside(std::path::Path::new("/nonexistent/hq.db"), 0);
    let grant = Grant { grid: "*".into(), role: Role::DeputyLeader, from: TimeMs(0), to: None };
    let v = Visitor {
        subject: Subject { worker: "w-01".into(), role: Role::DeputyLeader, grants: vec![grant] },
        name: "刘敏".into(),
        admin: false,
    };
    let now = TimeMs(START + 98 * DAY);
    let ask = |to: &str| {
        let (p, q) = to.split_once('?').unwrap_or((to, ""));
        Ask {
            method: Method::Get,
            path: p.into(),
            query: Fields::parse(q.as_bytes()),
            form: Fields::default(),
            files: vec![],
            visitor: v.clone(),
            now,
        }
    };
    let mut m = ask("/figures/meetings");
    m.method = Method::Post;
    m.now = TimeMs(START + 70 * DAY);
    m.form = Fields::parse("title=七月第二次调度会&from=2026-05-01&to=2026-07-31&as_of=2026-07-10T09:00&words_0=华府一品门前停车:城管办会同交警拿出方案&owner_0=sec-a&due_0=2026-07-20&words_1=逾期工单逐件过堂&owner_1=w-01".as_bytes());
    post(&mut town.hq, &m).unwrap();
    for (name, to) in [
        ("page", "/figures?from=2026-05-01&to=2026-08-28"),
        ("unit", "/figures?from=2026-07-01&to=2026-07-31&by=unit"),
        ("orders", "/figures/orders?from=2026-05-01&to=2026-08-28&metric=on_time&part=not"),
        ("meeting", "/figures/meetings/1"),
        ("meetings", "/figures/meetings"),
    ] {
        let a = ask(to);
        let from = Sources { db: town.hq.reader(), folder: &folder, alike: &Alike::default(), now };
        let Answer::Page(page) = get(&from, &a).unwrap() else { panic!() };
        std::fs::write(
            format!("/tmp/fig-{name}.html"),
            crate::console::frame("数据", false, now, &maud::html! {}, &page.content).into_string(),
        )
        .unwrap();
    }
}

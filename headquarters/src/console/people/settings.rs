//! Settings that a house has of its own: the tiles under its map.
//!
//! Invariant: what is set leaves a line in the access log. Rejected: rates and limits here; what
//! the rules count by belongs to whoever runs the program, not to a page.

use super::page;
use crate::{
    Headquarters, HqError,
    ahead::tiles::tile_source,
    console::{
        Sources,
        parts::{bi, shown},
        web::{ADMINS, Answer, Ask, Room},
    },
};
use lanewalk_model::access::Action;
use maud::html;

pub(in crate::console) const ROOM: Room =
    Room { at: "settings", title: Some(("设置", "Settings")), who: ADMINS, get, post };

fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::ManageStaff) || ask.parts().len() != 1 {
        return Ok(Answer::Missing);
    }
    let source = tile_source(from.db)?;
    Ok(page(
        ("设置", "Settings"),
        html! {
            h1 { (bi(("设置", "Settings"))) }
            section {
                h2 { (bi(("地图底图", "Tiles under the map"))) }
                @match &source {
                    None => p { (bi(("没有底图:地图只画本系统的网格和工单,不向任何地方请求图片。", "None: the map draws the grids and orders of this system and asks nobody for a picture."))) },
                    Some(s) => p { (bi(("浏览器从这里取图片:", "Browsers fetch pictures from:"))) " " span.id { (shown(s.origin().unwrap_or("/"))) } },
                }
                form.panel method="post" action="/settings" {
                    p {
                        label for="tiles" { (bi(("瓦片地址,含 {z} {x} {y};空:不用底图", "Address of the tiles with {z}, {x} and {y}; empty: none"))) }
                        input #tiles name="tiles" value=(source.as_ref().map_or("", |s| s.template())) maxlength="300" autocomplete="off" placeholder="https://tiles.inner/{z}/{x}/{y}.png";
                    }
                    p { (bi(("请用内网自己的瓦片服务(WGS-84 Web 墨卡托,256 像素)。瓦片服务会得知正在看哪一片。", "Use a tile server of your own network (WGS 84, web Mercator, 256 pixels). It learns which part is looked at."))) }
                    p { button type="submit" { (bi(("保存", "Save"))) } }
                }
            }
        },
    ))
}

fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::ManageStaff) || ask.parts().len() != 1 {
        return Ok(Answer::Missing);
    }
    // A form without the field is no form of this page.
    if !ask.form.0.iter().any(|(name, _)| name == "tiles") {
        return Ok(Answer::Missing);
    }
    hq.set_map_tiles(ask.form.get("tiles").unwrap_or_default(), &ask.visitor.subject.worker)?;
    Ok(Answer::SeeOther("/settings?done=saved".into()))
}

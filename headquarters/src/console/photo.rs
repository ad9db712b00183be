//! One photo: the stamped copy, every fact of its record, and what it is like.
//!
//! Invariant: what a camera wrote is shown as its words, beside what the phone said and what
//! headquarters can vouch for; nothing of it is corrected. Rejected: one verdict "genuine", which
//! no program can give.

use super::{
    alike::{self, Like},
    names::Names,
    parts::{Row, Veil, bi, both, none, say, shown, table, untitled, when},
    photos::{self, Photo, SMALL, Sources, capture, copy, order_name, part_words, whereabout},
    sections,
    values::{Showing, position, size},
    visits::{self, Visit},
    web::{Answer, Ask, Page},
    words::{self, Words},
};
use crate::{
    error::HqError,
    photos::{Where, of_visit},
    store::StoredDoc,
};
use lanewalk_model::{
    access::{self, Action, CaseFacts},
    datum::Datum,
    id::{DocId, EventId, from_hex, to_hex},
    photo::{ExifFacts, PhotoPart},
    position::Position,
    schema::DocKind,
    time::TimeMs,
    view::DocView,
};
use maud::{Markup, html};

/// Edge of the large copy, pixels.
const LARGE: u32 = 2_048;

/// Makes the page of a photo: `/photos/{visit}/{photo}`.
pub(super) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    let ids = match ask.parts().as_slice() {
        [_, visit, photo] => from_hex(visit).zip(from_hex(photo)),
        _ => None,
    };
    let Some((uuid, photo)) = ids else { return Ok(Answer::Missing) };
    let visit = DocId { kind: DocKind::Visit, uuid };
    let found = content(from, ask, visit, EventId(photo))?;
    Ok(found.map_or(Answer::Missing, |content| {
        Answer::Page(Page { title: ("照片", "Photo"), live: false, content })
    }))
}

fn content(from: &Sources<'_>, ask: &Ask, visit: DocId, photo: EventId) -> Result<Option<Markup>, HqError> {
    let Some(stored) = StoredDoc::find(from.db, visit)? else { return Ok(None) };
    let view = stored.view()?;
    let order = photos::order_of(&view);
    let order_view = match order {
        Some(order) => StoredDoc::find(from.db, order)?.map(|stored| stored.view()).transpose()?,
        None => None,
    };
    let case = order_view.as_ref().map_or_else(CaseFacts::default, CaseFacts::of_order);
    if access::decide(ask.asker(), Action::ReadVisits, &case, ask.now).is_err() {
        return Ok(None);
    }
    let place = order_view.as_ref().and_then(photos::place);
    let id = photo.to_string();
    let all = photos::read(from, visit, &view, place)?;
    let Some(photo) = all.into_iter().find(|p| p.is.photo == id) else { return Ok(None) };
    let names = Names::all(from.db)?;
    let veil = order.map_or_else(|| Ok(Veil::default()), |order| sections::veil(from.db, order))?;
    let show = Showing { names: &names, veil: &veil, most: 4_000 };
    let title = match order {
        Some(order) => order_name(from.db, order)?,
        None => None,
    };
    let visits = match order {
        Some(order) => visits::read(from.db, order)?.0,
        None => vec![Visit { n: stored.row.n, id: visit, view: Some(view.clone()) }],
    };
    Ok(Some(html! {
        (crumb(visit, order, title.as_deref()))
        h1 { (bi(words::photo(photo.is.record.role))) " " (when(photo.is.record.taken_at.0)) }
        (steps(from, &visits, &photo)?)
        div.sheet {
            (picture(&photo))
            div.facing {
                section id="doubts" { (doubts(&photo)) }
                section id="facts" { (facts(&photo, &view, visit, order, title.as_deref(), &show)) }
            }
        }
        section id="exif" { (exif(photo.is.record.exif.as_ref(), &show)) }
        section id="files" { (files(&photo)) }
        section id="alike" { (likes(from, &photo)?) }
    }))
}

fn crumb(visit: DocId, order: Option<DocId>, title: Option<&str>) -> Markup {
    html! {
        p.crumb {
            @match order {
                Some(order) => a href={ "/orders/" (to_hex(&order.uuid)) "#v" (to_hex(&visit.uuid)) } {
                    "← " (named(title))
                },
                None => a href="/" { (bi(("← 值班台", "board"))) },
            }
        }
    }
}

fn named(title: Option<&str>) -> Markup {
    match title.filter(|t| !t.trim().is_empty()) {
        Some(title) => shown(title),
        None => untitled(),
    }
}

/// Links to the photos before and after, also by key (Alt with P or N in most browsers).
fn steps(from: &Sources<'_>, visits: &[Visit], photo: &Photo) -> Result<Markup, HqError> {
    let all = photos::sequence(from, visits)?;
    let own = photos::path(photo.visit, &photo.is.photo);
    let Some(at) = all.iter().position(|p| Some(p) == own.as_ref()) else { return Ok(html! {}) };
    let before = at.checked_sub(1).and_then(|n| all.get(n));
    let after = all.get(at + 1);
    Ok(html! {
        nav.steps aria-label=(say(("照片", "photos"))) {
            @if let Some(to) = before { a href=(to) rel="prev" accesskey="p" { (bi(("← 上一张", "previous"))) } }
            span { (at + 1) " / " (all.len()) }
            @if let Some(to) = after { a href=(to) rel="next" accesskey="n" { (bi(("下一张 →", "next"))) } }
        }
    })
}

fn picture(photo: &Photo) -> Markup {
    let (evidence, small) = (photo.here(PhotoPart::Evidence), photo.here(PhotoPart::Thumbnail));
    html! {
        figure.large {
            @match (evidence, small) {
                (Some(file), _) => { a href=(copy(file, LARGE)) { img src=(copy(file, LARGE)) alt=(photo.alt()); } }
                (None, Some(file)) => { img src=(copy(file, SMALL)) alt=(photo.alt()); }
                (None, None) => { span.blank { (bi(("图像未到", "no picture yet"))) } }
            }
            figcaption {
                @match (evidence, small) {
                    (Some(_), _) => (bi(("存证件:水印在手机上压入,此处为重新绘制的副本", "the stamped copy, drawn anew here"))),
                    (None, Some(_)) => (bi(("只有缩略图,存证件未到", "only the thumbnail is here"))),
                    (None, None) => {}
                }
            }
        }
    }
}

fn doubts(photo: &Photo) -> Markup {
    html! {
        h2 { (bi(("疑点", "What speaks against it"))) " " span.count { (photo.doubts.len()) } }
        @if photo.doubts.is_empty() { p.empty { (bi(("没有发现矛盾", "no contradiction found"))) } }
        @else { ul.doubts { @for doubt in &photo.doubts { li { strong.soon { (both(doubt.zh(), doubt.en())) } } } } }
        @if photo.likes.total > 0 {
            p { a href="#alike" { strong.soon { (both(format!("{} 张照片相同或相似", photo.likes.total), format!("the same or alike: {}", photo.likes.total))) } } }
        }
    }
}

type Fact = (Words, Option<Markup>);

fn list(facts: Vec<Fact>) -> Markup {
    html! {
        dl.facts { @for (label, value) in facts { @if let Some(value) = value { div { dt { (bi(label)) } dd { (value) } } } } }
    }
}

fn facts(
    photo: &Photo,
    view: &DocView,
    visit: DocId,
    order: Option<DocId>,
    title: Option<&str>,
    show: &Showing<'_>,
) -> Markup {
    let record = &photo.is.record;
    let hex = to_hex(&visit.uuid);
    let caption = (!photo.caption.is_empty()).then(|| show.veil.text(&photo.caption));
    let to_order =
        order.map(|order| html! { a href={ "/orders/" (to_hex(&order.uuid)) } { (named(title)) } });
    let to_visit = order.map(|order| html! { a href={ "/orders/" (to_hex(&order.uuid)) "#v" (hex) } { (bi(("打开", "open"))) } " " span.id { (hex) } });
    let facts: Vec<Fact> = vec![
        (("说明", "caption"), caption),
        (("谁", "who"), photo.entry.as_ref().map(|e| show.names.person(&e.worker))),
        (("时间", "times"), photo.entry.as_ref().map(|e| e.times())),
        (
            if record.in_app { ("拍摄", "taken") } else { ("导入", "brought in") },
            Some(html! { (seconds(record.taken_at.0)) span.sub { (bi(("手机时间", "phone time"))) } }),
        ),
        (("方式", "capture"), Some(capture(record.in_app))),
        (("手机位置", "phone position"), record.position.as_ref().map(place)),
        (("网格", "grid"), view.get("grid").map(|v| show.value(DocKind::Visit, "grid", v))),
        (("工单", "order"), to_order),
        (("走访", "visit"), to_visit.or_else(|| Some(html! { span.id { (hex) } }))),
        (
            ("原图", "original"),
            Some(
                html! { (photos::pixels(photo)) @if !record.media.is_empty() { span.sub { (shown(&super::parts::clip(&record.media, 40))) } } },
            ),
        ),
        (("感知指纹", "perceptual hash"), record.phash.map(|h| html! { span.id { (String::from(h)) } })),
    ];
    html! { h2 { (bi(("情况", "Facts"))) } (list(facts)) }
}

/// Shows a position with its datum.
fn place(p: &Position) -> Markup {
    let datum = match p.datum() {
        Datum::Wgs84 => "WGS-84",
        Datum::Gcj02 => "GCJ-02",
        Datum::Bd09 => "BD-09",
    };
    html! { (position(p)) span.sub { (datum) } }
}

fn seconds(ms: i64) -> String {
    TimeMs(ms).china_with("%Y-%m-%d %H:%M:%S")
}

/// Shows what the camera wrote, as its words.
fn exif(facts: Option<&ExifFacts>, show: &Showing<'_>) -> Markup {
    let text = |t: &str| (!t.is_empty()).then(|| show.veil.short(t, 120));
    let table = facts.map(|e| {
        // A civil time: shown as it stands, whatever the zone.
        let local = e.local_ms.map(|ms| seconds(ms.saturating_sub(8 * 3_600_000)));
        let zone = e.offset_min.map(|m| {
            format!("UTC{}{:02}:{:02}", if m < 0 { '-' } else { '+' }, m.unsigned_abs() / 60, m.unsigned_abs() % 60)
        });
        list(vec![
            (("相机", "camera"), text(&e.camera)),
            (("软件", "software"), text(&e.software)),
            (("相机时间", "camera time"), local.map(|t| html! { (t) span.sub { @match &zone { Some(z) => (z), None => (bi(("未写时区", "no zone written"))) } } })),
            (("卫星时间", "satellite time"), e.gps_ms.map(|ms| html! { (seconds(ms)) span.sub { (bi(("北京时间", "China time"))) } })),
            (("照片位置", "position"), e.position.as_ref().map(position)),
            (("坐标系", "datum"), text(&e.datum)),
        ])
    });
    html! {
        h2 { (bi(("照片自带信息", "What the camera wrote (EXIF), not verified"))) }
        @match table { Some(table) => (table), None => p.empty { (bi(("没有", "nothing"))) } }
    }
}

fn files(photo: &Photo) -> Markup {
    let rows: Vec<Row> = photo
        .is
        .parts
        .iter()
        .map(|part| {
            let open = part.is == Where::Here;
            Row::from(vec![
                bi(part_words(part.part)),
                html! {
                    (whereabout(part))
                    @if open { " · " a href={ "/files/" (part.file.sha256) "/original" } { (bi(("下载", "download"))) } }
                },
                html! { (size(part.file.bytes)) span.sub { (part.file.bytes) " B" } },
                html! { span.id { (part.file.sha256) } },
            ])
        })
        .collect();
    let heads = [("文件", "file"), ("在哪里", "where"), ("大小", "size"), ("SHA-256", "of all bytes")];
    html! {
        (table(bi(("文件", "Files")), &heads, &rows, 0, ("无", "none")))
        @if let Some(at) = photo.is.last_contact {
            p.sub { (bi(("手机最近联系", "the phone was last heard of"))) " " (when(at.0)) }
        }
    }
}

fn likes(from: &Sources<'_>, photo: &Photo) -> Result<Markup, HqError> {
    let cards = photo.likes.found.iter().map(|like| like_card(from, like)).collect::<Result<Vec<_>, _>>()?;
    let left_out = photo.likes.total.saturating_sub(cards.len());
    Ok(html! {
        h2 { (bi(("相同或相似的照片", "The same or alike, at all of headquarters"))) " " span.count { (photo.likes.total) } }
        @if cards.is_empty() { p.empty { (bi(("没有", "none"))) } }
        @else { ul.photos { @for card in cards { li { (card) } } } }
        @if left_out > 0 { p.more { (both(format!("另有 {left_out} 张未显示"), format!("{left_out} more not shown"))) } }
    })
}

fn like_card(from: &Sources<'_>, like: &Like) -> Result<Markup, HqError> {
    let id = like.photo.to_string();
    let stored = StoredDoc::find(from.db, like.visit)?;
    let view = stored.as_ref().map(StoredDoc::view).transpose()?;
    let record = view.as_ref().and_then(|v| alike::record(v, &id));
    let small = match (&stored, &view) {
        (Some(stored), Some(view)) => of_visit(from.db, from.folder, &stored.row, view, from.now)?
            .into_iter()
            .find(|p| p.photo == id)
            .and_then(|p| p.parts.into_iter().find(|p| p.part != PhotoPart::Original && p.is == Where::Here)),
        _ => None,
    };
    let to = photos::path(like.visit, &id).unwrap_or_default();
    Ok(html! {
        figure.photo {
            a href=(to) {
                span.frame {
                    @match small {
                        Some(part) => { img src=(copy(part.file, SMALL)) alt="" loading="lazy" decoding="async"; }
                        None => { span.blank { (bi(("图像未到", "no picture yet"))) } }
                    }
                }
            }
            figcaption {
                p { span.tag.differs { (bi(like.words())) } }
                p { @match like.distance {
                    Some(bits) => { (both(format!("相差 {bits} / 63 位"), format!("{bits} of 63 bits differ"))) }
                    None => (none()),
                } }
                @if let Some(record) = &record { p { (bi(words::photo(record.role))) " · " (when(record.taken_at.0)) } }
                p { (photos::like_link(from.db, like)?) }
            }
        }
    })
}

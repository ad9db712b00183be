//! The photos of a visit: what each shows, what speaks against it, which file is missing and why.
//!
//! Invariant: every photo record is shown, also one whose picture is not here and one that was
//! refused; a picture is only ever the copy that a limited process has drawn. Rejected: hiding
//! photos until their files are here; that one is missing is what the clerk has to know.

use super::{
    alike::{Alike, Like, Likes},
    history::{self, Entry},
    parts::{MAX_ROWS, UNTITLED, Veil, bi, both, clip, say, shown, when},
    sections,
    values::{Showing, size},
    visits::Visit,
    web::Visitor,
    words::{self, Words},
};
use crate::{
    error::HqError,
    photos::{Absence, Folder, PartWhere, PhotoWhere, Where, of_visit},
    store::{DocRow, StoredDoc},
};
use lanewalk_model::{
    id::{DocId, EventId, from_hex, to_hex},
    photo::{Doubt, DoubtLimits, FileRef, PhotoPart, Surroundings, doubts},
    position::Position,
    time::TimeMs,
    view::DocView,
};
use maud::{Markup, html};
use rusqlite::{Connection, params};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// Entries of a visit looked through for those that brought its photos.
const MAX_ENTRIES: u64 = 500;
/// Look-alikes named under a photo; its own page shows more.
const MAX_NAMED: usize = 2;
/// Edge of the copies in lists, pixels.
pub(super) const SMALL: u32 = 320;

/// What pages with photos read beside the documents.
pub(super) struct Sources<'a> {
    pub(super) db: &'a Connection,
    pub(super) folder: &'a Folder,
    pub(super) alike: &'a Alike,
    /// Who looks: what is alike in an order that is not theirs is only counted.
    pub(super) who: &'a Visitor,
    pub(super) now: TimeMs,
}

/// A photo with all that is known of it.
pub(super) struct Photo {
    pub(super) visit: DocId,
    pub(super) is: PhotoWhere,
    pub(super) caption: String,
    pub(super) doubts: Vec<Doubt>,
    pub(super) likes: Likes,
    /// The entry that brought its record; `None` when it is too far back in a long log.
    pub(super) entry: Option<Rc<Entry>>,
}

/// Reads the photos of a visit; `place` is the order's.
pub(super) fn read(
    from: &Sources<'_>,
    visit: DocId,
    view: &DocView,
    place: Option<Position>,
) -> Result<Vec<Photo>, HqError> {
    let Some(row) = DocRow::find(from.db, visit)? else { return Ok(Vec::new()) };
    let around = Surroundings { visit_started: view.int("started").map(TimeMs), place };
    let entries: Vec<Rc<Entry>> = history::entries(from.db, "l.doc = ?1", params![row.n, MAX_ENTRIES])?
        .into_iter()
        .map(Rc::new)
        .collect();
    let mut photos = Vec::new();
    for is in of_visit(from.db, from.folder, &row, view, from.now)? {
        let mut likes = from.alike.find(from.db, (row.n, &is.photo), &is.record)?;
        let mut seen = Vec::with_capacity(likes.found.len());
        for like in likes.found {
            let of = StoredDoc::find(from.db, like.visit)?.map(|stored| stored.view()).transpose()?;
            let order = of.as_ref().and_then(order_of);
            if super::may_see_visits(from.db, from.who, order, from.now)? {
                seen.push(like);
            }
        }
        likes.found = seen;
        photos.push(Photo {
            visit,
            caption: view.text(&format!("caption/{}", is.photo)).unwrap_or_default().to_owned(),
            doubts: doubts(&is.record, &around, &DoubtLimits::default()),
            likes,
            entry: history::setting(&entries, &format!("photo/{}", is.photo)),
            is,
        });
    }
    Ok(photos)
}

/// Reads the place of an order, as it was reported.
pub(super) fn place(order: &DocView) -> Option<Position> {
    serde_json::from_str(order.text("reported_position")?).ok()
}

/// Returns the path of a photo's own page; `None` for an id that no phone gives.
pub(super) fn path(visit: DocId, photo: &str) -> Option<String> {
    let id: EventId = EventId(from_hex(photo)?);
    Some(format!("/photos/{}/{id}", to_hex(&visit.uuid)))
}

/// Returns the path of a drawn copy.
pub(super) fn copy(file: FileRef, edge: u32) -> String {
    format!("/files/{}/{edge}", file.sha256)
}

impl Photo {
    /// Returns a part that is here.
    pub(super) fn here(&self, part: PhotoPart) -> Option<FileRef> {
        self.is.parts.iter().find(|p| p.part == part && p.is == Where::Here).map(|p| p.file)
    }

    /// Says whether a clerk waits for a file: one is missing that does not just wait for Wi-Fi, or
    /// there is nothing yet to look at.
    fn is_short(&self) -> bool {
        let waits = |p: &PartWhere| !matches!(p.is, Where::Here | Where::Missing(Absence::WaitsForWifi));
        self.is.parts.iter().any(waits) || !self.is.parts.iter().any(|p| p.is == Where::Here)
    }

    /// Says in words what the picture is, for who cannot see it.
    pub(super) fn alt(&self) -> String {
        let words = say(words::photo(self.is.record.role));
        format!("{words} {}", self.is.record.taken_at.china_with("%Y-%m-%d %H:%M"))
    }

    /// Shows the small copy, or that there is none.
    pub(super) fn thumbnail(&self) -> Markup {
        // A large copy is as good as a small one, once it is drawn small.
        let file = self.here(PhotoPart::Thumbnail).or_else(|| self.here(PhotoPart::Evidence));
        html! {
            span.frame {
                @match file {
                    Some(file) => { img src=(copy(file, SMALL)) alt=(self.alt()) loading="lazy" decoding="async"; }
                    None => { span.blank { (bi(("图像未到", "no picture yet"))) } }
                }
            }
        }
    }

    /// Shows where each file is.
    fn whereabouts(&self) -> Markup {
        if self.is.parts.iter().all(|p| p.is == Where::Here) {
            return html! { p.sub { (bi(("文件齐全", "all files are here"))) } };
        }
        html! {
            ul.parts {
                @for part in &self.is.parts {
                    li { span.key { (bi(part_words(part.part))) } " " (whereabout(part)) }
                }
            }
        }
    }
}

/// Names a part in both languages.
pub(super) fn part_words(part: PhotoPart) -> Words {
    let en = match part {
        PhotoPart::Thumbnail => "thumbnail",
        PhotoPart::Evidence => "stamped copy",
        PhotoPart::Original => "original",
    };
    (part.zh(), en)
}

/// Shows where one file is.
pub(super) fn whereabout(part: &PartWhere) -> Markup {
    match part.is {
        Where::Here => bi(("已到", "here")),
        Where::Partly { offset } => {
            let percent = offset.saturating_mul(100) / part.file.bytes.max(1);
            both(format!("已传 {percent}%"), format!("{percent}% is here"))
        }
        Where::Missing(why @ Absence::WaitsForWifi) => bi((why.zh(), why.en())),
        Where::Missing(why) => html! { strong.soon { (bi((why.zh(), why.en()))) } },
    }
}

/// Counts the photos of an order in a line: how many, how many still lack a file, and why.
pub(super) fn summary<'a>(photos: impl Iterator<Item = &'a Photo>) -> Markup {
    let (mut total, mut short, mut wifi) = (0_u64, 0_u64, 0_u64);
    let mut why: BTreeMap<Words, u64> = BTreeMap::new();
    for photo in photos {
        total += 1;
        short += u64::from(photo.is_short());
        // A photo counts once for each reason, however many of its files it holds up.
        let mut reasons = BTreeSet::new();
        for part in &photo.is.parts {
            match part.is {
                Where::Here => {}
                // By rule, not by mishap: said apart.
                Where::Missing(Absence::WaitsForWifi) => wifi += 1,
                Where::Missing(why) => drop(reasons.insert((why.zh(), why.en()))),
                Where::Partly { .. } => drop(reasons.insert(("正在上传", "on its way"))),
            }
        }
        for reason in reasons {
            *why.entry(reason).or_default() += 1;
        }
    }
    html! {
        @if total > 0 {
            p.album {
                strong { (both(format!("{total} 张照片"), format!("{total} photos"))) }
                @if short == 0 { (both(",画面齐全", ", all can be looked at")) }
                @else { ", " strong.soon { (both(format!("{short} 张还缺文件"), format!("{short} lack a file"))) } }
                @for ((zh, en), n) in &why { span.sub { (both(format!("{zh} {n}"), format!("{en}: {n}"))) } }
                @if wifi > 0 { span.sub { (both(format!("{wifi} 张的原图等 Wi-Fi"), format!("{wifi} originals wait for Wi-Fi"))) } }
            }
        }
    }
}

/// Shows the photos of a visit.
pub(super) fn grid(db: &Connection, photos: &[Photo], show: &Showing<'_>) -> Result<Markup, HqError> {
    let left_out = photos.len().saturating_sub(MAX_ROWS);
    let cards = photos.iter().take(MAX_ROWS).map(|p| card(db, p, show)).collect::<Result<Vec<_>, _>>()?;
    Ok(html! {
        @if !cards.is_empty() {
            h4 { (bi(("照片", "Photos"))) " " span.count { (photos.len()) } }
            ul.photos { @for card in cards { li { (card) } } }
            @if left_out > 0 { p.more { (both(format!("另有 {left_out} 张未显示"), format!("{left_out} more not shown"))) } }
        }
    })
}

fn card(db: &Connection, photo: &Photo, show: &Showing<'_>) -> Result<Markup, HqError> {
    let record = &photo.is.record;
    let link = path(photo.visit, &photo.is.photo);
    let refused = photo.is.parts.iter().any(|p| p.is == Where::Missing(Absence::RecordRefused));
    let mut likes = Vec::new();
    for like in photo.likes.found.iter().take(MAX_NAMED) {
        likes.push(html! { span.tag.differs { (bi(like.words())) } " " (like_link(db, like)?) });
    }
    let more = photo.likes.total.saturating_sub(likes.len());
    Ok(html! {
        figure.photo {
            @match &link { Some(to) => a href=(to) { (photo.thumbnail()) }, None => (photo.thumbnail()) }
            figcaption {
                p { strong { (bi(words::photo(record.role))) } " " (capture(record.in_app)) }
                @if refused { p { strong.tag.conflict { (bi(("记录未被接受", "record not accepted"))) } } }
                @if !photo.caption.is_empty() { p.text { (show.veil.short(&photo.caption, 200)) } }
                p {
                    (when(record.taken_at.0))
                    span.sub {
                        (bi(("手机时间", "phone time")))
                        @if let Some(entry) = &photo.entry { " · " (entry.trusted()) }
                    }
                }
                p.sub { (pixels(photo)) @if let Some(p) = &record.position { " · " (coordinates(p)) } }
                @let against: Vec<&Doubt> = photo.doubts.iter().filter(|d| **d != Doubt::Imported).collect();
                @if !against.is_empty() {
                    ul.doubts { @for doubt in against { li.tag.doubt { (both(doubt.zh(), doubt.en())) } } }
                }
                @for like in likes { p.like { (like) } }
                @if more > 0 { p.more { (both(format!("另有 {more} 张相似"), format!("{more} more look alike"))) } }
                (photo.whereabouts())
            }
        }
    })
}

/// Says how a photo came into the app.
pub(super) fn capture(in_app: bool) -> Markup {
    if in_app {
        html! { span.key { (bi(("应用内拍摄", "taken in app"))) } }
    } else {
        html! { span.tag.doubt { (bi(("相册导入", "imported"))) } }
    }
}

/// Says how large the original is.
pub(super) fn pixels(photo: &Photo) -> Markup {
    html! {
        @if let Some((width, height)) = photo.is.record.size { (width) " × " (height) " · " }
        (size(photo.is.record.original.bytes))
    }
}

fn coordinates(p: &Position) -> Markup {
    html! { span.id { (format!("{:.5}, {:.5}", p.lat(), p.lon())) } @if let Some(m) = p.accuracy_m() { " ±" (m) " m" } }
}

/// Links a look-alike by the order it belongs to, or by its visit.
pub(super) fn like_link(db: &Connection, like: &Like) -> Result<Markup, HqError> {
    let visit = StoredDoc::find(db, like.visit)?.map(|stored| stored.view()).transpose()?;
    let order = visit.as_ref().and_then(order_of);
    let name = match order {
        Some(order) => order_name(db, order)?,
        None => Some(say(("无工单的走访", "visit without an order"))),
    };
    let name = name.filter(|n| !n.trim().is_empty()).unwrap_or_else(|| say(UNTITLED));
    Ok(html! {
        @match path(like.visit, &like.photo.to_string()) {
            Some(to) => a href=(to) { (shown(&clip(&name, 40))) },
            None => (shown(&clip(&name, 40))),
        }
    })
}

/// Returns the order a visit belongs to.
pub(super) fn order_of(visit: &DocView) -> Option<DocId> {
    visit.text("order")?.parse().ok()
}

/// Reads the title of an order without its requester; `None` when there is no such order.
pub(super) fn order_name(db: &Connection, order: DocId) -> Result<Option<String>, HqError> {
    let Some(view) = StoredDoc::find(db, order)?.map(|stored| stored.view()).transpose()? else {
        return Ok(None);
    };
    let veil: Veil = sections::veil(db, order)?;
    Ok(Some(veil.plain(view.text("title").unwrap_or_default())))
}

/// Lists the photos of visits in the order of their page, for going from one to the next.
pub(super) fn sequence(from: &Sources<'_>, visits: &[Visit]) -> Result<Vec<String>, HqError> {
    let mut paths = Vec::new();
    for Visit { id, view, .. } in visits {
        let (Some(view), Some(row)) = (view, DocRow::find(from.db, *id)?) else { continue };
        let photos = of_visit(from.db, from.folder, &row, view, from.now)?;
        paths.extend(photos.iter().filter_map(|p| path(*id, &p.photo)));
    }
    Ok(paths)
}

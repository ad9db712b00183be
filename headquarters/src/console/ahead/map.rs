//! `/map`: grids and orders of our own GeoJSON, filtered; a click narrows it and lists the orders.

use super::{
    HqError, Orders,
    drawing::{self, Dot, Look, Ring, Scene, Window as Frame},
    finder, forms,
    rule::{self, Forecast, Standing},
};
use crate::{
    ahead::tiles::{TileSource, tile_source},
    console::{
        Sources,
        names::Names,
        parts::{MAX_ROWS, NEAR_MS, bi, say},
        web::{Answer, Ask, Page},
    },
    store::{self, DocRow, FACT_COLUMNS},
};
use lanewalk_model::{
    id::DocId,
    schema::DocKind,
    staff::{Role, Subject},
    time::TimeMs,
};
use maud::{Markup, html};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

/// Orders drawn at most, the newest.
const MOST: i64 = 20_000;
const DAY_MS: i64 = 86_400_000;
const E7: f64 = 1e7;
/// Metres round a forecast that are shown with it.
const MARGIN: f64 = 250.0;

/// What a small map shows besides the grids.
#[derive(Debug, Default)]
pub(super) struct Shown<'a> {
    pub(super) forecasts: &'a [Forecast],
    pub(super) orders: Vec<Dot>,
}

/// Which part of the town a small map shows.
#[derive(Debug)]
pub(super) struct Window(Option<Frame>);

impl Window {
    /// The surroundings of one forecast, the whole town for several.
    pub(super) fn of_forecasts(all: &[Forecast]) -> Self {
        let [one] = all else { return Self(None) };
        let Some(e) = one.extent else { return Self(None) };
        let at = (f64::from(e.lat_e7) / E7, f64::from(e.lon_e7) / E7);
        Self(Frame::around([at], f64::from(e.radius_m) + MARGIN))
    }
}

/// Draws a small map; nothing when there is neither a grid nor a place.
pub(super) fn picture(db: &Connection, window: &Window, shown: &Shown<'_>) -> Result<Markup, HqError> {
    let known = store::reference(db)?;
    let grids = known.grids.as_ref();
    let names = Names::all(db)?;
    let rings = rings(shown.forecasts, &names);
    let tiles = tile_source(db)?;
    let frame = window.0.or_else(|| grids.and_then(|g| drawing::bounds(g.cells())));
    let scene = Scene {
        grids,
        dots: &shown.orders,
        rings: &rings,
        base: "/map?",
        tiles: tiles.as_ref(),
        small: true,
    };
    Ok(html! { @if let Some(frame) = frame { (drawing::draw(frame, &scene)) } })
}

fn rings(all: &[Forecast], names: &Names) -> Vec<Ring> {
    let open = all.iter().filter(|f| f.standing != Standing::Closed);
    open.filter_map(|f| {
        let e = f.extent?;
        Some(Ring {
            at: (f64::from(e.lat_e7) / E7, f64::from(e.lon_e7) / E7),
            radius_m: f64::from(e.radius_m) + 30.0,
            to: format!("/ahead/{}", f.n),
            title: {
                let matter = names.plain("matter_code", &f.matter);
                say((
                    format!("研判 {matter} {} 件", f.orders),
                    format!("forecast: {matter}, {} orders", f.orders),
                ))
            },
        })
    })
    .collect()
}

/// Lets a page with a map show the tiles of the house's own source, from there and nowhere else.
pub(super) fn answer(db: &Connection, page: Page) -> Result<Answer, HqError> {
    let source = tile_source(db)?;
    let origin = source.as_ref().and_then(TileSource::origin);
    Ok(match origin {
        Some(origin) => Answer::Map(page, origin.to_owned()),
        None => Answer::Page(page),
    })
}

fn look(open: bool, due: Option<i64>, now: TimeMs) -> Look {
    match due {
        _ if !open => Look::Ended,
        Some(due) if due < now.0 => Look::Late,
        Some(due) if due - now.0 <= NEAR_MS => Look::Near,
        _ => Look::Open,
    }
}

/// Reads [`FACT_COLUMNS`], then open, due, latitude, longitude, units of an order.
fn dot(r: &Row<'_>, who: &Subject, now: TimeMs) -> Result<Option<(Dot, String)>, rusqlite::Error> {
    let doc = DocRow::read(r)?;
    let units: String = r.get(10)?;
    if !finder::may_see(who, DocKind::Order, &doc.facts, &units, now) {
        return Ok(None);
    }
    let place: (Option<i32>, Option<i32>) = (r.get(8)?, r.get(9)?);
    let at =
        place.0.zip(place.1).map_or((f64::NAN, f64::NAN), |(a, b)| (f64::from(a) / E7, f64::from(b) / E7));
    Ok(Some((Dot { id: doc.id, at, look: look(r.get(6)?, r.get(7)?, now) }, doc.facts.grid)))
}

/// Reads orders as dots, those the visitor may see.
pub(super) fn of(db: &Connection, who: &Subject, ids: &[DocId], now: TimeMs) -> Result<Vec<Dot>, HqError> {
    let sql = format!(
        "SELECT {FACT_COLUMNS}, d.open, d.due_at, s.lat_e7, s.lon_e7, s.units FROM docs d JOIN spots s ON s.doc = d.n
         WHERE d.id = ?1"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut out = Vec::new();
    for id in ids {
        let found = statement.query_row([id.to_bytes()], |r| dot(r, who, now)).optional()?.flatten();
        out.extend(found.map(|(dot, _)| dot).filter(|d| d.at.0.is_finite()));
    }
    Ok(out)
}

/// What the visitor asks to see.
struct Filter<'a> {
    matter: &'a str,
    state: &'a str,
    days: i64,
    grid: &'a str,
    frame: Option<Frame>,
}

impl<'a> Filter<'a> {
    fn of(ask: &'a Ask) -> Self {
        let days = ask.query.get("days").and_then(|d| d.parse().ok()).unwrap_or(30_i64).clamp(1, 3_660);
        Self {
            matter: ask.query.get("matter").unwrap_or_default(),
            state: ask.query.get("state").unwrap_or("open"),
            days,
            grid: ask.query.get("grid").unwrap_or_default(),
            frame: ask.query.get("box").and_then(Frame::from_code),
        }
    }

    fn takes(&self, look: Look) -> bool {
        match self.state {
            "late" => look == Look::Late,
            "ended" => look == Look::Ended,
            "all" => true,
            _ => look != Look::Ended,
        }
    }

    /// Address of the same view without grid and window.
    fn base(&self) -> String {
        let mut out = form_urlencoded::Serializer::new(String::new());
        out.append_pair("days", &self.days.to_string());
        out.append_pair("state", self.state);
        out.append_pair("matter", self.matter);
        format!("/map?{}", out.finish())
    }
}

/// Reads the orders of a filter, newest first, with the grid of each.
fn orders(
    db: &Connection,
    who: &Subject,
    f: &Filter<'_>,
    now: TimeMs,
) -> Result<Vec<(Dot, String)>, HqError> {
    let sql = format!(
        "SELECT {FACT_COLUMNS}, d.open, d.due_at, s.lat_e7, s.lon_e7, s.units FROM spots s JOIN docs d ON d.n = s.doc
         WHERE s.counted = 1 AND s.at > :since AND (:matter = '' OR s.matter = :matter)
           AND (:grid = '' OR s.grid = :grid) ORDER BY s.at DESC LIMIT :most"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let since = now.0.saturating_sub(f.days.saturating_mul(DAY_MS));
    let mut rows = statement.query(named_params! {
        ":since": since, ":matter": f.matter, ":grid": f.grid, ":most": MOST,
    })?;
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        out.extend(dot(r, who, now)?.filter(|(d, _)| f.takes(d.look)));
    }
    Ok(out)
}

pub(super) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    let names = Names::all(from.db)?;
    let (who, f) = (&ask.visitor.subject, Filter::of(ask));
    let found = orders(from.db, who, &f, ask.now)?;
    let placeless = found.iter().filter(|(d, _)| d.at.0.is_nan()).count();
    let dots: Vec<Dot> = found.iter().map(|(d, _)| d.clone()).filter(|d| d.at.0.is_finite()).collect();
    let known = store::reference(from.db)?;
    let grids = known.grids.as_ref();
    let of_grid = grids.and_then(|g| drawing::bounds([g.get(f.grid.parse().ok()?)?]));
    let frame = f.frame.or(of_grid);
    let whole = grids
        .as_ref()
        .and_then(|g| drawing::bounds(g.cells()))
        .or_else(|| Frame::around(dots.iter().map(|d| d.at), 100.0));
    let forecasts = rule::list(from.db, MAX_ROWS)?;
    let rings = rings(&forecasts, &names);
    let (base, tiles) = (f.base(), tile_source(from.db)?);
    let scene = Scene { grids, dots: &dots, rings: &rings, base: &base, tiles: tiles.as_ref(), small: false };
    let chosen: Vec<DocId> = found
        .iter()
        .filter(|(d, _)| frame.is_some() && f.frame.is_none_or(|w| w.holds(d.at)))
        .map(|(d, _)| d.id)
        .collect();
    let content = html! {
        h1 { (bi(("地图", "Map"))) @if !f.grid.is_empty() { " · " (names.thing("grid", f.grid)) } }
        (filters(&f, &names))
        @match frame.or(whole) {
            Some(frame) => (drawing::draw(frame, &scene)),
            None => p { (bi(("还没有网格数据", "no grids were published yet"))) },
        }
        (legend(&dots, placeless))
        @if frame.is_some() { p { a href=(base) { (bi(("← 看全街道", "← the whole subdistrict"))) } } }
        @if !chosen.is_empty() { (listed(from, ask, &names, &chosen)?) }
    };
    answer(from.db, Page { title: ("地图", "Map"), live: false, content })
}

fn filters(f: &Filter<'_>, names: &Names) -> Markup {
    let matters: Vec<(String, String)> = std::iter::once((String::new(), say(("全部事项", "all matters"))))
        .chain(names.list("matter_code"))
        .collect();
    let states = [
        ("open", ("在办", "open")),
        ("late", ("逾期", "overdue")),
        ("ended", ("已结束", "ended")),
        ("all", ("全部", "all")),
    ]
    .map(|(id, w)| (id.to_owned(), say(w)));
    let days = [
        ("7", ("7 天", "7 days")),
        ("30", ("30 天", "30 days")),
        ("90", ("90 天", "90 days")),
        ("366", ("366 天", "366 days")),
    ]
    .map(|(d, w)| (d.to_owned(), say(w)));
    html! {
        form.filters method="get" action="/map" {
            (forms::select("matter", ("事项", "matter"), &matters, f.matter))
            (forms::select("state", ("状态", "state"), &states, f.state))
            (forms::select("days", ("反映于", "reported within"), &days, &f.days.to_string()))
            @if !f.grid.is_empty() { input type="hidden" name="grid" value=(f.grid); }
            p { button type="submit" { (bi(("查看", "show"))) } }
        }
    }
}

fn legend(dots: &[Dot], placeless: usize) -> Markup {
    let count = |look: Look| dots.iter().filter(|d| d.look == look).count();
    html! {
        ul.legend {
            @for look in Look::ALL { li { svg viewBox="0 0 20 20" aria-hidden="true" { (look.shape(10.0, 10.0)) } (bi(look.words())) " " strong { (count(look)) } } }
            li { svg viewBox="0 0 20 20" aria-hidden="true" { circle.forecast cx="10" cy="10" r="8" {} } (bi(("研判", "forecast"))) }
            @if placeless > 0 { li { (bi(("无位置", "without a place"))) " " strong { (placeless) } } }
        }
    }
}

fn listed(from: &Sources<'_>, ask: &Ask, names: &Names, chosen: &[DocId]) -> Result<Markup, HqError> {
    let who = &ask.visitor.subject;
    let pick = who.role == Role::HotlineClerk;
    let table = Orders { db: from.db, who, names, now: ask.now, pick }.table(
        ("所选工单", "Orders here"),
        chosen,
        MAX_ROWS,
    )?;
    Ok(html! {
        @if pick {
            form method="post" action="/clusters" {
                (table)
                div.panel {
                    (forms::line("title", ("主单标题", "title of the master"), "", true))
                    p { (forms::button("make", ("将所选工单并案", "make a cluster of the chosen"), "")) }
                }
            }
        } @else { (table) }
    })
}

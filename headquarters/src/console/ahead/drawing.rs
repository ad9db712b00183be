//! The town drawn as SVG: grids, orders, forecasts, without any tile server.
//!
//! Invariant: a pure function of what it is given; an equirectangular projection at the town's
//! own latitude, which is true to a pixel over a subdistrict. Looks never tell by colour alone:
//! each has a shape of its own. Rejected: a script that draws on a canvas; it shows nothing
//! without running, prints badly, and cannot be read aloud.

use crate::{
    ahead::tiles::TileSource,
    console::parts::{clip, say, visible},
};
use geo::{BoundingRect, Centroid};
use lanewalk_model::{
    grid::{Cell, GridSet},
    id::{DocId, to_hex},
};
use maud::{Markup, html};
use std::{collections::BTreeMap, fmt::Write as _};

/// Width of the drawing, in its own units.
const WIDTH: f64 = 800.0;
const MIN_HEIGHT: f64 = 360.0;
const MAX_HEIGHT: f64 = 640.0;
/// Orders nearer to each other than that are drawn as one.
const TOGETHER: f64 = 22.0;
const METRES_PER_DEGREE: f64 = 111_195.0;
/// A window is at least so wide and high, in metres.
const LEAST: f64 = 300.0;
/// Tiles of a tile source at most.
const MAX_TILES: u32 = 48;

/// Part of the globe, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) south: f64,
    pub(super) west: f64,
    pub(super) north: f64,
    pub(super) east: f64,
}

impl Window {
    /// Makes the window that holds some places (latitude, longitude) and a margin in metres.
    pub(super) fn around(places: impl IntoIterator<Item = (f64, f64)>, margin: f64) -> Option<Self> {
        let mut all: Option<Self> = None;
        for (lat, lon) in places {
            let w = all.get_or_insert(Self { south: lat, west: lon, north: lat, east: lon });
            w.south = w.south.min(lat);
            w.north = w.north.max(lat);
            w.west = w.west.min(lon);
            w.east = w.east.max(lon);
        }
        all.map(|w| w.wider(margin))
    }

    fn wider(self, margin: f64) -> Self {
        let lat = margin / METRES_PER_DEGREE;
        let lon = lat / self.narrow();
        Self {
            south: self.south - lat,
            north: self.north + lat,
            west: self.west - lon,
            east: self.east + lon,
        }
    }

    /// How much shorter a degree of longitude is than one of latitude.
    fn narrow(&self) -> f64 {
        ((self.south + self.north) / 2.0).to_radians().cos().max(0.05)
    }

    fn size(&self) -> (f64, f64) {
        (
            (self.east - self.west) * self.narrow() * METRES_PER_DEGREE,
            (self.north - self.south) * METRES_PER_DEGREE,
        )
    }

    /// Widens it to what a drawing can show well.
    fn fitting(self, most_high: f64) -> Self {
        let (width, height) = self.size();
        let (wide, high) =
            (width.max(LEAST).max(height * WIDTH / most_high), height.max(LEAST * MIN_HEIGHT / WIDTH));
        let high = high.max(wide * MIN_HEIGHT / WIDTH);
        let (lon, lat) = (
            (wide - width) / 2.0 / METRES_PER_DEGREE / self.narrow(),
            (high - height) / 2.0 / METRES_PER_DEGREE,
        );
        Self {
            south: self.south - lat,
            north: self.north + lat,
            west: self.west - lon,
            east: self.east + lon,
        }
    }

    /// Reads the window that [`Self::code`] wrote.
    pub(super) fn from_code(code: &str) -> Option<Self> {
        let parts: Vec<f64> = code.split(',').filter_map(|p| p.parse().ok()).collect();
        let [south, west, north, east] = parts.as_slice() else { return None };
        let whole = parts.iter().all(|p| p.is_finite() && p.abs() <= 180.0);
        let w = Self { south: *south, west: *west, north: *north, east: *east };
        (whole && w.south <= w.north && w.west <= w.east && w.north.abs() < 89.0).then_some(w)
    }

    /// Writes it for an address: south, west, north, east.
    pub(super) fn code(&self) -> String {
        format!("{:.7},{:.7},{:.7},{:.7}", self.south, self.west, self.north, self.east)
    }

    pub(super) fn holds(&self, (lat, lon): (f64, f64)) -> bool {
        (self.south..=self.north).contains(&lat) && (self.west..=self.east).contains(&lon)
    }
}

/// How an order looks; the worst one stands for those drawn with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    Ended,
    Open,
    Near,
    Late,
}

impl Look {
    pub(super) const ALL: [Self; 4] = [Self::Late, Self::Near, Self::Open, Self::Ended];

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Open => "open",
            Self::Near => "near",
            Self::Late => "overdue",
        }
    }

    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Ended => ("已结束", "ended"),
            Self::Open => ("在办", "open"),
            Self::Near => ("24 小时内到期", "due within 24 h"),
            Self::Late => ("逾期", "overdue"),
        }
    }

    /// Draws the shape at a point.
    pub(super) fn shape(self, x: f64, y: f64) -> Markup {
        let points = |all: &[(f64, f64)]| {
            all.iter().fold(String::new(), |mut out, (dx, dy)| {
                let _ = write!(out, "{:.1},{:.1} ", x + dx, y + dy);
                out
            })
        };
        match self {
            Self::Late => {
                html! { polygon.(self.id()) points=(points(&[(0.0, -8.0), (8.0, 0.0), (0.0, 8.0), (-8.0, 0.0)])) {} }
            }
            Self::Near => {
                html! { polygon.(self.id()) points=(points(&[(0.0, -8.0), (7.5, 6.0), (-7.5, 6.0)])) {} }
            }
            Self::Open => html! { circle.(self.id()) cx=(num(x)) cy=(num(y)) r="6" {} },
            Self::Ended => html! { circle.(self.id()) cx=(num(x)) cy=(num(y)) r="4.5" {} },
        }
    }
}

/// An order on the map.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dot {
    pub(super) id: DocId,
    pub(super) at: (f64, f64),
    pub(super) look: Look,
}

/// A circle with a link.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ring {
    pub(super) at: (f64, f64),
    pub(super) radius_m: f64,
    pub(super) to: String,
    pub(super) title: String,
}

/// Everything that is drawn.
#[derive(Debug, Default)]
pub(super) struct Scene<'a> {
    pub(super) grids: Option<&'a GridSet>,
    pub(super) dots: &'a [Dot],
    pub(super) rings: &'a [Ring],
    /// Address that a grid or a group of orders leads to; what is chosen is added to it.
    pub(super) base: &'a str,
    /// Tile source of the house.
    pub(super) tiles: Option<&'a TileSource>,
    /// Beside other things, so not high.
    pub(super) small: bool,
}

/// Returns the bounds of some grids.
pub(super) fn bounds<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> Option<Window> {
    let corners = cells.into_iter().filter_map(|c| c.shape().bounding_rect());
    let corners = corners.flat_map(|r| [(r.min().y, r.min().x), (r.max().y, r.max().x)]);
    Window::around(corners, 60.0)
}

struct Paper {
    window: Window,
    scale: f64,
    height: f64,
}

impl Paper {
    fn new(window: Window, most_high: f64) -> Self {
        let window = window.fitting(most_high);
        let (width, height) = window.size();
        let scale = WIDTH / width;
        Self { window, scale, height: height * scale }
    }

    fn point(&self, (lat, lon): (f64, f64)) -> (f64, f64) {
        let x = (lon - self.window.west) * self.window.narrow() * METRES_PER_DEGREE * self.scale;
        let y = (self.window.north - lat) * METRES_PER_DEGREE * self.scale;
        (x, y)
    }
}

fn num(n: f64) -> String {
    format!("{n:.1}")
}

/// Draws a window of the town.
pub(super) fn draw(window: Window, scene: &Scene<'_>) -> Markup {
    let paper = Paper::new(window, if scene.small { MIN_HEIGHT } else { MAX_HEIGHT });
    let cells: Vec<&Cell> = scene
        .grids
        .map(|g| g.cells().iter().filter(|c| meets(c, &paper.window)).collect())
        .unwrap_or_default();
    html! {
        div.map.tiled[scene.tiles.is_some()] tabindex="0" {
            svg viewBox={ "0 0 " (num(WIDTH)) " " (num(paper.height)) } role="group" aria-label=(say(("网格与工单地图", "map of grids and orders"))) {
                (tiles(&paper, scene.tiles))
                @for cell in &cells { (outline(&paper, cell, scene.base)) }
                @for ring in scene.rings { (circle(&paper, ring)) }
                @for cell in &cells { (label(&paper, cell)) }
                (dots(&paper, scene))
                (ruler(&paper))
            }
        }
    }
}

fn meets(cell: &Cell, window: &Window) -> bool {
    cell.shape().bounding_rect().is_some_and(|r| {
        r.min().x <= window.east
            && r.max().x >= window.west
            && r.min().y <= window.north
            && r.max().y >= window.south
    })
}

fn outline(paper: &Paper, cell: &Cell, base: &str) -> Markup {
    let mut path = String::new();
    for ring in cell.shape().iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors())) {
        for (i, c) in ring.coords().enumerate() {
            let (x, y) = paper.point((c.y, c.x));
            let _ = write!(path, "{}{x:.1} {y:.1}", if i == 0 { "M" } else { "L" });
        }
        path.push('Z');
    }
    let id = cell.id().to_string();
    html! { a href={ (base) "&grid=" (id) } { path.cell d=(path) { title { (visible(cell.name())) " " (id) } } } }
}

/// Names a grid where its name fits.
fn label(paper: &Paper, cell: &Cell) -> Markup {
    let name = clip(cell.name(), 10);
    let room = cell
        .shape()
        .bounding_rect()
        .map_or(0.0, |r| paper.point((r.min().y, r.max().x)).0 - paper.point((r.min().y, r.min().x)).0);
    let need = name.chars().count() as f64 * 14.5;
    let middle = cell.shape().centroid().map(|c| paper.point((c.y(), c.x())));
    html! { @if let Some((x, y)) = middle.filter(|_| need < room) { text.name x=(num(x)) y=(num(y)) { (visible(&name)) } } }
}

fn circle(paper: &Paper, ring: &Ring) -> Markup {
    let (x, y) = paper.point(ring.at);
    let radius = (ring.radius_m * paper.scale).clamp(14.0, WIDTH);
    html! { a href=(ring.to) { circle.forecast cx=(num(x)) cy=(num(y)) r=(num(radius)) { title { (visible(&ring.title)) } } } }
}

/// Draws the orders; many in one spot as one circle with their number.
fn dots(paper: &Paper, scene: &Scene<'_>) -> Markup {
    let mut spots: BTreeMap<(i64, i64), Vec<&Dot>> = BTreeMap::new();
    for dot in scene.dots.iter().filter(|d| paper.window.holds(d.at)) {
        let (x, y) = paper.point(dot.at);
        // Inside the window: at most a few thousand units.
        #[allow(clippy::cast_possible_truncation)]
        let spot = ((y / TOGETHER).floor() as i64, (x / TOGETHER).floor() as i64);
        spots.entry(spot).or_default().push(dot);
    }
    html! { @for group in spots.values() { @match group.as_slice() {
        [one] => {
            @let (x, y) = paper.point(one.at);
            a href={ "/orders/" (to_hex(&one.id.uuid)) } { g { title { (say(one.look.words())) } (one.look.shape(x, y)) } }
        },
        many => (heap(paper, many, scene.base)),
    } } }
}

fn heap(paper: &Paper, many: &[&Dot], base: &str) -> Markup {
    let count = many.len();
    let look = many.iter().map(|d| d.look).max().unwrap_or(Look::Open);
    let mean = |part: fn(&Dot) -> f64| many.iter().map(|d| part(d)).sum::<f64>() / count as f64;
    let (x, y) = paper.point((mean(|d| d.at.0), mean(|d| d.at.1)));
    let radius = (8.0 + (count as f64).log2() * 1.6).min(24.0);
    let late = many.iter().filter(|d| d.look == Look::Late).count();
    let code = Window::around(many.iter().map(|d| d.at), 3.0).map(|w| w.code()).unwrap_or_default();
    html! {
        a href={ (base) "&box=" (code) } {
            title { (say((format!("{count} 件"), format!("{count} orders")))) @if late > 0 { ", " (say((format!("逾期 {late}"), format!("{late} overdue")))) } }
            circle.heap.(look.id()) cx=(num(x)) cy=(num(y)) r=(num(radius)) {}
            text.number x=(num(x)) y=(num(y)) { (count) @if late > 0 { "!" } }
        }
    }
}

/// A length to compare with: the longest round one that takes a quarter of the width.
fn ruler(paper: &Paper) -> Markup {
    let metres = [50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 50_000.0];
    let longest = metres.into_iter().rev().find(|m| m * paper.scale <= WIDTH / 4.0).unwrap_or(50.0);
    let (y, end) = (paper.height - 14.0, 14.0 + longest * paper.scale);
    let words = if longest < 1_000.0 { format!("{longest} m") } else { format!("{} km", longest / 1_000.0) };
    html! {
        path.ruler d={ "M14 " (num(y - 5.0)) "V" (num(y)) "H" (num(end)) "V" (num(y - 5.0)) } {}
        text.scale x="18" y=(num(y - 5.0)) { (words) }
    }
}

/// Lays the tiles of a house's own source under the drawing, each on its own corners.
fn tiles(paper: &Paper, source: Option<&TileSource>) -> Markup {
    let Some(source) = source else { return html! {} };
    let w = &paper.window;
    let span = (w.east - w.west).max(1e-6);
    let zoom = (WIDTH / 256.0 * 360.0 / span).log2().floor().clamp(0.0, 19.0);
    let n = zoom.exp2();
    let column = |lon: f64| ((lon + 180.0) / 360.0 * n).floor().clamp(0.0, n - 1.0);
    let row = |lat: f64| {
        let lat = lat.clamp(-85.0, 85.0).to_radians();
        ((1.0 - lat.tan().asinh() / std::f64::consts::PI) / 2.0 * n).floor().clamp(0.0, n - 1.0)
    };
    let north = |y: f64| (std::f64::consts::PI * (1.0 - 2.0 * y / n)).sinh().atan().to_degrees();
    // A number of tiles: small and whole.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let (from, to, zoom) = (
        (column(w.west) as u32, row(w.north) as u32),
        (column(w.east) as u32, row(w.south) as u32),
        zoom as u32,
    );
    let many = (to.0 - from.0 + 1).saturating_mul(to.1.saturating_sub(from.1) + 1);
    if many > MAX_TILES {
        return html! {};
    }
    let all = (from.1..=to.1).flat_map(|y| (from.0..=to.0).map(move |x| (x, y)));
    html! { @for (x, y) in all {
        @let west = f64::from(x) / n * 360.0 - 180.0;
        @let (left, top) = paper.point((north(f64::from(y)), west));
        @let (right, bottom) = paper.point((north(f64::from(y) + 1.0), west + 360.0 / n));
        image href=(source.tile(zoom, x, y))
            x=(num(left)) y=(num(top)) width=(num(right - left)) height=(num(bottom - top)) preserveAspectRatio="none" {}
    } }
}

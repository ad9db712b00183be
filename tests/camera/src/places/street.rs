//! A street front: houses with shops, pavement, bicycles, a tree, cables.

use super::Plan;
use crate::shape::{Outline, Surface};

const WALLS: [[i32; 3]; 7] = [
    [168, 84, 62],
    [196, 186, 166],
    [150, 150, 146],
    [206, 172, 120],
    [122, 104, 96],
    [178, 190, 196],
    [214, 206, 192],
];

pub(super) fn draw(plan: &mut Plan) {
    let (wide, high) = (plan.wide, plan.high);
    let ground = plan.part(high, 62, 92);
    let sky = plan.near([150, 180, 214], 40);
    plan.rect(0, 0, wide * 2, high, sky).fade = 30;
    if let Some(sky) = plan.shapes.last_mut() {
        sky.rough = 14;
    }
    let mut x = plan.part(wide, -25, 0);
    while x < wide {
        let broad = plan.part(wide, 18, 75);
        let top = plan.part(high, -10, 34);
        house(plan, x, top, broad, ground);
        x += broad;
    }
    pavement(plan, ground);
    for _ in 0..plan.dice.range(0, 3) {
        let (x, size) = (plan.part(wide, 2, 90), plan.part(high, 6, 13));
        bicycle(plan, x, ground + size / 2, size);
    }
    if plan.dice.chance(60) {
        let x = plan.part(wide, 0, 100);
        let (crown, size) = (plan.part(high, 5, 40), plan.part(wide, 10, 24));
        plan.rect(x - size / 14, crown, size / 7, ground - crown, [74, 58, 44]).rough = 120;
        let color = plan.near([62, 92, 40], 20);
        plan.heap([x, crown], [size, size * 3 / 4], color, 70, 190);
    }
    plan.cables(6, 0, high / 2);
}

fn house(plan: &mut Plan, x: i32, top: i32, broad: i32, ground: i32) {
    let color = plan.dice.pick(&WALLS, [196, 186, 166]);
    let color = plan.near(color, 30);
    let brick = plan.dice.range(5_000, 9_000);
    let surface = match plan.dice.range(0, 3) {
        0 | 1 => Surface::Bricks { width: brick * 3, height: brick, shift: brick * 3 / 2 },
        2 => Surface::Bricks { width: brick * 2, height: brick * 2, shift: 0 },
        _ => Surface::Plain,
    };
    let fade = plan.dice.range(-30, 30);
    let wall = plan.rect(x, top, broad, ground - top, color);
    (wall.surface, wall.fade, wall.rough) = (surface, fade, 80);
    plan.rect(x, top, broad, 7_000, color.map(|c| c / 2));
    let shop = (ground - top) / 100 * plan.dice.range(24, 40);
    let (floor, column) = (plan.part(plan.high, 14, 26), plan.part(plan.wide, 9, 18));
    let mut y = top + floor / 3;
    while y + floor * 3 / 4 < ground - shop {
        let mut u = x + column / 4;
        while u + column * 3 / 4 < x + broad {
            window(plan, u, y, column * 6 / 10, floor * 6 / 10);
            u += column;
        }
        y += floor;
    }
    shops(plan, x, ground - shop, broad, shop);
}

pub(super) fn window(plan: &mut Plan, x: i32, y: i32, wide: i32, high: i32) {
    let frame = plan.near([190, 190, 188], 40);
    let glass = plan.near([52, 66, 78], 30);
    plan.rect(x, y, wide, high, frame);
    let pane = plan.rect(x + wide / 14, y + high / 16, wide * 12 / 14, high * 14 / 16, glass);
    (pane.fade, pane.rough) = (34, 26);
    if plan.dice.chance(50) {
        let cloth = plan.near([170, 140, 120], 60);
        let drawn = wide / 100 * plan.dice.range(15, 60);
        plan.rect(x + wide / 14, y + high / 16, drawn, high * 14 / 16, cloth).surface =
            Surface::Bars(wide / 12);
    }
    plan.rect(x + wide / 2 - wide / 40, y, wide / 20, high, frame);
    if plan.dice.chance(40) {
        let cage = plan.rect(x - wide / 12, y - high / 20, wide * 7 / 6, high * 11 / 10, [96, 98, 100]);
        (cage.surface, cage.cover) = (Surface::Bars(wide / 9), 90);
    }
    if plan.dice.chance(35) {
        let unit = plan.near([206, 206, 200], 20);
        let (u, v) = (x + wide / 8, y + high * 11 / 10);
        plan.rect(u, v, wide / 2, high / 4, unit).surface = Surface::Slats(high / 24);
        plan.oval(u + wide / 4, v + high / 8, high / 11, high / 11, [70, 72, 74]);
    }
}

fn shops(plan: &mut Plan, x: i32, y: i32, broad: i32, high: i32) {
    let mut u = x + broad / 40;
    while u < x + broad * 9 / 10 {
        let wide = plan.part(plan.wide, 12, 26).min(x + broad - u);
        let board = high / 4;
        plan.rect(u, y + board, wide * 19 / 20, high - board, [60, 58, 56]);
        if plan.dice.chance(55) {
            let metal = plan.near([150, 152, 156], 40);
            let shutter = plan.rect(u + wide / 30, y + board, wide * 17 / 20, high - board, metal);
            shutter.surface = Surface::Slats(high / 26);
        } else {
            let inside = plan.near([92, 84, 70], 40);
            plan.rect(u + wide / 30, y + board, wide * 17 / 20, high - board, inside).fade = -30;
            for shelf in 1..4 {
                let goods = plan.near([160, 110, 80], 70);
                let down = y + board + high / 6 * shelf;
                let line = plan.rect(u + wide / 12, down, wide * 6 / 10, high / 9, goods);
                (line.surface, line.rough) = (Surface::Writing { cell: high / 9, ink: 60 }, 110);
            }
            let frame = plan.near([170, 172, 176], 20);
            plan.rect(u + wide * 6 / 10, y + board, wide / 40, high - board, frame);
        }
        plan.sign(u + wide / 40, y + board / 8, wide * 18 / 20, board * 3 / 4);
        u += wide;
    }
}

fn pavement(plan: &mut Plan, ground: i32) {
    let (wide, high) = (plan.wide, plan.high);
    let color = plan.near([140, 134, 126], 30);
    let tile = plan.dice.range(14_000, 30_000);
    let walk = plan.rect(0, ground, wide * 2, high - ground, color);
    (walk.surface, walk.rough, walk.fade) =
        (Surface::Bricks { width: tile * 2, height: tile, shift: tile }, 110, -20);
    let kerb = ground + (high - ground) / 3;
    plan.rect(0, kerb, wide * 2, high / 60, [176, 174, 168]);
    let road = plan.near([84, 86, 90], 14);
    plan.rect(0, kerb + high / 60, wide * 2, high, road).rough = 150;
    if plan.dice.chance(50) {
        for stripe in 0..8 {
            let x = wide / 7 * stripe;
            let y = [kerb + high / 24, high * 11 / 10];
            plan.add(
                Outline::Quad { y, left: [x, x - wide / 12], right: [x + wide / 15, x + wide / 60] },
                [206, 206, 200],
            )
            .rough = 110;
        }
    }
}

fn bicycle(plan: &mut Plan, x: i32, y: i32, size: i32) {
    let color = plan.near([150, 60, 50], 60);
    for wheel in [x, x + size * 2] {
        plan.oval(wheel, y, size * 6 / 10, size * 6 / 10, [26, 26, 28]);
        plan.oval(wheel, y, size * 4 / 10, size * 4 / 10, [120, 120, 118]);
    }
    let body = Outline::Quad {
        y: [y - size * 7 / 10, y],
        left: [x - size / 5, x + size / 2],
        right: [x + size, x + size * 2],
    };
    plan.add(body, color).rough = 26;
    plan.rect(x + size * 17 / 10, y - size * 12 / 10, size / 8, size * 12 / 10, color);
    plan.rect(x - size / 5, y - size * 9 / 10, size * 9 / 10, size / 5, [30, 30, 32]);
}

//! A yard: a wall with a gate, bins, rubble, a notice board, plants, puddles.

use super::Plan;
use super::street::window;
use crate::shape::Surface;

pub(super) fn draw(plan: &mut Plan) {
    let (wide, high) = (plan.wide, plan.high);
    let ground = plan.part(high, 48, 80);
    let top = plan.part(high, -10, 22);
    let sky = plan.near([176, 190, 204], 40);
    plan.rect(0, 0, wide * 2, high, sky).rough = 14;
    let wall = plan.near([160, 120, 100], 50);
    let brick = plan.dice.range(7_000, 15_000);
    let back = plan.rect(0, top, wide * 2, ground - top, wall);
    (back.surface, back.fade, back.rough) =
        (Surface::Bricks { width: brick * 5 / 2, height: brick, shift: brick }, -24, 110);
    // Plaster that still holds.
    for _ in 0..plan.dice.range(1, 4) {
        let (x, y) = (plan.part(wide, -10, 80), top + plan.part(high, 0, 20));
        let (w, h) = (plan.part(wide, 12, 50), plan.part(high, 10, 34));
        let color = plan.near([200, 192, 176], 24);
        plan.rect(x, y, w, h.min(ground - y), color).rough = 90;
    }
    for _ in 0..plan.dice.range(0, 2) {
        let (x, y) = (plan.part(wide, 4, 80), top + plan.part(high, 4, 16));
        let (w, h) = (plan.part(wide, 12, 18), plan.part(high, 14, 24));
        window(plan, x, y, w, h);
    }
    let earth = plan.near([128, 120, 108], 34);
    let floor = plan.rect(0, ground, wide * 2, high, earth);
    (floor.rough, floor.fade) = (180, -20);
    if plan.dice.chance(60) {
        let (x, w) = (plan.part(wide, 0, 70), plan.part(wide, 18, 34));
        let h = plan.part(high, 30, 46);
        let color = plan.near([60, 84, 110], 40);
        plan.rect(x - w / 20, ground - h - w / 20, w * 11 / 10, h + w / 20, [54, 52, 50]);
        let gate = plan.rect(x, ground - h, w, h, color);
        (gate.surface, gate.fade) = (Surface::Bars(w / 9), -20);
    }
    if plan.dice.chance(70) {
        let (x, y) = (plan.part(wide, 4, 70), top + plan.part(high, 6, 20));
        let (w, h) = (plan.part(wide, 18, 34), plan.part(high, 10, 22));
        plan.sign(x, y, w, h);
    }
    for _ in 0..plan.dice.range(1, 4) {
        let (x, h) = (plan.part(wide, 2, 86), plan.part(high, 14, 26));
        bin(plan, x, ground + h / 5, h);
    }
    for _ in 0..plan.dice.range(1, 3) {
        let (x, y) = (plan.part(wide, 5, 95), plan.part(high, 74, 96));
        let (w, h) = (plan.part(wide, 8, 26), plan.part(high, 4, 12));
        let color = plan.dice.pick(&[[150, 140, 128], [64, 90, 44], [110, 74, 58]], [150, 140, 128]);
        let many = plan.dice.range(40, 110);
        plan.heap([x, y], [w, h], color, many, 170);
    }
    if plan.dice.chance(40) {
        let (x, y) = (plan.part(wide, 20, 80), plan.part(high, 86, 96));
        let (w, h) = (plan.part(wide, 8, 22), plan.part(high, 2, 6));
        plan.oval(x, y, w, h, [150, 166, 184]).rough = 10;
    }
    plan.cables(4, 0, ground);
}

fn bin(plan: &mut Plan, x: i32, foot: i32, high: i32) {
    let color = plan.dice.pick(&[[36, 84, 150], [40, 110, 66], [150, 44, 40], [96, 98, 100]], [96, 98, 100]);
    let color = plan.near(color, 16);
    let wide = high * 6 / 10;
    plan.oval(x + wide / 2, foot, wide * 7 / 10, high / 16, [40, 38, 36]).cover = 150;
    let body = plan.rect(x, foot - high, wide, high, color);
    (body.fade, body.rough) = (-26, 30);
    plan.rect(x - wide / 14, foot - high, wide * 8 / 7, high / 9, color.map(|c| c * 2 / 3));
    plan.sign(x + wide / 5, foot - high * 6 / 10, wide * 3 / 5, high / 4);
}

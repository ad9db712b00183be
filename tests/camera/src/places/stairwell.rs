//! A stairwell: two-coloured walls, steps with a rail, a flat's door, meters, pipes, notices.

use super::Plan;
use super::street::window;
use crate::shape::{Outline, Surface};

const DADO: [[i32; 3]; 4] = [[70, 118, 96], [86, 116, 150], [146, 150, 146], [150, 112, 84]];

pub(super) fn draw(plan: &mut Plan) {
    let (wide, high) = (plan.wide, plan.high);
    let wall = plan.near([208, 202, 186], 34);
    let back = plan.rect(0, 0, wide * 2, high * 2, wall);
    (back.fade, back.rough) = (-60, 90);
    let dado = plan.dice.pick(&DADO, [70, 118, 96]);
    let dado = plan.near(dado, 26);
    let line = plan.part(high, 30, 68);
    let lower = plan.rect(0, line, wide * 2, high, dado);
    (lower.fade, lower.rough) = (-20, 90);
    if plan.dice.chance(55) {
        let (x, y) = (plan.part(wide, 5, 75), plan.part(high, 2, 20));
        let (w, h) = (plan.part(wide, 16, 30), plan.part(high, 24, 42));
        window(plan, x, y, w, h);
        plan.rect(x + w / 14, y + h / 16, w * 12 / 14, h * 14 / 16, [236, 242, 250]).cover = 170;
    }
    let floor = plan.part(high, 84, 96);
    let ground = plan.near([120, 114, 106], 26);
    plan.rect(0, floor, wide * 2, high, ground).rough = 150;
    for _ in 0..plan.dice.range(1, 2) {
        let x = plan.part(wide, 0, 78);
        door(plan, x, floor);
    }
    for _ in 0..plan.dice.range(1, 4) {
        let (x, thick) = (plan.part(wide, 2, 98), plan.part(wide, 1, 3));
        let color = plan.near([176, 170, 150], 40);
        plan.rect(x, 0, thick, floor, color).rough = 30;
        plan.rect(x + thick * 2 / 3, 0, thick / 3, floor, color.map(|c| c * 2 / 3)).rough = 30;
    }
    meters(plan);
    for _ in 0..plan.dice.range(4, 16) {
        let (x, y) = (plan.part(wide, 2, 96), plan.part(high, 20, 80));
        let size = plan.part(wide, 2, 6);
        plan.sign(x, y, size, size * 2 / 3);
    }
    if plan.dice.chance(75) {
        steps(plan);
    }
    plan.cables(5, 0, line);
}

fn door(plan: &mut Plan, x: i32, floor: i32) {
    let (wide, high) = (plan.part(plan.wide, 15, 24), plan.part(plan.high, 48, 66));
    let y = floor - high;
    let color = plan.near([104, 52, 40], 34);
    plan.rect(x - wide / 12, y - wide / 12, wide * 7 / 6, high + wide / 12, [64, 62, 60]);
    plan.rect(x, y, wide, high, color).fade = -16;
    for (u, v) in [(1, 1), (6, 1), (1, 6), (6, 6)] {
        let panel = color.map(|c| c * 3 / 4);
        plan.rect(x + wide * u / 12, y + high * v / 12, wide * 5 / 14, high * 4 / 12, panel).fade = 20;
    }
    plan.oval(x + wide * 11 / 12, y + high / 2, wide / 26, wide / 26, [190, 176, 120]);
    // Spring couplets: beside the door and above it.
    for side in [x - wide / 4, x + wide * 11 / 10] {
        let red = plan.near([190, 30, 34], 14);
        plan.rect(side, y, wide / 7, high * 3 / 4, red).surface =
            Surface::Writing { cell: wide / 7, ink: 90 };
    }
    plan.rect(x, y - wide / 4, wide, wide / 7, [188, 32, 34]).surface =
        Surface::Writing { cell: wide / 7, ink: 90 };
}

fn meters(plan: &mut Plan) {
    let (x, y) = (plan.part(plan.wide, 4, 80), plan.part(plan.high, 8, 40));
    let (size, color) = (plan.part(plan.wide, 6, 11), plan.near([150, 154, 152], 26));
    let (columns, lines) = (plan.dice.range(1, 3), plan.dice.range(1, 3));
    for (i, j) in (0..columns).flat_map(|i| (0..lines).map(move |j| (i, j))) {
        let (u, v) = (x + i * size, y + j * size);
        plan.rect(u, v, size * 9 / 10, size * 9 / 10, color.map(|c| c / 2));
        plan.rect(u + size / 30, v + size / 30, size * 8 / 10, size * 8 / 10, color).fade = -16;
        plan.rect(u + size / 5, v + size / 6, size / 2, size / 4, [28, 34, 32]);
    }
}

fn steps(plan: &mut Plan) {
    let (wide, high) = (plan.wide, plan.high);
    let many = plan.dice.range(7, 12);
    let (from, to) = (plan.part(wide, -10, 30), plan.part(wide, 75, 130));
    let top = plan.part(high, 30, 60);
    let (run, rise) = ((to - from) / many, (high - top) / many);
    let color = plan.near([146, 140, 130], 26);
    for step in 0..many {
        let (x, y) = (from + run * step, high - rise * (step + 1));
        let side = plan.rect(x, y, to * 2 - x, high - y, color.map(|c| c * 2 / 3));
        side.rough = 110;
        let tread = plan.add(
            Outline::Quad { y: [y - rise / 3, y], left: [x + run / 3, x], right: [x + run * 2, x + run * 2] },
            color.map(|c| (c + 40).min(240)),
        );
        tread.rough = 100;
        plan.rect(x, y, run * 2, rise / 8, color.map(|c| c / 3));
    }
    let metal = plan.near([74, 84, 92], 24);
    let tall = high / 6;
    for step in 0..many {
        let (x, y) = (from + run * step + run / 2, high - rise * (step + 1));
        plan.rect(x, y - tall, run / 16, tall, metal);
    }
    let rail = Outline::Quad {
        y: [top - tall, high - tall],
        left: [to - run / 4, from - run / 4],
        right: [to + run / 4, from + run / 4],
    };
    plan.add(rail, [110, 62, 40]).rough = 30;
}

//! Many phones pushing one visit at a time.

use crate::{child, hq, phone, process};
use lanewalk_field::{Field, HttpTransport, NewVisit, Trust};
use serde_json::json;
use std::{path::Path, time::Instant};
use support::{dice::Dice, words};

/// Pushes of each phone.
const PUSHES: usize = 60;

/// Enrols phones and lets all of them push at once.
pub(crate) fn run(dir: &str, url: &str) {
    let dir = Path::new(dir);
    let mut phones: Vec<Field> = Vec::new();
    child::answer(|question| {
        let wire = HttpTransport::new(url, &Trust::Public).unwrap();
        if let Some(invitations) = question["invitations"].as_array() {
            for (text, i) in invitations.iter().zip(1_u8..) {
                let field = phone::open(&dir.join(i.to_string()), i);
                field.enrol(text.as_str().unwrap(), &wire).unwrap();
                phones.push(field);
            }
            return json!({});
        }
        for field in &phones {
            field.sync(&wire).unwrap();
        }
        let (cpu, start) = (process::cpu_ms(), Instant::now());
        let mut times: Vec<f64> = std::thread::scope(|scope| {
            let running: Vec<_> =
                phones.iter().zip(0..).map(|(field, i)| scope.spawn(move || push(field, url, i))).collect();
            running.into_iter().flat_map(|t| t.join().unwrap()).collect()
        });
        let seconds = start.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "a count")]
        let per_s = (times.len() as f64 / seconds).round();
        json!({
            "cpu_ms": process::cpu_ms() - cpu, "pushes": times.len(), "phones": phones.len(), "per_s": per_s,
            "p50": process::percentile(&mut times, 50), "p99": process::percentile(&mut times, 99),
        })
    });
}

fn push(field: &Field, url: &str, seed: u64) -> Vec<f64> {
    let wire = HttpTransport::new(url, &Trust::Public).unwrap();
    let mut dice = Dice::new(seed, 5);
    (0..PUSHES)
        .map(|_| {
            let visit = NewVisit {
                grid: Some(hq::GRID.into()),
                kind: "patrol".into(),
                notes: words::sentence(&mut dice),
                ..NewVisit::default()
            };
            field.record_visit(visit).unwrap();
            let start = Instant::now();
            field.sync(&wire).unwrap();
            process::ms(start.elapsed())
        })
        .collect()
}

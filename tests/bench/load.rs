//! Many phones pushing one visit at a time.

use crate::{child, hq, phone, process};
use lanewalk_field::{Field, HttpTransport, NewVisit};
use serde_json::json;
use std::{path::Path, time::Instant};
use support::{dice::Dice, words};

/// Pushes of each phone.
const PUSHES: usize = 60;

/// Enrols phones and lets all of them push at once.
pub(crate) fn run(dir: &str, url: &str) {
    let dir = Path::new(dir);
    child::answer(|question| {
        let invitations: Vec<&str> =
            question["invitations"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        let phones: Vec<Field> = invitations
            .iter()
            .zip(1_u8..)
            .map(|(text, i)| {
                let field = phone::open(&dir.join(i.to_string()), i);
                field.enrol(text, &HttpTransport::new(url, None).unwrap()).unwrap();
                field.sync(&HttpTransport::new(url, None).unwrap()).unwrap();
                field
            })
            .collect();
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
    let wire = HttpTransport::new(url, None).unwrap();
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

//! Any order of parts, cuts, repeats, restarts, on two devices: the same bytes and one file.

use crate::device::{Device, EAST, Town, bytes, file_of, files, record};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    /// So many bytes from where headquarters says it stands.
    Part(usize),
    /// A part of which only so many bytes arrive.
    Cut(usize, usize),
    /// A part at any offset, right or wrong.
    Anywhere(u64, usize),
    /// The last part again.
    Again,
    Look,
    Create(usize),
    Delete,
    Restart,
}

fn step() -> impl Strategy<Value = (bool, Step)> {
    let step = prop_oneof![
        6 => (1_usize..3_000).prop_map(Step::Part),
        4 => (1_usize..3_000, 0_usize..3_000).prop_map(|(n, at)| Step::Cut(n, at)),
        2 => (0_u64..9_000, 0_usize..3_000).prop_map(|(at, n)| Step::Anywhere(at, n)),
        2 => Just(Step::Again),
        2 => Just(Step::Look),
        2 => (0_usize..2_000).prop_map(Step::Create),
        1 => Just(Step::Delete),
        1 => Just(Step::Restart),
    ];
    (any::<bool>(), step)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_on_the_way_the_file_arrives_whole(
        length in 1_usize..9_000,
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut town = Town::new();
        let content = bytes(length as u64, length);
        let file = file_of(&content);
        for who in ["gw-01", "gw-02"] {
            town.visit(who, EAST, &[record(file, None, None)]);
        }
        let mut devices = [Device::enrol(&mut town, "gw-01", 1), Device::enrol(&mut town, "gw-02", 2)];
        let mut ids = [None, None];
        let mut last = [(0_u64, Vec::new()), (0, Vec::new())];
        let mut arrived = false;
        for (second, step) in steps {
            let who = usize::from(second);
            let (device, id) = (&mut devices[who], &mut ids[who]);
            if id.is_none() {
                *id = Some(device.create(&mut town, file, &[]).up().id);
            }
            let upload = id.unwrap();
            let looked = device.head(&mut town, upload);
            let Some(at) = looked.upload.as_ref().map(|u| u.offset) else {
                prop_assert_eq!(looked.status, 410);
                *id = None;
                continue;
            };
            let here = at.min(length as u64) as usize;
            // Prefix of the content, always.
            if let Ok(on_disk) = std::fs::read(town.folder().join("incoming").join(upload.to_string())) {
                prop_assert_eq!(&on_disk[..], &content[..on_disk.len()]);
            }
            let part = |n: usize| content[here..content.len().min(here + n)].to_vec();
            let answer = match step {
                Step::Part(n) => {
                    last[who] = (at, part(n));
                    Some(device.patch(&mut town, upload, at, &part(n)))
                }
                Step::Cut(n, cut) => {
                    let mut request = device.patch_request(upload, at, &part(n));
                    request.body.truncate(cut);
                    let brought = if looked.up().receipt.is_some() { 0 } else { request.body.len() as u64 };
                    town.hq().handle_cut(&request);
                    let now = device.head(&mut town, upload);
                    prop_assert_eq!(now.up().offset, at + brought);
                    Some(now)
                }
                Step::Anywhere(at, n) => {
                    let from = (at as usize).min(length);
                    let body = content[from..length.min(from + n)].to_vec();
                    Some(device.patch(&mut town, upload, at, &body))
                }
                Step::Again => {
                    let (at, body) = last[who].clone();
                    Some(device.patch(&mut town, upload, at, &body))
                }
                Step::Look => None,
                Step::Create(n) => Some(device.create(&mut town, file, &content[..n.min(length)])),
                Step::Delete => Some(device.delete(&mut town, upload)),
                Step::Restart => {
                    town.open(0);
                    None
                }
            };
            if let Some(answer) = answer {
                arrived |= answer.upload.is_some_and(|u| u.receipt.is_some());
            }
            prop_assert_eq!(town.count("SELECT count(*) FROM files"), i64::from(arrived || looked.up().receipt.is_some()));
        }
        for device in &mut devices {
            let receipt = device.bring(&mut town, &content).receipt().clone();
            prop_assert_eq!((receipt.file(), receipt.index, receipt.device), (file, 1, device.id));
            prop_assert!(receipt.verify(&device.hq_key).is_ok());
        }
        let kept = files(&town.folder());
        prop_assert_eq!(kept.len(), 1);
        prop_assert_eq!(std::fs::read(&kept[0].0).unwrap(), content);
    }
}

/// Every offset of a small file: two parts that meet there make it whole, and neither fits elsewhere.
#[test]
fn every_offset_joins_exactly() {
    let mut town = Town::new();
    let mut device = Device::enrol(&mut town, "gw-01", 1);
    for at in 0..=40_u64 {
        let content = bytes(1_000 + at, 40);
        town.visit("gw-01", EAST, &[record(file_of(&content), None, None)]);
        let id = device.create(&mut town, file_of(&content), &[]).up().id;
        let (left, right) = content.split_at(at as usize);
        for wrong in (1..=41).filter(|o| *o != at) {
            let answer = device.patch(&mut town, id, wrong, right);
            assert!(matches!(answer.refusal(), (409, "wrong_offset") | (413, "too_large")), "{at} {wrong}");
        }
        let first = device.patch(&mut town, id, 0, left);
        if at < 40 {
            assert_eq!(first.up().offset, at);
            assert_eq!(device.patch(&mut town, id, at, right).receipt().bytes, 40);
        } else {
            assert_eq!(first.receipt().bytes, 40);
        }
    }
}

//! THE CHECK: was anything lost, is everything the same, is anything where it must not be.
//!
//! Invariant: looks at the files themselves, headquarters' log read-only and each phone's database
//! with its key, and believes no counter. Rejected: asking the programs that might be wrong.

use super::{child::Stand, phones::DemoPhone, town::Town};
use crate::{phone::keys, words::Failure};
use lanewalk_model::{
    id::{DeviceId, DocId, Hash},
    photo::FileRef,
    staff::Role,
};
use lanewalk_protocol::{keys::PublicKey, receipt::Receipt};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, types::ValueRef};
use std::{collections::BTreeMap, path::Path};

/// One check and what it found wrong.
pub(super) struct Check {
    /// What was looked at, in Chinese and English.
    pub(super) what: String,
    /// What is wrong; empty when all is well.
    pub(super) wrong: Vec<String>,
}

/// What the phones' receipts amount to.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    /// Receipts held by each phone, in the phones' order.
    pub(super) held: Vec<u64>,
}

/// Runs every check. The phones must be switched off.
pub(super) fn run(
    town: &Town,
    phones: &[DemoPhone],
    stands: &[Stand],
) -> Result<(Vec<Check>, Receipts), Failure> {
    let hq = town.reader()?;
    let mut receipts = Receipts::default();
    let mut bad_receipts = Vec::new();
    for phone in phones {
        let db = open_phone(&phone.data)?;
        let (held, wrong) = check_receipts(&db, &town.key)?;
        receipts.held.push(held);
        bad_receipts.extend(wrong.into_iter().map(|w| format!("{}: {w}", phone.worker)));
    }
    let saved: usize = phones.iter().map(|p| p.saved.len()).sum();
    let held: u64 = receipts.held.iter().sum();
    let pictures: usize = stands.iter().map(|s| s.photos.iter().filter(|p| !p.refused).count()).sum();
    let checks = vec![
        Check {
            what: format!("手机说过“已保存”的 {saved} 条全部在指挥中心的日志里 / every one of {saved} saved acts is in headquarters' log"),
            wrong: missing(&hq, phones)?,
        },
        Check {
            what: format!("{held} 张回执签名有效，覆盖每部手机的每一条 / {held} receipts verify and cover every entry of every phone"),
            wrong: bad_receipts,
        },
        Check {
            what: format!("{pictures} 张照片的三种文件都在指挥中心，逐字节相同 / all three files of {pictures} photos are at headquarters, byte for byte"),
            wrong: missing_files(town, stands)?,
        },
        Check { what: "没有未发出的内容 / nothing is left unsent".into(), wrong: unsent(phones, stands) },
        Check {
            what: "每部手机上的每份文档与指挥中心相同，不多不少 / every document on every phone equals headquarters', none missing, none too many".into(),
            wrong: differences(town, &hq, phones, stands)?,
        },
        Check {
            what: "物业手机里没有来电人的姓名和电话 / property managers' phones hold no requester's name or phone".into(),
            wrong: identities(&hq, phones)?,
        },
        Check { what: "手机数据库都是密文 / phones' files are encrypted".into(), wrong: plain_files(phones)? },
    ];
    Ok((checks, receipts))
}

fn missing(hq: &Connection, phones: &[DemoPhone]) -> Result<Vec<String>, Failure> {
    let mut find = hq.prepare("SELECT 1 FROM log WHERE hash = ?1")?;
    let mut wrong = Vec::new();
    for phone in phones {
        for (hash, what) in &phone.saved {
            if find.query_row([hash.0], |_| Ok(())).optional()?.is_none() {
                wrong.push(format!("{} {what} {hash}", phone.worker));
            }
        }
    }
    Ok(wrong)
}

/// Reads every file of every photo from headquarters' folder and takes its hash again.
fn missing_files(town: &Town, stands: &[Stand]) -> Result<Vec<String>, Failure> {
    let folder = town.data.join("photos");
    let mut wrong = Vec::new();
    for photo in stands.iter().flat_map(|s| &s.photos).filter(|p| !p.refused) {
        for (part, file, acknowledged) in &photo.parts {
            let name = file.sha256.to_string();
            let path = folder.join(name.get(..2).unwrap_or_default()).join(&name);
            match std::fs::read(&path) {
                Ok(bytes) if FileRef::of(&bytes) == *file && *acknowledged => {}
                Ok(bytes) if FileRef::of(&bytes) == *file => {
                    wrong.push(format!("没有回执 / no receipt: {} {part}", photo.id));
                }
                Ok(_) => wrong.push(format!("不同 / differs: {} {part}", photo.id)),
                Err(_) => wrong.push(format!("缺 / missing: {} {part}", photo.id)),
            }
        }
    }
    if stands.iter().all(|s| s.photos.is_empty()) {
        wrong.push("没有照片可查 / no photo to look for".into());
    }
    Ok(wrong)
}

/// Opens a phone's database as its owner could.
fn open_phone(data: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(data.join("lanewalk.db"), flags)?;
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"", keys::store_hex(data)?))?;
    db.pragma_update(None, "query_only", "ON")?;
    Ok(db)
}

/// Verifies a phone's receipts against its entries: signature, head, and that each entry is covered.
fn check_receipts(db: &Connection, hq: &PublicKey) -> Result<(u64, Vec<String>), Failure> {
    let mut statement = db.prepare("SELECT seq, hash FROM entries ORDER BY seq")?;
    let entries: BTreeMap<u64, Vec<u8>> =
        statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut uncovered = entries.clone();
    let mut statement = db.prepare("SELECT receipt FROM receipts ORDER BY first_seq")?;
    let blobs = statement.query_map([], |r| r.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut wrong = Vec::new();
    for blob in &blobs {
        let Ok(receipt) = minicbor::decode::<Receipt>(blob) else {
            wrong.push("回执无法读取 / a receipt that cannot be read".into());
            continue;
        };
        let head = entries.get(&receipt.last_seq).is_none_or(|h| *h == receipt.head.0);
        if receipt.verify(hq).is_err() || !head {
            wrong.push(format!("回执无效 / receipt not valid: {}–{}", receipt.first_seq, receipt.last_seq));
            continue;
        }
        uncovered.retain(|seq, _| !(receipt.first_seq..=receipt.last_seq).contains(seq));
    }
    wrong.extend(uncovered.keys().map(|seq| format!("没有回执 / no receipt for entry {seq}")));
    Ok((u64::try_from(blobs.len()).unwrap_or(u64::MAX), wrong))
}

fn unsent(phones: &[DemoPhone], stands: &[Stand]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (phone, stand) in phones.iter().zip(stands) {
        if stand.pending > 0 {
            wrong.push(format!("{}: {} 条未发 / unsent", phone.worker, stand.pending));
        }
        wrong.extend(stand.problems.iter().map(|p| format!("{}: {p}", phone.worker)));
    }
    wrong
}

/// Compares each phone with what headquarters says it holds.
fn differences(
    town: &Town,
    hq: &Connection,
    phones: &[DemoPhone],
    stands: &[Stand],
) -> Result<Vec<String>, Failure> {
    let truth: BTreeMap<String, Vec<Hash>> =
        town.documents()?.into_iter().map(|(id, _, heads)| (id.to_string(), heads)).collect();
    let mut wrong = Vec::new();
    for (phone, stand) in phones.iter().zip(stands) {
        let device: DeviceId = stand.device.parse().map_err(|_| Failure::new("device id"))?;
        let mut statement = hq.prepare(
            "SELECT d.id FROM members m JOIN docs d ON d.n = m.doc JOIN devices v ON v.n = m.device WHERE v.id = ?1 AND m.token >= 0",
        )?;
        let members =
            statement.query_map([device.0], |r| r.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
        for id in members.iter().filter_map(|b| DocId::from_slice(b).ok()).map(|id| id.to_string()) {
            if !stand.heads.contains_key(&id) {
                wrong.push(format!("{}: 缺 / missing {id}", phone.worker));
            }
        }
        if members.len() < stand.heads.len() {
            let extra = stand.heads.len() - members.len();
            wrong.push(format!("{}: 多出 {extra} 份 / {extra} documents too many", phone.worker));
        }
        for (id, heads) in &stand.heads {
            if truth.get(id) != Some(heads) {
                wrong.push(format!("{}: 不同 / differs {id}", phone.worker));
            }
        }
    }
    Ok(wrong)
}

/// Looks for every requester's name and phone in every value of every table.
fn identities(hq: &Connection, phones: &[DemoPhone]) -> Result<Vec<String>, Failure> {
    let mut statement = hq.prepare("SELECT name, phone FROM requesters")?;
    let rows = statement.query_map([], |r| Ok([r.get::<_, String>(0)?, r.get::<_, String>(1)?]))?;
    let wanted: Vec<String> =
        rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().filter(|w| !w.is_empty()).collect();
    let mut wrong = Vec::new();
    if wanted.is_empty() {
        wrong.push("没有可供查找的来电人 / no requester to look for".into());
    }
    for phone in phones.iter().filter(|p| p.role == Role::PropertyStaff) {
        let db = open_phone(&phone.data)?;
        let tables = db
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?
            .query_map([], |r| r.get::<_, String>(0))?
            .collect::<Result<Vec<_>, _>>()?;
        for table in tables {
            let mut statement = db.prepare(&format!("SELECT * FROM \"{table}\""))?;
            let columns = statement.column_count();
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                for column in 0..columns {
                    let bytes = match row.get_ref(column)? {
                        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
                        _ => continue,
                    };
                    let hit = wanted.iter().find(|w| bytes.windows(w.len()).any(|part| part == w.as_bytes()));
                    wrong.extend(hit.map(|_| format!("{}: {table}", phone.worker)));
                }
            }
        }
    }
    Ok(wrong)
}

fn plain_files(phones: &[DemoPhone]) -> Result<Vec<String>, Failure> {
    let mut wrong = Vec::new();
    for phone in phones {
        let bytes = std::fs::read(phone.data.join("lanewalk.db"))?;
        if bytes.starts_with(b"SQLite format 3") {
            wrong.push(format!("{}: 明文 / plain", phone.worker));
        }
        for folder in ["photos", "camera"] {
            for entry in std::fs::read_dir(phone.data.join(folder))? {
                let path = entry?.path();
                let bytes = std::fs::read(&path)?;
                if folder == "camera" || bytes.starts_with(&[0xff, 0xd8]) || bytes.starts_with(b"\x89PNG") {
                    wrong.push(format!("{}: 明文照片 / a plain photo: {folder}", phone.worker));
                }
            }
        }
    }
    Ok(wrong)
}

//! What the entries say: words, photos, what came in from outside.

use super::{Broken, Commitment, PhotoFound, Said, Unproven, chains::Proven};
use crate::records::{Evidence, Original};
use lanewalk_model::{
    chunk::{self, OpAction, OpFacts, Scalar},
    id::{Hash, from_hex},
    photo::{FileRef, PhotoRecord},
    schema::DocKind,
};
use lanewalk_protocol::{
    commitment::{SALT_LEN, commit},
    limits,
};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};

pub(super) struct Read {
    pub(super) entries: Vec<Said>,
    pub(super) photos: Vec<PhotoFound>,
    pub(super) commitments: Vec<Commitment>,
}

/// Reads what proven entries say and checks what they refer to.
pub(super) fn read(
    evidence: &Evidence,
    proven: &[Proven<'_>],
    files: &HashMap<String, FileRef>,
    unproven: &mut Vec<Unproven>,
) -> Result<Read, Broken> {
    let listed: HashMap<Hash, &crate::records::Photo> =
        evidence.photos.iter().map(|p| (p.file.sha256, p)).collect();
    let mut originals: HashMap<Hash, &Original> = HashMap::new();
    for original in &evidence.originals {
        let salt: [u8; SALT_LEN] = original.salt.0.as_slice().try_into().map_err(|_| Broken::Original)?;
        let sha256: [u8; 32] = Sha256::digest(&original.bytes.0).into();
        originals.insert(commit(&salt, &sha256), original);
    }
    let workers: HashMap<_, _> = evidence.devices.iter().map(|d| (d.id, d.worker.as_str())).collect();
    let mut out = Read { entries: Vec::new(), photos: Vec::new(), commitments: Vec::new() };
    let mut changes: HashSet<Hash> = HashSet::new();
    let (mut named, mut used): (HashSet<Hash>, HashSet<Hash>) = (HashSet::new(), HashSet::new());
    for Proven { entry, header, hash } in proven {
        let index = entry.index;
        let mut said = Said {
            index,
            doc: header.doc,
            device: header.device,
            seq: header.seq,
            hash: *hash,
            author: String::new(),
            wall_ms: header.wall_ms,
            after_ms: header.anchor.map(|a| a.hq_time),
            hq_time: entry.hq_time,
            effective_at: entry.effective_at,
            trust: entry.trust.clone(),
            refused: entry.refused.clone(),
            written: Vec::new(),
        };
        let facts = match chunk::read_change(&entry.change.0, &limits::HQ_CHANGE) {
            Ok(facts) => facts,
            // What was kept outside the documents may be anything; headquarters kept it all the same.
            Err(_) if entry.refused.is_some() => {
                unproven.push(Unproven::Unreadable { index });
                out.entries.push(said);
                continue;
            }
            Err(_) => return Err(Broken::Entry { index, what: "content" }),
        };
        said.author = facts.message.clone().unwrap_or_default();
        let worker = workers.get(&header.device).copied().unwrap_or_default();
        if entry.refused.is_none() {
            // The gate lets nobody write under another name; headquarters' own chain names who decided.
            if worker != "hq" && said.author != worker {
                return Err(Broken::Entry { index, what: "author" });
            }
            for dep in facts.deps.iter().map(|d| Hash(*d)).filter(|d| !changes.contains(d)) {
                unproven.push(Unproven::MissingBefore { index, change: dep });
            }
            changes.insert(Hash(facts.hash));
        }
        for op in &facts.ops {
            said.written.push((op.key.clone(), value(op)));
            let Some(text) = text(op) else { continue };
            match (header.doc.kind, op.key.split('/').next().unwrap_or_default()) {
                (DocKind::Visit, "photo") => {
                    for (part, file) in photo(text) {
                        named.insert(file.sha256);
                        let listed = listed.get(&file.sha256).filter(|l| l.file == file);
                        let listed = listed.ok_or_else(|| Broken::NotListed(file.sha256.to_string()))?;
                        let there = listed.name.as_ref().map(|name| files.get(name) == Some(&file));
                        match (there, listed.absent) {
                            (Some(true), None) | (None, Some(_)) => {}
                            _ => return Err(Broken::File(file.sha256.to_string())),
                        }
                        let photo = op.key.split('/').nth(1).unwrap_or_default().to_owned();
                        out.photos.push(PhotoFound { photo, part, file, index, absent: listed.absent });
                    }
                }
                (DocKind::Order, key @ ("payload_hash" | "amendment")) => {
                    let Some(promise) = promise(key, text) else { continue };
                    let original = originals.get(&promise).inspect(|_| {
                        used.insert(promise);
                    });
                    let original = original.map(|o| (o.received_at, o.media_type.clone(), o.bytes.0.clone()));
                    out.commitments.push(Commitment { index, original });
                }
                _ => {}
            }
        }
        out.entries.push(said);
    }
    if used.len() != originals.len() {
        return Err(Broken::Original);
    }
    let loose = evidence.photos.iter().find(|p| !named.contains(&p.file.sha256));
    let unlisted = files.values().find(|f| !named.contains(&f.sha256));
    match loose.map(|p| p.file).or(unlisted.copied()) {
        Some(file) => Err(Broken::File(file.sha256.to_string())),
        None => Ok(out),
    }
}

fn text(op: &OpFacts) -> Option<&str> {
    match &op.action {
        OpAction::Set(Scalar::Text(text)) => Some(text),
        _ => None,
    }
}

fn value(op: &OpFacts) -> Option<String> {
    match &op.action {
        OpAction::Set(Scalar::Text(text)) => Some(text.clone()),
        OpAction::Set(Scalar::Int(n)) => Some(n.to_string()),
        OpAction::Set(Scalar::Bool(b)) => Some(b.to_string()),
        OpAction::Delete => None,
    }
}

fn photo(text: &str) -> Vec<(&'static str, FileRef)> {
    let record: Option<PhotoRecord> = serde_json::from_str(text).ok();
    record.iter().flat_map(|r| r.parts().map(|(part, file)| (part.id(), file)).collect::<Vec<_>>()).collect()
}

/// Reads the promise about an original: the order's own, or that of an amendment.
fn promise(key: &str, text: &str) -> Option<Hash> {
    let hex = match key {
        "payload_hash" => text.to_owned(),
        _ => serde_json::from_str::<serde_json::Value>(text).ok()?.get("payload")?.as_str()?.to_owned(),
    };
    from_hex(&hex).map(Hash)
}

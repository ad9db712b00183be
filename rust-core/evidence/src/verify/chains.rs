//! Entries, chains, signatures, receipts, proofs.
//!
//! Invariant: a proven entry is in the log at its index (leaf and proof), its device's key signed a
//! chain that it is part of, and headquarters signed a receipt for it.

use super::Broken;
use crate::records::{Entry, Evidence, Manifest};
use lanewalk_model::id::{DeviceId, Hash};
use lanewalk_protocol::{
    batch::chunk_hash,
    entry::{Header, chain_message},
    keys::{Domain, PublicKey, Signature, verify_domain},
    receipt::UnsignedReceipt,
    tlog::{LEAF_FORMAT, Leaf, TreeHead, merkle},
};
use std::collections::{BTreeMap, HashMap};

/// An entry whose place, chain and receipt stand.
pub(super) struct Proven<'a> {
    pub(super) entry: &'a Entry,
    pub(super) header: Header,
    pub(super) hash: Hash,
}

fn broken(index: u64, what: &'static str) -> Broken {
    Broken::Entry { index, what }
}

/// Checks everything about the entries but what they say.
pub(super) fn check<'a>(
    manifest: &Manifest,
    head: &TreeHead,
    evidence: &'a Evidence,
) -> Result<Vec<Proven<'a>>, Broken> {
    let mut keys: HashMap<DeviceId, &PublicKey> = HashMap::new();
    for device in &evidence.devices {
        if keys.insert(device.id, &device.key).is_some() {
            return Err(Broken::NotListed(format!("{} twice", device.id)));
        }
    }
    let mut proven = Vec::with_capacity(evidence.entries.len());
    let mut last = 0;
    for entry in &evidence.entries {
        let index = entry.index;
        if index <= last {
            return Err(broken(index, "order of the log"));
        }
        last = index;
        let header = Header::from_bytes(&entry.header.0).map_err(|_| broken(index, "header"))?;
        if chunk_hash(&entry.change.0) != header.change.0 {
            return Err(broken(index, "content"));
        }
        if !evidence.documents.contains(&header.doc) {
            return Err(broken(index, "document"));
        }
        let key = *keys.get(&header.device).ok_or_else(|| Broken::NotListed(header.device.to_string()))?;
        let hash = header.hash();
        let leaf = Leaf {
            format: LEAF_FORMAT,
            index,
            entry: hash,
            device: header.device,
            seq: header.seq,
            key: key.fingerprint(),
            hq_time: entry.hq_time,
            effective_at: entry.effective_at,
            trust: entry.trust.clone(),
            refused: entry.refused.clone(),
        };
        merkle::verify_inclusion(&leaf.hash(), index - 1, head.size, &head.root, &entry.inclusion)
            .map_err(|_| broken(index, "place in the log"))?;
        let receipt = UnsignedReceipt {
            device: header.device,
            first_seq: header.seq,
            last_seq: header.seq,
            head: hash,
            log_index: index,
            hq_time: entry.hq_time,
            hq_epoch: head.hq_epoch,
        };
        let stands = Signature::new(manifest.hq_key.algorithm(), &entry.receipt.0)
            .is_ok_and(|s| verify_domain(&manifest.hq_key, Domain::Receipt, &receipt.message(), &s).is_ok());
        if !stands {
            return Err(broken(index, "receipt"));
        }
        proven.push(Proven { entry, header, hash });
    }
    signed(evidence, &keys, &proven)?;
    Ok(proven)
}

/// Follows each device's chain backwards from what it signed; every entry must be reached.
fn signed(
    evidence: &Evidence,
    keys: &HashMap<DeviceId, &PublicKey>,
    proven: &[Proven<'_>],
) -> Result<(), Broken> {
    // By device and number: hash and the hash before.
    let mut chain: BTreeMap<(DeviceId, u64), (Hash, Hash)> = BTreeMap::new();
    let put = |chain: &mut BTreeMap<_, _>, header: &Header, hash| {
        let known = chain.insert((header.device, header.seq), (hash, header.prev));
        if known.is_some_and(|k| k != (hash, header.prev)) {
            return Err(broken(header.seq, "two entries of one number"));
        }
        Ok(())
    };
    for p in proven {
        put(&mut chain, &p.header, p.hash)?;
    }
    for run in &evidence.runs {
        for link in &run.links {
            let header = Header::from_bytes(&link.0).map_err(|_| broken(run.seq, "link"))?;
            if header.device != run.device {
                return Err(broken(run.seq, "link"));
            }
            put(&mut chain, &header, header.hash())?;
        }
    }
    let mut reached: BTreeMap<(DeviceId, u64), Hash> = BTreeMap::new();
    for run in &evidence.runs {
        let key = *keys.get(&run.device).ok_or_else(|| Broken::NotListed(run.device.to_string()))?;
        let (head, _) = *chain.get(&(run.device, run.seq)).ok_or_else(|| broken(run.seq, "link"))?;
        let message = chain_message(run.device, run.seq, head);
        let stands = Signature::new(key.algorithm(), &run.signature.0)
            .is_ok_and(|s| verify_domain(key, Domain::Chain, &message, &s).is_ok());
        if !stands {
            return Err(broken(run.seq, "signature of the chain"));
        }
        let (mut at, mut wanted) = (run.seq, head);
        while let Some((hash, prev)) = chain.get(&(run.device, at)) {
            if *hash != wanted {
                return Err(broken(at, "chain"));
            }
            if reached.insert((run.device, at), *hash).is_some() || at == 0 {
                break;
            }
            (at, wanted) = (at - 1, *prev);
        }
    }
    match proven.iter().find(|p| !reached.contains_key(&(p.header.device, p.header.seq))) {
        Some(p) => Err(broken(p.entry.index, "signature of the chain")),
        None => Ok(()),
    }
}

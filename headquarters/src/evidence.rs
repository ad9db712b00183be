//! Evidence bundles: everything about one order, so that others can check it without headquarters.
//!
//! Invariant: a bundle is read from the log in one transaction with its checkpoint, and the line in
//! the access log is written before it. It holds what the order's documents hold, which includes the
//! citizen's words and excludes the identity; the record as it came in (which has both) only where it
//! is asked for by name. Of other documents it holds the headers that link a worker's entries to a
//! signature, never their content. Rejected: proofs made at verification, for which headquarters
//! would have to be there.

use crate::{
    core::Core,
    error::HqError,
    hq::Headquarters,
    people::{Line, note},
    photos::Folder,
    store::{self, DocRow},
    tlog::{Tree, common},
};
use lanewalk_evidence::{Absent, Bundle, Device, Entry, Evidence, Manifest, Original, Photo, Run, Witnessed};
use lanewalk_model::{
    chunk::{self, ChangeFacts, OpAction, Scalar},
    id::{DeviceId, DocId, Hash},
    photo::{FileRef, PhotoPart, PhotoRecord},
    schema::DocKind,
    time::TimeMs,
};
use lanewalk_protocol::{
    entry::{Header, chain_message},
    keys::{Domain, sign_domain},
    limits,
    receipt::UnsignedReceipt,
    tlog::{Checkpoint, merkle},
};
use rusqlite::{OptionalExtension as _, Transaction, params};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs::File,
    io::Write,
};

/// What goes into a bundle.
#[derive(Debug, Clone, Default)]
pub struct EvidenceWish {
    /// Who wants it: staff id.
    pub by: String,
    /// Why; it stands in the bundle and in the access log.
    pub reason: String,
    /// Leave the photo files out; their hashes stay.
    pub no_photos: bool,
    /// With the record as it came in from outside: personal data.
    pub original: bool,
    /// Checkpoints that others hold, as signed notes; the bundle is to be comparable with them.
    pub checkpoints: Vec<String>,
}

/// A bundle that is ready to be written.
#[derive(Debug)]
pub struct EvidenceFile {
    bundle: Bundle,
    folder: Folder,
    /// Entries in it.
    pub entries: usize,
    /// Photo files in it.
    pub photos: usize,
    /// The checkpoint it was proven against.
    pub checkpoint: Checkpoint,
}

impl EvidenceFile {
    /// Writes the bundle; reads the photos from the folder. Needs no headquarters.
    pub fn write(&self, out: &mut dyn Write) -> Result<(), HqError> {
        let open = |file: FileRef| File::open(self.folder.path(file.sha256));
        self.bundle.write(out, open).map_err(|e| HqError::Evidence(e.to_string()))
    }
}

/// A row of the log on its way into a bundle.
struct LogLine {
    entry: Entry,
    header: Header,
    facts: Option<ChangeFacts>,
    n: i64,
}

const COLUMNS: &str =
    "l.idx, l.device, l.header, l.change, l.received_at, l.effective_at, l.trust, l.refused";

impl Headquarters {
    /// Puts the evidence about an order together and leaves a line in the access log.
    ///
    /// # Errors
    /// `NotFound` for an unknown order or person, `NotAllowed` without a reason.
    pub fn export_evidence(&mut self, order: DocId, wish: &EvidenceWish) -> Result<EvidenceFile, HqError> {
        let folder = self.dock.folder.clone();
        self.act(|tx, core| {
            if wish.reason.chars().count() < 4 {
                return Err(HqError::NotAllowed("请写明理由 / say why".into()));
            }
            let (who, _) = store::subject(tx, &wish.by)?.ok_or_else(|| HqError::NotFound(wish.by.clone()))?;
            let row = DocRow::find(tx, order)?.filter(|r| r.id.kind == DocKind::Order);
            let row = row.ok_or_else(|| HqError::NotFound(order.to_string()))?;
            let now = core.now();
            let about = order.to_string();
            let line = Line {
                who: &wish.by,
                role: who.role.id(),
                what: "export_evidence",
                about: &about,
                purpose: &wish.reason,
                ..Line::default()
            };
            note(tx, now, &line)?;
            core.evidence(tx, &row, wish, now, &folder)
        })
    }
}

impl Core {
    fn evidence(
        &mut self,
        tx: &Transaction<'_>,
        order: &DocRow,
        wish: &EvidenceWish,
        now: TimeMs,
        folder: &Folder,
    ) -> Result<EvidenceFile, HqError> {
        let checkpoint = self.checkpoint(tx, now)?;
        let (documents, mut lines) = lines_about(tx, order)?;
        for line in &mut lines {
            line.entry.inclusion = merkle::inclusion(&Tree(tx), line.entry.index - 1, checkpoint.head.size)?;
            line.entry.receipt.0 = self.receipt_for(line)?;
        }
        let photos = photos_of(&lines, wish.no_photos, folder);
        let mut witnessed = Vec::new();
        for note in &wish.checkpoints {
            let theirs = Checkpoint::from_note(note, &self.public_key()).map_err(|e| {
                HqError::NotAllowed(format!("凭证不可用 / this checkpoint cannot be used: {e}"))
            })?;
            let (old, size) = (theirs.head.size, checkpoint.head.size);
            // The end of a life that was lost with a restore can be proven by nobody.
            let consistency = if old <= size.min(common(tx, theirs.head.hq_epoch)?) {
                merkle::consistency(&Tree(tx), old, size)?
            } else {
                Vec::new()
            };
            witnessed.push(Witnessed { note: note.clone(), consistency });
        }
        let evidence = Evidence {
            documents: documents.into_iter().collect(),
            devices: devices_of(tx, &lines)?,
            runs: self.runs_of(tx, &lines)?,
            originals: if wish.original { originals_of(tx, order.n)? } else { Vec::new() },
            entries: lines.into_iter().map(|line| line.entry).collect(),
            photos,
            witnessed,
        };
        let manifest = Manifest {
            format: String::new(),
            made_at: now.0,
            made_by: wish.by.clone(),
            reason: wish.reason.clone(),
            order: order.id,
            hq_key: self.public_key(),
            files: Vec::new(),
        };
        let bundle = Bundle::new(manifest, &checkpoint, &evidence, self.signer.as_ref())
            .map_err(|e| HqError::Evidence(e.to_string()))?;
        let with_name = evidence.photos.iter().filter(|p| p.name.is_some()).count();
        let entries = evidence.entries.len();
        Ok(EvidenceFile { bundle, folder: folder.clone(), entries, photos: with_name, checkpoint })
    }

    /// Signs the receipt for one line.
    fn receipt_for(&self, line: &LogLine) -> Result<Vec<u8>, HqError> {
        let unsigned = UnsignedReceipt {
            device: line.header.device,
            first_seq: line.header.seq,
            last_seq: line.header.seq,
            head: line.header.hash(),
            log_index: line.entry.index,
            hq_time: line.entry.hq_time,
            hq_epoch: self.epoch,
        };
        self.signed(Domain::Receipt, &unsigned.message())
    }

    fn signed(&self, domain: Domain, message: &[u8]) -> Result<Vec<u8>, HqError> {
        let signature = sign_domain(self.signer.as_ref(), domain, message);
        let signature =
            signature.map_err(|e| HqError::Reference { what: "signing key", why: e.to_string() })?;
        Ok(signature.bytes().to_vec())
    }

    /// Finds what covers each line: a device's own signature, with the headers up to it. Headquarters
    /// signs its own chain here, at each of its lines.
    fn runs_of(&self, tx: &Transaction<'_>, lines: &[LogLine]) -> Result<Vec<Run>, HqError> {
        let mut next = tx.prepare_cached(
            "SELECT seq, signature FROM chain_signatures WHERE device = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1",
        )?;
        let mut between = tx.prepare_cached(
            "SELECT seq, header FROM log WHERE device = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq",
        )?;
        let inside: HashSet<(i64, u64)> = lines.iter().map(|l| (l.n, l.header.seq)).collect();
        // By device and end: the first line that needs it.
        let mut runs: BTreeMap<(i64, u64), (DeviceId, u64, Vec<u8>)> = BTreeMap::new();
        for line in lines {
            let (device, seq) = (line.header.device, line.header.seq);
            if line.n == self.own_n {
                let message = chain_message(device, seq, line.header.hash());
                runs.insert((line.n, seq), (device, seq, self.signed(Domain::Chain, &message)?));
                continue;
            }
            let found: Option<(u64, Vec<u8>)> =
                next.query_row(params![line.n, seq], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
            let (end, signature) = found.ok_or(HqError::LogBroken(line.entry.index))?;
            let run = runs.entry((line.n, end)).or_insert((device, seq, signature));
            run.1 = run.1.min(seq);
        }
        let mut out = Vec::with_capacity(runs.len());
        for ((n, end), (device, first, signature)) in runs {
            let links = between
                .query_map(params![n, first, end], |r| Ok((r.get::<_, u64>(0)?, r.get::<_, Vec<u8>>(1)?)))?
                .filter(|row| row.as_ref().map_or(true, |(seq, _)| !inside.contains(&(n, *seq))))
                .map(|row| Ok(lanewalk_evidence::Bytes(row?.1)))
                .collect::<Result<_, HqError>>()?;
            out.push(Run { device, seq: end, signature: lanewalk_evidence::Bytes(signature), links });
        }
        Ok(out)
    }
}

/// Reads every line about an order and what hangs on it, also what was kept outside the documents.
fn lines_about(tx: &Transaction<'_>, order: &DocRow) -> Result<(BTreeSet<DocId>, Vec<LogLine>), HqError> {
    let of_order = order.id.to_string();
    let mut documents = BTreeSet::from([order.id]);
    let mut numbers = BTreeSet::from([order.n]);
    let mut children = tx.prepare_cached("SELECT n, id FROM docs WHERE parent = ?1 AND kind <> ?2")?;
    let mut rows = children.query(params![of_order, DocKind::Order.code()])?;
    while let Some(r) = rows.next()? {
        numbers.insert(r.get::<_, i64>(0)?);
        documents.extend(DocId::from_slice(r.get_ref(1)?.as_blob().unwrap_or_default()));
    }
    let mut lines = BTreeMap::new();
    let mut of_doc = tx.prepare_cached(&format!("SELECT {COLUMNS} FROM log l WHERE l.doc = ?1"))?;
    for n in numbers {
        let mut rows = of_doc.query([n])?;
        while let Some(r) = rows.next()? {
            let line = read(r)?;
            lines.insert(line.entry.index, line);
        }
    }
    // Refused before its document came to be: a visit that was not let in has no document.
    let mut loose = tx.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM log l WHERE l.refused IS NOT NULL AND l.doc IS NULL"
    ))?;
    let mut rows = loose.query([])?;
    while let Some(r) = rows.next()? {
        let line = read(r)?;
        let says = |op: &chunk::OpFacts| {
            op.key == "order" && matches!(&op.action, OpAction::Set(Scalar::Text(id)) if *id == of_order)
        };
        if documents.contains(&line.header.doc) || line.facts.iter().any(|f| f.ops.iter().any(says)) {
            documents.insert(line.header.doc);
            lines.insert(line.entry.index, line);
        }
    }
    Ok((documents, lines.into_values().collect()))
}

fn read(r: &rusqlite::Row<'_>) -> Result<LogLine, HqError> {
    let (index, header): (u64, Vec<u8>) = (r.get(0)?, r.get(2)?);
    let change: Vec<u8> = r.get(3)?;
    Ok(LogLine {
        n: r.get(1)?,
        header: Header::from_bytes(&header).map_err(|_| HqError::LogBroken(index))?,
        facts: chunk::read_change(&change, &limits::HQ_CHANGE).ok(),
        entry: Entry {
            index,
            header: lanewalk_evidence::Bytes(header),
            change: lanewalk_evidence::Bytes(change),
            hq_time: r.get(4)?,
            effective_at: r.get(5)?,
            trust: r.get(6)?,
            refused: r.get(7)?,
            inclusion: Vec::new(),
            receipt: lanewalk_evidence::Bytes::default(),
        },
    })
}

fn devices_of(tx: &Transaction<'_>, lines: &[LogLine]) -> Result<Vec<Device>, HqError> {
    let mut statement = tx.prepare_cached(
        "SELECT d.id, d.worker, coalesce(s.name, ''), coalesce(s.role, ''), d.key, d.enrolled_at, d.revoked_at
         FROM devices d LEFT JOIN staff s ON s.id = d.worker WHERE d.n = ?1",
    )?;
    let numbers: BTreeSet<i64> = lines.iter().map(|l| l.n).collect();
    let mut out = Vec::with_capacity(numbers.len());
    for n in numbers {
        let (device, key): (_, Vec<u8>) = statement.query_row([n], |r| {
            let (id, key) = (DeviceId(r.get(0)?), r.get(4)?);
            let (worker, name, role) = (r.get(1)?, r.get(2)?, r.get(3)?);
            Ok(((id, worker, name, role, r.get(5)?, r.get(6)?), key))
        })?;
        let key = minicbor::decode(&key)
            .map_err(|e| HqError::Reference { what: "device key", why: e.to_string() })?;
        let (id, worker, name, role, enrolled_at, revoked_at) = device;
        out.push(Device { id, worker, name, role, key, enrolled_at, revoked_at });
    }
    Ok(out)
}

/// Lists the photo files that the lines name, each once.
fn photos_of(lines: &[LogLine], none: bool, folder: &Folder) -> Vec<Photo> {
    let mut seen: BTreeMap<Hash, Photo> = BTreeMap::new();
    for line in lines.iter().filter(|l| l.header.doc.kind == DocKind::Visit) {
        let ops = line.facts.iter().flat_map(|f| &f.ops).filter(|op| op.key.starts_with("photo/"));
        let texts = ops.filter_map(|op| match &op.action {
            OpAction::Set(Scalar::Text(text)) => Some(text),
            _ => None,
        });
        for record in texts.filter_map(|text| serde_json::from_str::<PhotoRecord>(text).ok()) {
            for (part, file) in record.parts() {
                let absent = match (none, folder.holds(file)) {
                    (true, _) => Some(Absent::LeftOut),
                    (false, false) => Some(Absent::NotThere),
                    (false, true) => None,
                };
                let end = if part == PhotoPart::Original { ending(&record.media) } else { "jpg" };
                let name = absent.is_none().then(|| format!("photos/{}.{end}", file.sha256));
                seen.entry(file.sha256).or_insert(Photo { file, name, absent });
            }
        }
    }
    seen.into_values().collect()
}

fn ending(media: &str) -> &'static str {
    match media {
        "image/jpeg" => "jpg",
        "image/webp" => "webp",
        "image/png" => "png",
        _ => "bin",
    }
}

fn originals_of(tx: &Transaction<'_>, order: i64) -> Result<Vec<Original>, HqError> {
    let mut statement = tx.prepare_cached(
        "SELECT received_at, media_type, salt, bytes FROM payloads WHERE doc = ?1 ORDER BY n",
    )?;
    let rows = statement.query_map([order], |r| {
        Ok(Original {
            received_at: r.get(0)?,
            media_type: r.get(1)?,
            salt: lanewalk_evidence::Bytes(r.get(2)?),
            bytes: lanewalk_evidence::Bytes(r.get(3)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

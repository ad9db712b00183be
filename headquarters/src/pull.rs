//! What a phone is given: changes of what it holds, whole documents that entered its scope,
//! and the names of those that left.
//!
//! Invariant: `members` says exactly which documents a device holds, and moves only when the
//! device names the token of the page that said so; so a lost answer is simply made again, and
//! what left a grid leaves the phone. Rejected: deciding from the log alone, which cannot tell
//! "entered scope" from "changed".

use crate::{
    auth::Caller,
    config::Settings,
    core::Core,
    enrol::bump_scope,
    error::HqError,
    store::{self, DocRow},
};
use lanewalk_model::{id::DocId, policy, schema::DocKind, staff::Subject, time::TimeMs};
use lanewalk_protocol::{
    batch::{Changes, ChangesWriter},
    limits,
    receipt::Lease,
    sync::{Cursor, ScopeDigest, Snapshot, SyncRequest},
};
use rusqlite::{Connection, Transaction, params};
use std::collections::{BTreeSet, HashMap};

/// Log rows looked at for one page, whoever they concern: everybody else waits meanwhile.
const MAX_LOG_ROWS: u32 = 20_000;

/// One page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) changes: Changes,
    pub(crate) left: Vec<DocId>,
    pub(crate) cursor: Cursor,
    pub(crate) more: bool,
    pub(crate) digest: Option<ScopeDigest>,
}

/// Makes the next page for a device.
pub(crate) fn page(
    tx: &Transaction<'_>,
    core: &Core,
    caller: &Caller,
    request: &SyncRequest,
    now: TimeMs,
) -> Result<Page, HqError> {
    let Some((subject, _)) = store::subject(tx, &caller.device.worker)? else { return Ok(Page::default()) };
    let end = store::log_end(tx)?;
    let mut writer = PageWriter {
        tx,
        now,
        device: caller.device.n,
        written: request.last_seq,
        subject: &subject,
        token: caller.device.page_token,
        budget: i64::from(request.page_bytes.clamp(10_000, limits::PAGE_BYTES * 2)),
        scopes: HashMap::new(),
        page: Page::default(),
        changes: ChangesWriter::default(),
        touched: false,
    };
    let scope = scope_version(tx, &caller.device.worker, now)?;
    let fresh_start = request.cursor.token == 0;
    let restored = request.hq_epoch != 0 && request.hq_epoch != core.epoch;
    // A phone is at the last page or at the one before. Anything else is a store that fell back
    // behind what it had named (a power cut takes unsynced pages, a copy was restored).
    let gone_back =
        request.cursor.token != writer.token && request.cursor.token.saturating_add(1) != writer.token;
    let from_scratch = fresh_start || restored || gone_back;
    let mut index = if from_scratch {
        writer.forget_all()?;
        end
    } else {
        writer.settle(request.cursor.token)?;
        request.cursor.index.min(end)
    };
    // Each once, and no more than a page: a device could ask for one large document 256 times.
    let wanted: BTreeSet<DocId> = request.want.iter().take(limits::MAX_WANTED).copied().collect();
    for want in wanted {
        if writer.budget <= 0 {
            break;
        }
        writer.wanted(want)?;
    }
    let scanned: u64 = tx
        .prepare_cached("SELECT scanned FROM devices WHERE n = ?1")?
        .query_row([writer.device], |r| r.get(0))?;
    if !from_scratch {
        index = writer.changes_since(index)?;
    }
    let mut more = index < end;
    let mut scan_pending = scanned;
    if scanned != scope && !more {
        if writer.scan()? {
            scan_pending = scope;
        } else {
            more = true;
        }
    }
    writer.finish(index, more, scan_pending, request)
}

/// Returns the version of a worker's scope: grows with each change of anybody's grants, and as time passes:
/// with each day, when finished work leaves (law 6), and with each of his grants that begins or ends.
fn scope_version(db: &Connection, worker: &str, now: TimeMs) -> Result<u64, HqError> {
    let day = u64::try_from(now.0 / 86_400_000).unwrap_or(0);
    let passed: u64 = db
        .prepare_cached(
            "SELECT coalesce(sum((from_ms <= ?2) + coalesce(to_ms <= ?2, 0)), 0) FROM grants WHERE staff = ?1",
        )?
        .query_row(params![worker, now.0], |r| r.get(0))?;
    Ok((store::meta_u64(db, "scope_version")? << 20).saturating_add(day).saturating_add(passed))
}

struct PageWriter<'a> {
    tx: &'a Transaction<'a>,
    now: TimeMs,
    device: i64,
    /// The last number the device says it has written: what is above it a copy of it wrote (F27).
    written: u64,
    subject: &'a Subject,
    /// Token of the page before; this page's is one more.
    token: u64,
    budget: i64,
    /// Per document: (in scope, held).
    scopes: HashMap<i64, (bool, bool)>,
    page: Page,
    changes: ChangesWriter,
    touched: bool,
}

impl PageWriter<'_> {
    fn next_token(&self) -> i64 {
        i64::try_from(self.token + 1).unwrap_or(i64::MAX)
    }

    /// The device starts over: it holds nothing any more.
    fn forget_all(&mut self) -> Result<(), HqError> {
        self.tx.prepare_cached("DELETE FROM members WHERE device = ?1")?.execute([self.device])?;
        self.tx
            .prepare_cached("UPDATE devices SET scanned = 0, scan_pending = 0 WHERE n = ?1")?
            .execute([self.device])?;
        self.touched = true;
        Ok(())
    }

    /// Settles the page in flight: it counts if the device names its token, else it never was.
    fn settle(&mut self, named: u64) -> Result<(), HqError> {
        let in_flight: bool = self
            .tx
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM members WHERE device = ?1 AND token <> 0)")?
            .query_row([self.device], |r| r.get(0))?;
        let arrived = named == self.token;
        if in_flight {
            let (drop, keep) = if arrived { ("<", ">") } else { (">", "<") };
            let drop = format!("DELETE FROM members WHERE device = ?1 AND token {drop} 0");
            let keep = format!("UPDATE members SET token = 0 WHERE device = ?1 AND token {keep} 0");
            self.tx.prepare_cached(&drop)?.execute([self.device])?;
            self.tx.prepare_cached(&keep)?.execute([self.device])?;
            self.touched = true;
        }
        if !arrived {
            // The page made now takes the lost one's number, so that a phone is never more than
            // one behind, however often the answer is lost.
            self.token = named;
        }
        let column = if arrived { "scanned = scan_pending" } else { "scan_pending = scanned" };
        let sql = format!("UPDATE devices SET {column} WHERE n = ?1 AND scanned <> scan_pending");
        self.touched |= self.tx.prepare_cached(&sql)?.execute([self.device])? > 0;
        Ok(())
    }

    fn scope(&mut self, doc: &DocRow) -> Result<(bool, bool), HqError> {
        if let Some(known) = self.scopes.get(&doc.n) {
            return Ok(*known);
        }
        let readable = policy::may_read(self.subject, doc.id.kind, &doc.facts, self.now).is_ok();
        let held: bool = self
            .tx
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM members WHERE device = ?1 AND doc = ?2)")?
            .query_row([self.device, doc.n], |r| r.get(0))?;
        self.scopes.insert(doc.n, (readable, held));
        Ok((readable, held))
    }

    /// A document the device asks for by name: sent whole if it may read it.
    fn wanted(&mut self, id: DocId) -> Result<(), HqError> {
        match DocRow::find(self.tx, id)? {
            Some(doc) if self.scope(&doc)?.0 => self.send_whole(&doc),
            _ => {
                self.page.left.push(id);
                Ok(())
            }
        }
    }

    fn send_whole(&mut self, doc: &DocRow) -> Result<(), HqError> {
        let saved: Vec<u8> = self
            .tx
            .prepare_cached("SELECT saved FROM docs WHERE n = ?1")?
            .query_row([doc.n], |r| r.get(0))?;
        self.budget -= i64::try_from(saved.len()).unwrap_or(i64::MAX) + 32;
        self.page.snapshots.push(Snapshot { doc: doc.id, saved });
        self.mark(doc.n, self.next_token())?;
        self.scopes.insert(doc.n, (true, true));
        Ok(())
    }

    fn mark(&mut self, doc: i64, token: i64) -> Result<(), HqError> {
        self.touched = true;
        self.tx
            .prepare_cached(
                "INSERT INTO members (device, doc, token) VALUES (?1, ?2, ?3)
                 ON CONFLICT (device, doc) DO UPDATE SET token = excluded.token",
            )?
            .execute(params![self.device, doc, token])?;
        Ok(())
    }

    fn leave(&mut self, doc: &DocRow) -> Result<(), HqError> {
        self.page.left.push(doc.id);
        self.mark(doc.n, -self.next_token())?;
        self.scopes.insert(doc.n, (false, false));
        Ok(())
    }

    /// Sends what the log says happened; returns the index reached.
    fn changes_since(&mut self, from: u64) -> Result<u64, HqError> {
        let mut reached = from;
        let tx = self.tx;
        let mut statement =
            tx.prepare_cached("SELECT idx, device, seq, doc, change FROM log WHERE idx > ?1 AND doc IS NOT NULL AND refused IS NULL ORDER BY idx")?;
        let mut rows = statement.query([from])?;
        let mut looked_at = 0;
        while let Some(r) = rows.next()? {
            looked_at += 1;
            if self.budget <= 0 || looked_at > MAX_LOG_ROWS {
                return Ok(reached);
            }
            let (idx, n): (u64, i64) = (r.get(0)?, r.get(3)?);
            let own = r.get::<_, i64>(1)? == self.device && r.get::<_, u64>(2)? <= self.written;
            self.one_change(n, own, r.get_ref(4)?.as_blob().unwrap_or_default())?;
            reached = idx;
        }
        store::log_end(tx)
    }

    fn one_change(&mut self, n: i64, own: bool, change: &[u8]) -> Result<(), HqError> {
        if self.scopes.get(&n) == Some(&(false, false)) {
            return Ok(());
        }
        let Some(doc) = DocRow::by_number(self.tx, n)? else { return Ok(()) };
        match self.scope(&doc)? {
            (true, true) if own => Ok(()),
            (true, true) if self.page.snapshots.iter().any(|s| s.doc == doc.id) => Ok(()),
            (true, true) => {
                self.budget -= i64::try_from(change.len()).unwrap_or(i64::MAX) + 16;
                Ok(self.changes.push(doc.id, change)?)
            }
            (true, false) => self.send_whole(&doc),
            (false, true) => self.leave(&doc),
            (false, false) => Ok(()),
        }
    }

    /// Compares what the device holds with its whole scope; true when all of the difference
    /// fitted into the page.
    fn scan(&mut self) -> Result<bool, HqError> {
        let tx = self.tx;
        let mut gone = tx.prepare_cached(
            "SELECT d.n, d.id, d.grid, d.assignees, d.author, d.finished_at
             FROM members m JOIN docs d ON d.n = m.doc WHERE m.device = ?1 AND m.token >= 0",
        )?;
        let held = gone.query_map([self.device], DocRow::read)?.collect::<Result<Vec<_>, _>>()?;
        for doc in &held {
            if policy::may_read(self.subject, doc.id.kind, &doc.facts, self.now).is_err() {
                self.leave(doc)?;
            }
        }
        let grids = serde_json::to_string(&self.subject.grids_at(self.now)).unwrap_or_default();
        let everywhere = [DocKind::Reference.code(), DocKind::Knowledge.code()];
        let mut missing = tx.prepare_cached(
            "SELECT d.n, d.id, d.grid, d.assignees, d.author, d.finished_at FROM docs d
             WHERE (d.kind IN (?2, ?3) OR d.grid IN (SELECT value FROM json_each(?4)) OR '*' IN (SELECT value FROM json_each(?4)))
               AND NOT EXISTS (SELECT 1 FROM members m WHERE m.device = ?1 AND m.doc = d.n)
             ORDER BY d.priority, d.due_at IS NULL, d.due_at, d.n",
        )?;
        let [a, b] = everywhere;
        let rows = missing.query_map(params![self.device, a, b, grids], DocRow::read)?;
        // Collected first: sending writes to the table the query reads.
        for doc in rows.collect::<Result<Vec<_>, _>>()? {
            if policy::may_read(self.subject, doc.id.kind, &doc.facts, self.now).is_err() {
                continue;
            }
            if self.budget <= 0 {
                return Ok(false);
            }
            self.send_whole(&doc)?;
        }
        Ok(true)
    }

    fn finish(
        mut self,
        index: u64,
        more: bool,
        scan_pending: u64,
        request: &SyncRequest,
    ) -> Result<Page, HqError> {
        self.page.changes = std::mem::take(&mut self.changes).finish();
        self.page.more = more;
        let moved = self.touched
            || !self.page.changes.is_empty()
            || !self.page.left.is_empty()
            || request.cursor.token == 0;
        let token = if moved { self.token + 1 } else { self.token };
        self.page.cursor = Cursor { index, token };
        if moved {
            self.tx
                .prepare_cached(
                    "UPDATE devices SET page_token = ?2, scan_pending = ?3, page_at = ?4 WHERE n = ?1",
                )?
                .execute(params![self.device, token, scan_pending, self.now.0])?;
            if !more {
                self.page.digest = Some(self.digest()?);
            }
        }
        Ok(self.page)
    }

    fn digest(&self) -> Result<ScopeDigest, HqError> {
        let mut digest = ScopeDigest::default();
        let mut statement = self.tx.prepare_cached(
            "SELECT d.share FROM members m JOIN docs d ON d.n = m.doc WHERE m.device = ?1 AND m.token >= 0",
        )?;
        let mut rows = statement.query([self.device])?;
        while let Some(r) = rows.next()? {
            if let Ok(share) = r.get_ref(0)?.as_blob().unwrap_or_default().try_into() {
                digest.toggle(share);
                digest.docs += 1;
            }
        }
        Ok(digest)
    }
}

/// Returns the last sequence number of a device that a verified backup holds. Without backups
/// nothing is ever let go, which is safe and costs the phone only room.
pub(crate) fn durable_seq(db: &Connection, device: i64) -> Result<u64, HqError> {
    let horizon = store::meta_u64(db, "durable_index")?;
    if horizon == 0 {
        return Ok(0);
    }
    Ok(db
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM log WHERE device = ?1 AND idx <= ?2")?
        .query_row(params![device, horizon], |r| r.get(0))?)
}

/// Makes the lease when the phone's is another version; it is renewed once a day.
pub(crate) fn lease(
    db: &Connection,
    core: &Core,
    caller: &Caller,
    request: &SyncRequest,
    now: TimeMs,
) -> Result<Option<Lease>, HqError> {
    let version = scope_version(db, &caller.device.worker, now)?;
    if request.lease_version == version {
        return Ok(None);
    }
    make_lease(db, core, &caller.device.worker, now)
}

pub(crate) fn make_lease(
    db: &Connection,
    core: &Core,
    worker: &str,
    now: TimeMs,
) -> Result<Option<Lease>, HqError> {
    let version = scope_version(db, worker, now)?;
    let Some((subject, name)) = store::subject(db, worker)? else { return Ok(None) };
    let mut lease = Lease::of(&subject, &name, version, TimeMs(now.0 + limits::LEASE_MS));
    // Said by whoever has ever ended TLS itself: phones then know when it does no more.
    lease.pins = store::meta(db, PINS)?.map(|_| core.settings.pins.clone());
    lease.min_core = (core.settings.min_core != [0; 3]).then_some(core.settings.min_core);
    Ok(Some(lease))
}

/// Key of the pins that phones were last told.
const PINS: &str = "pins";

/// Scope version from which on leases say so.
const PINS_SINCE: &str = "pins_since";

/// Returns the first lease version that tells the present pins; `None` where there are none.
pub(crate) fn pins_since(db: &Connection) -> Result<Option<u64>, HqError> {
    Ok(store::meta(db, PINS_SINCE)?.map(|_| store::meta_u64(db, PINS_SINCE)).transpose()?.map(|v| v << 20))
}

/// Notes what leases say besides rights; a change is told to every phone with its next sync.
pub(crate) fn note_terms(tx: &Transaction<'_>, core: &Settings) -> Result<(), HqError> {
    let min_core: Vec<u8> = core.min_core.iter().flat_map(|n| n.to_be_bytes()).collect();
    for (key, now) in [(PINS, core.pins.to_bytes()), ("min_core", min_core)] {
        let before = store::meta(tx, key)?;
        let never = before.is_none() && now.iter().all(|b| *b == 0);
        if !never && before.as_ref() != Some(&now) {
            store::set_meta(tx, key, &now)?;
            bump_scope(tx)?;
            if key == PINS {
                store::set_meta(tx, PINS_SINCE, &store::meta_u64(tx, "scope_version")?.to_be_bytes())?;
            }
        }
    }
    Ok(())
}

//! docs/protocol.md: its tables of numbers and its worked example are made here.

use crate::{
    dump::dump,
    frozen::blessing,
    sample,
    support::{DEVICE, START},
};
use lanewalk_model::{chunk, id::to_hex};
use lanewalk_protocol::{
    entry::chain_message,
    keys::{Domain, sign_domain},
    limits::{self, DEVICE_CHANGE, HQ_CHANGE},
};
use std::path::PathBuf;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol.md")
}

pub(crate) fn text() -> String {
    std::fs::read_to_string(path()).unwrap()
}

/// Compares the part between two marks with what it should be, or writes it when blessing.
fn block(name: &str, made: &str) {
    let (begin, end) = (format!("<!-- made: {name} -->\n"), format!("<!-- end: {name} -->"));
    let text = text();
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
    let (now, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    if blessing() {
        std::fs::write(path(), format!("{before}{begin}{made}{end}{after}")).unwrap();
    } else {
        assert!(
            now == made,
            "docs/protocol.md, {name}: LANEWALK_BLESS=1 makes it anew\nthere:\n{now}\nshould be:\n{made}"
        );
    }
}

fn limits_table() -> String {
    let rows: [(&str, u64); 31] = [
        ("Request body as sent, bytes", limits::MAX_REQUEST_BYTES as u64),
        ("Request body decompressed, bytes", limits::MAX_REQUEST_DECODED as u64),
        ("Response body as sent, bytes", limits::MAX_RESPONSE_BYTES as u64),
        ("Response body decompressed, bytes", limits::MAX_RESPONSE_DECODED as u64),
        ("zstd window, bytes", 1 << 24),
        ("Entries in one push", limits::MAX_PUSH_ENTRIES as u64),
        ("Bytes of changes in one push before a phone splits it", limits::PUSH_TARGET_BYTES as u64),
        ("Changes in one page", limits::MAX_PULL_ITEMS as u64),
        ("Documents asked for by name in one request", limits::MAX_WANTED as u64),
        ("`page_bytes` a phone asks for normally", u64::from(limits::PAGE_BYTES)),
        ("`page_bytes` of the first page", u64::from(limits::FIRST_PAGE_BYTES)),
        ("Dependencies of one change", limits::MAX_DEPS as u64),
        ("Change of a phone, bytes", DEVICE_CHANGE.max_bytes as u64),
        ("Change of headquarters, bytes", HQ_CHANGE.max_bytes as u64),
        ("Operations in one change", DEVICE_CHANGE.max_ops as u64),
        ("Key in a document, bytes", DEVICE_CHANGE.max_key_bytes as u64),
        ("Text value in a phone's change, bytes", DEVICE_CHANGE.max_value_bytes as u64),
        ("Text value in headquarters' change, bytes", HQ_CHANGE.max_value_bytes as u64),
        ("Commit message (staff id), bytes", DEVICE_CHANGE.max_message_bytes as u64),
        (
            "Predecessors of one operation, and other actors named by one change",
            DEVICE_CHANGE.max_preds as u64,
        ),
        ("Predecessors in one change", 8 * DEVICE_CHANGE.max_preds as u64),
        ("Operation counter", DEVICE_CHANGE.max_op_counter),
        ("Staff id, bytes", limits::MAX_WORKER_BYTES as u64),
        ("Invitation text, characters", 1_024),
        ("Life of an invitation, ms", limits::ENROLMENT_TTL_MS as u64),
        ("Life of a lease, ms", limits::LEASE_MS as u64),
        ("File of a photo, bytes", limits::MAX_FILE_BYTES),
        ("Stamped copy or thumbnail, bytes", limits::MAX_COPY_BYTES),
        ("Body of one `POST` or `PATCH` of an upload, bytes", limits::UPLOAD_PART_BYTES as u64),
        ("Open uploads of one device", limits::MAX_OPEN_UPLOADS),
        ("Life of an upload, ms", limits::UPLOAD_TTL_MS as u64),
    ];
    let rows: String = rows.iter().map(|(what, n)| format!("| {what} | {} |\n", grouped(*n))).collect();
    format!("| What | At most |\n|---|---|\n{rows}")
}

fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap()).collect();
    groups.join(",")
}

fn header_names(path: &[u64]) -> &'static str {
    match path {
        [i] => [
            "format",
            "device",
            "seq",
            "prev",
            "doc",
            "base_version",
            "wall_ms",
            "mono_ms",
            "boot",
            "anchor",
            "change",
        ]
        .get(*i as usize)
        .copied()
        .unwrap_or(""),
        [9, i] => ["hq_time", "mono_at", "tag"].get(*i as usize).copied().unwrap_or(""),
        [] => "header",
        _ => "",
    }
}

fn batch_names(path: &[u64]) -> &'static str {
    match path {
        [] => "batch",
        [i] => ["first_seq", "prev", "boots", "anchors", "clocks", "changes"][*i as usize],
        [3, _] => "anchor 1",
        [3, _, i] => ["hq_time", "mono_at", "tag"][*i as usize],
        [4, _] => "clock",
        [4, _, i] => ["wall, difference", "mono, difference", "boot", "anchor", "base_version"][*i as usize],
        [5, i] => ["docs", "actors", "rows"][*i as usize],
        [5, 0, _] => "document id",
        [5, 2, _] => "row",
        [5, 2, _, i] => ["doc", "actor", "deps", "rest"][*i as usize],
        [5, 2, _, 2, _] => "dependency",
        _ => "",
    }
}

/// Hex in lines of 32 bytes.
fn hex(bytes: &[u8]) -> String {
    bytes.chunks(32).map(|line| to_hex(line) + "\n").collect()
}

fn example() -> String {
    let entries = sample::entries();
    let third = &entries[2];
    let header = third.header.to_bytes();
    let hash = third.header.hash();
    let parts = chunk::split(&third.change).unwrap();
    let message = chain_message(DEVICE, 3, hash);
    let made = sign_domain(&sample::phone_key(), Domain::Chain, &message).unwrap();
    let batch = minicbor::to_vec(sample::batch()).unwrap();
    let key = sample::phone_key().public_key();
    let fence = |text: &str| format!("```text\n{text}```\n\n");
    [
        "\n".to_owned(),
        format!(
            "Device `{DEVICE}`; its ES256 secret is 32 bytes of `07`, its public key `{}`. A visit `{}`\n\
             is made at wall time {START}; 45,000 ms later an order `{}` gets a fact; 30,500 ms later\n\
             the visit's notes are written again. Between the first and the second entry the phone saw a beacon.\n\n",
            to_hex(key.bytes()),
            sample::VISIT,
            sample::ORDER,
        ),
        "**Header of the third entry**, the concatenation of the hex:\n\n".to_owned(),
        fence(&dump(&header, &header_names)),
        "Its hash, SHA-256 of `lanewalk/v1/entry`, one zero byte, and the header:\n\n".to_owned(),
        fence(&hex(&hash.0)),
        "**Its change**, one automerge chunk:\n\n".to_owned(),
        fence(&hex(&third.change)),
        format!(
            "That is: magic `{}`, checksum `{}` (the first four bytes of the change hash), type `01`, length `{}`,\n\
             then {} dependency, the actor, and as `rest` what travels:\n\n",
            to_hex(&third.change[..4]),
            to_hex(&third.change[4..8]),
            to_hex(&third.change[9..10]),
            parts.deps.len(),
        ),
        fence(&hex(parts.rest)),
        "**The batch of all three**:\n\n".to_owned(),
        fence(&dump(&batch, &batch_names)),
        "**Chain message**: device, sequence number 3, hash of entry 3:\n\n".to_owned(),
        fence(&hex(&message)),
        "ES256 signature (RFC 6979) over `lanewalk/v1/chain`, one zero byte, and the message:\n\n".to_owned(),
        fence(&hex(made.bytes())),
    ]
    .concat()
}

/// One test, so that two blocks are never written at the same time.
#[test]
fn the_made_parts_are_current() {
    block("limits", &limits_table());
    block("example", &example());
}

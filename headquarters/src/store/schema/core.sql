-- Headquarters' database, version 1. The log is the truth; docs, members and upstream can be
-- rebuilt from it. Times are UTC milliseconds.
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE staff (
    id   TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    staff   TEXT    NOT NULL REFERENCES staff (id),
    grid    TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms   INTEGER
) STRICT;
CREATE INDEX grants_by_staff ON grants (staff);
CREATE INDEX grants_by_grid ON grants (grid);

-- One-time codes, kept only as SHA-256.
CREATE TABLE invitations (
    code_hash  BLOB    NOT NULL PRIMARY KEY,
    worker     TEXT    NOT NULL REFERENCES staff (id),
    expires_at INTEGER NOT NULL,
    -- What became of it: the device's n. A used code stands for this one device only.
    device     INTEGER REFERENCES devices (n),
    -- Refused requests that knew the code: it was photographed, or a phone is broken.
    tries      INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
    n             INTEGER NOT NULL PRIMARY KEY,
    id            BLOB    NOT NULL UNIQUE,
    worker        TEXT    NOT NULL,
    key           BLOB    NOT NULL,
    install_epoch INTEGER NOT NULL,
    enrolled_at   INTEGER NOT NULL,
    -- When an administrator confirmed the key's fingerprint; before that the device gets nothing.
    confirmed_at  INTEGER,
    revoked_at    INTEGER,
    -- Until when a revoked device may deliver what it wrote, into quarantine.
    deposit_until INTEGER,
    -- The end of the device's chain as headquarters holds it.
    last_seq      INTEGER NOT NULL DEFAULT 0,
    head          BLOB    NOT NULL,
    -- What the device says it has written (F28).
    announced_seq INTEGER NOT NULL DEFAULT 0,
    last_contact  INTEGER,
    lease_version INTEGER NOT NULL DEFAULT 1,
    -- The scope version the device's holdings were last compared with, and the one that counts
    -- once the device names the page's token.
    scanned       INTEGER NOT NULL DEFAULT 0,
    scan_pending  INTEGER NOT NULL DEFAULT 0,
    page_token    INTEGER NOT NULL DEFAULT 0,
    page_at       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE actors (
    actor  BLOB    NOT NULL PRIMARY KEY,
    device INTEGER NOT NULL REFERENCES devices (n)
) STRICT, WITHOUT ROWID;

CREATE TABLE docs (
    n           INTEGER NOT NULL PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    kind        INTEGER NOT NULL,
    grid        TEXT    NOT NULL,
    assignees   TEXT    NOT NULL,
    author      TEXT    NOT NULL,
    finished_at INTEGER,
    priority    INTEGER NOT NULL,
    parent      TEXT    NOT NULL,
    open        INTEGER NOT NULL,
    due_at      INTEGER,
    -- What lists choose and count by; the list row has them too, but JSON costs its reading.
    state       TEXT    NOT NULL,
    units       TEXT    NOT NULL,
    owner       TEXT    NOT NULL,
    pending     INTEGER NOT NULL,
    conflicts   INTEGER NOT NULL,
    -- The list row as JSON, the document, and its share of the scope digest.
    row         TEXT    NOT NULL,
    saved       BLOB    NOT NULL,
    share       BLOB    NOT NULL
) STRICT;
CREATE INDEX docs_by_grid ON docs (kind, grid, priority, due_at);
CREATE INDEX docs_by_place ON docs (grid, finished_at);
CREATE INDEX docs_share ON docs (n, share);
-- Whole: a partial index over parent <> '' serves no query that asks for a bound parent.
CREATE INDEX docs_by_parent ON docs (parent, kind);
CREATE INDEX docs_due ON docs (kind, open, due_at, grid);
-- Lists and counts of the console: from the index alone, in the order of the page. The columns
-- at the end say whose an order is, for those who do not see all.
CREATE INDEX docs_open ON docs (kind, open, priority, due_at IS NULL, due_at, n, state, units, grid, assignees, owner);
CREATE INDEX docs_ended ON docs (kind, open, finished_at, n, grid);
CREATE INDEX docs_by_state ON docs (kind, state, finished_at, grid);
CREATE INDEX docs_pending ON docs (kind, pending) WHERE pending > 0;
CREATE INDEX docs_conflicts ON docs (kind) WHERE conflicts > 0;

CREATE TABLE log (
    idx          INTEGER NOT NULL PRIMARY KEY,
    hash         BLOB    NOT NULL UNIQUE,
    device       INTEGER NOT NULL REFERENCES devices (n),
    seq          INTEGER NOT NULL,
    doc          INTEGER,
    header       BLOB    NOT NULL,
    change       BLOB    NOT NULL,
    received_at  INTEGER NOT NULL,
    effective_at INTEGER NOT NULL,
    trust        TEXT    NOT NULL,
    -- Why it was kept outside the documents; NULL when it is in them.
    refused      TEXT,
    detail       TEXT    NOT NULL DEFAULT '',
    -- Hashes of the subtrees of the Merkle tree that this line completes, from its leaf upwards.
    nodes        BLOB    NOT NULL,
    UNIQUE (device, seq)
) STRICT;
CREATE INDEX log_by_doc ON log (doc, idx);
CREATE INDEX log_refused ON log (idx) WHERE refused IS NOT NULL;

-- What devices signed: the end of each run that was pushed. Without it an entry is a claim.
CREATE TABLE chain_signatures (
    device    INTEGER NOT NULL REFERENCES devices (n),
    seq       INTEGER NOT NULL,
    signature BLOB    NOT NULL,
    PRIMARY KEY (device, seq)
) STRICT, WITHOUT ROWID;

-- The lives of this database, and how many lines of the log each began with.
CREATE TABLE epochs (
    epoch INTEGER NOT NULL PRIMARY KEY,
    began INTEGER NOT NULL
) STRICT;

-- Pairs of our own checkpoints that exclude each other, as phones brought them (F46).
CREATE TABLE contradictions (
    device INTEGER NOT NULL REFERENCES devices (n),
    held   BLOB    NOT NULL,
    seen   BLOB    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (device, held, seen)
) STRICT, WITHOUT ROWID;

-- What phones saved of damaged stores, in their own words; the first of each (F7).
CREATE TABLE salvages (
    device      INTEGER NOT NULL REFERENCES devices (n),
    number      INTEGER NOT NULL,
    -- 0: the device was enrolled after it, and nobody knows whose entries are lost.
    identity    INTEGER NOT NULL,
    entries     INTEGER NOT NULL,
    unsent      INTEGER NOT NULL,
    export_only INTEGER NOT NULL,
    missing     INTEGER NOT NULL,
    photos      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (device, number, identity, entries, unsent, export_only, missing, photos)
) STRICT, WITHOUT ROWID;

-- Which documents a device holds. token 0: it has named the page that brought it; t > 0: sent
-- with page t; t < 0: told to drop it with page -t.
CREATE TABLE members (
    device INTEGER NOT NULL REFERENCES devices (n),
    doc    INTEGER NOT NULL REFERENCES docs (n),
    token  INTEGER NOT NULL,
    PRIMARY KEY (device, doc)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_in_flight ON members (device, token) WHERE token <> 0;

CREATE TABLE upstream (
    upstream_id  TEXT    NOT NULL PRIMARY KEY,
    doc          INTEGER NOT NULL REFERENCES docs (n),
    -- Keyed: the same record is known again, also after its bytes were erased, and none can be tried.
    payload_hash BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- The requester's identity: never in a synced document.
CREATE TABLE requesters (
    doc   INTEGER NOT NULL PRIMARY KEY REFERENCES docs (n),
    name  TEXT    NOT NULL,
    phone TEXT    NOT NULL
) STRICT;

-- Files of photos that headquarters holds; n only grows: it is the index of a file's receipts.
CREATE TABLE files (
    n           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sha256      BLOB    NOT NULL UNIQUE,
    bytes       INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    -- Who brought it first.
    device      INTEGER NOT NULL REFERENCES devices (n)
) STRICT;

-- Which photo records name a file, in the order in which they came; a cache of the visits.
CREATE TABLE file_refs (
    n      INTEGER NOT NULL PRIMARY KEY,
    sha256 BLOB    NOT NULL,
    bytes  INTEGER NOT NULL,
    doc    INTEGER NOT NULL REFERENCES docs (n),
    photo  TEXT    NOT NULL,
    part   INTEGER NOT NULL,
    -- What the picture looks like; of the original only.
    phash  INTEGER,
    UNIQUE (sha256, doc, photo, part)
) STRICT;
CREATE INDEX file_refs_by_doc ON file_refs (doc);

-- Files on their way. How much of one is here is the length of its file in photos/incoming.
CREATE TABLE uploads (
    id         BLOB    NOT NULL PRIMARY KEY,
    device     INTEGER NOT NULL REFERENCES devices (n),
    sha256     BLOB    NOT NULL,
    length     INTEGER NOT NULL,
    -- 0 open, 1 finished, 2 given up.
    state      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX uploads_by_file ON uploads (device, sha256) WHERE state <> 2;
CREATE INDEX uploads_by_end ON uploads (expires_at);
CREATE INDEX uploads_open ON uploads (sha256) WHERE state = 0;

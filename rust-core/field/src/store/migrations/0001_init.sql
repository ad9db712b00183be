-- The phone's store, version 1. A column's meaning never changes; a new meaning is a new column.
-- Document ids are the 17 bytes of the wire form, hashes 32 bytes, times UTC milliseconds.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The truth: every act of this device, in the order of its chain.
-- state: 0 pending, 1 acknowledged, 2 refused (quarantine).
-- log_index: headquarters' index of the entry; NULL until headquarters holds it.
-- in_doc: 1 when the change is part of what docs and doc_changes hold.
CREATE TABLE entries (
    seq            INTEGER PRIMARY KEY,
    hash           BLOB    NOT NULL,
    doc            BLOB    NOT NULL,
    header         BLOB    NOT NULL,
    change         BLOB    NOT NULL,
    change_hash    BLOB    NOT NULL,
    state          INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2)),
    refused_code   TEXT    NOT NULL DEFAULT '',
    refused_detail TEXT    NOT NULL DEFAULT '',
    log_index      INTEGER,
    in_doc         INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX entries_doc ON entries (doc, seq);
CREATE INDEX entries_unsent ON entries (seq) WHERE log_index IS NULL;
CREATE INDEX entries_open ON entries (state, seq) WHERE state <> 1;

-- What headquarters has confirmed, by document: a snapshot and the changes after it.
-- purged: 1 when the content was deleted here while headquarters still counts the document.
-- seen: 0 while a full resynchronisation has not named the document yet.
CREATE TABLE docs (
    doc    BLOB PRIMARY KEY,
    saved  BLOB    NOT NULL,
    heads  BLOB    NOT NULL,
    purged INTEGER NOT NULL DEFAULT 0,
    seen   INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE doc_changes (
    doc    BLOB    NOT NULL,
    n      INTEGER NOT NULL,
    change BLOB    NOT NULL,
    PRIMARY KEY (doc, n)
) STRICT, WITHOUT ROWID;

-- What lists show; a pure function of the documents.
CREATE TABLE list (
    id              INTEGER PRIMARY KEY,
    doc             BLOB    NOT NULL UNIQUE,
    kind            INTEGER NOT NULL,
    title           TEXT    NOT NULL DEFAULT '',
    detail          TEXT    NOT NULL DEFAULT '',
    state           TEXT    NOT NULL DEFAULT '',
    open            INTEGER NOT NULL DEFAULT 1,
    urgent          INTEGER NOT NULL DEFAULT 0,
    due_at          INTEGER,
    due_provisional INTEGER NOT NULL DEFAULT 0,
    grid            TEXT    NOT NULL DEFAULT '',
    lat_e7          INTEGER,
    lon_e7          INTEGER,
    parent          TEXT    NOT NULL DEFAULT '',
    author          TEXT    NOT NULL DEFAULT '',
    at              INTEGER,
    conflicts       INTEGER NOT NULL DEFAULT 0,
    pending         INTEGER NOT NULL DEFAULT 0,
    search          TEXT    NOT NULL DEFAULT '',
    finished_at     INTEGER,
    due_order       INTEGER NOT NULL GENERATED ALWAYS AS (coalesce(due_at, 9223372036854775807)) VIRTUAL,
    at_order        INTEGER NOT NULL GENERATED ALWAYS AS (coalesce(at, 0)) VIRTUAL
) STRICT;
CREATE INDEX list_order ON list (kind, open DESC, urgent DESC, due_order, at_order DESC, id);
CREATE INDEX list_any ON list (open DESC, urgent DESC, due_order, at_order DESC, id);
CREATE INDEX list_parent ON list (parent, kind) WHERE parent <> '';
CREATE INDEX list_place ON list (kind, open, lat_e7, lon_e7) WHERE lat_e7 IS NOT NULL;
CREATE INDEX list_conflicts ON list (id) WHERE conflicts > 0;
CREATE INDEX list_finished ON list (finished_at) WHERE finished_at IS NOT NULL;

-- Words are folded before they come here; each Chinese character is a word.
CREATE VIRTUAL TABLE list_fts USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);

CREATE TABLE receipts (
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    hq_epoch  INTEGER NOT NULL,
    receipt   BLOB    NOT NULL,
    PRIMARY KEY (last_seq, first_seq, hq_epoch)
) STRICT, WITHOUT ROWID;

-- Documents to ask for whole, because something of them did not apply.
CREATE TABLE want (
    doc   BLOB PRIMARY KEY,
    tries INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Things a person at support should know; cleared when they are over.
CREATE TABLE problems (
    code   TEXT PRIMARY KEY,
    detail TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

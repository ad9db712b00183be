-- Orders in and out. All of it stays at headquarters and none of it can be rebuilt from the log.

-- What matching needs of an order besides its document. requester is a keyed fingerprint: equal
-- ones can be found, none can be read.
CREATE TABLE arrivals (
    doc         INTEGER NOT NULL PRIMARY KEY REFERENCES docs (n),
    -- csv, form, appeal, open311, or the name of a neighbour.
    source      TEXT    NOT NULL,
    reported_at INTEGER NOT NULL,
    -- The words the catalogue is matched on, and the code that was chosen or found.
    matter_text TEXT    NOT NULL,
    matter_code TEXT    NOT NULL,
    place       TEXT    NOT NULL,
    requester   BLOB,
    secrecy     INTEGER NOT NULL,
    media_url   TEXT    NOT NULL
) STRICT;
CREATE INDEX arrivals_by_time ON arrivals (reported_at);
CREATE INDEX arrivals_by_requester ON arrivals (requester) WHERE requester IS NOT NULL;

-- Every version of an order as it came, byte by byte: personal data.
CREATE TABLE payloads (
    n           INTEGER NOT NULL PRIMARY KEY,
    doc         INTEGER NOT NULL REFERENCES docs (n),
    received_at INTEGER NOT NULL,
    media_type  TEXT    NOT NULL,
    sha256      BLOB    NOT NULL,
    -- Of the promise in the order's entry; erased with the bytes, so that it proves nothing any more.
    salt        BLOB    NOT NULL,
    bytes       BLOB    NOT NULL
) STRICT;
CREATE INDEX payloads_by_doc ON payloads (doc);

-- A form that was sent makes one thing, however often the button is pressed.
CREATE TABLE form_tokens (
    token BLOB    NOT NULL PRIMARY KEY,
    at    INTEGER NOT NULL,
    doc   INTEGER NOT NULL REFERENCES docs (n)
) STRICT, WITHOUT ROWID;

-- Mapping files for CSV, as clerks keep them.
CREATE TABLE mappings (
    name TEXT    NOT NULL PRIMARY KEY,
    toml TEXT    NOT NULL,
    at   INTEGER NOT NULL,
    by   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Uploaded CSV files between the dry run and a day later: personal data.
CREATE TABLE import_drafts (
    id      BLOB    NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    by      TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    mapping TEXT    NOT NULL,
    bytes   BLOB    NOT NULL,
    -- What became of it once it was taken in.
    taken   TEXT
) STRICT, WITHOUT ROWID;

-- Open311: keys of clients, kept only as SHA-256, and what was posted lately.
CREATE TABLE open311_keys (
    id         INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    hash       BLOB    NOT NULL UNIQUE,
    made_at    INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE TABLE open311_posts (
    key    INTEGER NOT NULL REFERENCES open311_keys (id),
    -- SHA-256 of the Idempotency-Key, or of the form where there is none.
    digest BLOB    NOT NULL,
    form   BLOB    NOT NULL,
    at     INTEGER NOT NULL,
    doc    INTEGER NOT NULL REFERENCES docs (n),
    PRIMARY KEY (key, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX open311_posts_by_time ON open311_posts (at);
CREATE INDEX open311_posts_by_doc ON open311_posts (doc);

-- Neighbours that files are exchanged with, and every file given or taken.
CREATE TABLE neighbours (
    id       INTEGER NOT NULL PRIMARY KEY,
    name     TEXT    NOT NULL UNIQUE,
    -- As people exchange it: ed25519:…
    key      TEXT    NOT NULL,
    -- 1: hears of every order with an upstream id, not only of its own.
    all_of   INTEGER NOT NULL,
    added_at INTEGER NOT NULL
) STRICT;
CREATE TABLE exchange_files (
    neighbour INTEGER NOT NULL REFERENCES neighbours (id),
    -- 0 given, 1 taken.
    taken     INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    by        TEXT    NOT NULL,
    sha256    BLOB    NOT NULL,
    lines     INTEGER NOT NULL,
    -- Given: up to which index of the log. Taken: how many numbers before it never came.
    mark      INTEGER NOT NULL,
    -- Given: the file itself, so that a lost one can be given again.
    bytes     BLOB,
    PRIMARY KEY (neighbour, taken, seq)
) STRICT, WITHOUT ROWID;

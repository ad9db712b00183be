-- Photos. A column's meaning never changes.

-- A photo about to be taken: written before the camera opens, claimed after a kill.
-- id is the photo's id to be; wall, mono and boot are the phone's clocks when it was written.
CREATE TABLE tickets (
    id      BLOB PRIMARY KEY,
    visit   BLOB    NOT NULL,
    role    TEXT    NOT NULL,
    wall_ms INTEGER NOT NULL,
    mono_ms INTEGER NOT NULL,
    boot    BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- Files of photos: sealed in photos/<name>, one key each, known by content.
-- part: 0 thumbnail, 1 evidence, 2 original; the order in which they travel.
-- held: 0 when the file was given up here after headquarters' durable receipt.
-- trouble: '', 'missing' or 'altered'; told: 1 when headquarters was told of it.
-- upload: headquarters' id of an unfinished upload; sent: bytes it is known to have.
CREATE TABLE files (
    sha256        BLOB PRIMARY KEY,
    bytes         INTEGER NOT NULL,
    part          INTEGER NOT NULL,
    name          TEXT    NOT NULL UNIQUE,
    key           BLOB    NOT NULL,
    made_at       INTEGER NOT NULL,
    held          INTEGER NOT NULL DEFAULT 1,
    trouble       TEXT    NOT NULL DEFAULT '',
    told          INTEGER NOT NULL DEFAULT 0,
    upload        BLOB,
    sent          INTEGER NOT NULL DEFAULT 0,
    receipt       BLOB,
    receipt_index INTEGER,
    receipt_epoch INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX files_unsent ON files (part, made_at) WHERE receipt IS NULL AND held = 1 AND trouble = '';
CREATE INDEX files_sent ON files (part DESC, made_at) WHERE receipt IS NOT NULL AND held = 1;

-- Photos taken on this phone. seq: the entry that says so.
CREATE TABLE photos (
    id        BLOB PRIMARY KEY,
    visit     BLOB    NOT NULL,
    seq       INTEGER NOT NULL,
    thumbnail BLOB    NOT NULL REFERENCES files (sha256),
    evidence  BLOB    NOT NULL REFERENCES files (sha256),
    original  BLOB    NOT NULL REFERENCES files (sha256),
    phash     INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX photos_visit ON photos (visit);
CREATE INDEX photos_thumbnail ON photos (thumbnail);
CREATE INDEX photos_evidence ON photos (evidence);
CREATE INDEX photos_original ON photos (original);

-- Accounts, sessions and who read whose data.
CREATE TABLE accounts (
    staff      TEXT    NOT NULL PRIMARY KEY REFERENCES staff (id),
    admin      INTEGER NOT NULL DEFAULT 0,
    active     INTEGER NOT NULL DEFAULT 1,
    -- Argon2id in PHC form; NULL until the person has chosen one.
    password   TEXT,
    -- SHA-256 of the one-time code with which a password is set.
    code_hash  BLOB,
    code_until INTEGER,
    -- TOTP secret, the one shown but not yet confirmed, and the last step that was used.
    totp       BLOB,
    totp_new   BLOB,
    totp_step  INTEGER NOT NULL DEFAULT 0,
    made_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX accounts_by_code ON accounts (code_hash) WHERE code_hash IS NOT NULL;

CREATE TABLE sessions (
    -- SHA-256 of what the cookie holds.
    id      BLOB    NOT NULL PRIMARY KEY,
    staff   TEXT    NOT NULL REFERENCES accounts (staff),
    made_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    address TEXT    NOT NULL,
    agent   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_staff ON sessions (staff);

-- Failed attempts to sign in, by account and by address.
CREATE TABLE failures (
    about   TEXT    NOT NULL PRIMARY KEY,
    n       INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX failures_by_time ON failures (last_at);

-- Acts that need a second administrator.
CREATE TABLE pairs (
    n       INTEGER NOT NULL PRIMARY KEY,
    what    TEXT    NOT NULL,
    about   TEXT    NOT NULL,
    reason  TEXT    NOT NULL,
    by      TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    second  TEXT,
    done_at INTEGER
) STRICT;

-- Who read or did what. Each line holds the hash of the one before: a line that is changed or
-- taken out afterwards shows. Residents stand in it only as keyed hashes.
CREATE TABLE audit (
    n       INTEGER NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    who     TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    what    TEXT    NOT NULL,
    about   TEXT    NOT NULL,
    purpose TEXT    NOT NULL,
    name    BLOB,
    phone   BLOB,
    session TEXT    NOT NULL,
    hash    BLOB    NOT NULL
) STRICT;
-- The line up to which the log was looked at, its hash, and when all of it was looked at last.
CREATE TABLE audit_mark (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    n        INTEGER NOT NULL,
    hash     BLOB    NOT NULL,
    whole_at INTEGER
) STRICT;
CREATE INDEX audit_by_who ON audit (who, n);
CREATE INDEX audit_by_about ON audit (about, n);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_name ON audit (name) WHERE name IS NOT NULL;
CREATE INDEX audit_by_phone ON audit (phone) WHERE phone IS NOT NULL;
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'audit lines never change'); END;
CREATE TRIGGER audit_grows BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'audit lines are never deleted'); END;

-- Figures. All tables but the meetings are caches of the documents and the log
-- (figures::rebuild).

-- One line per order that counts, in order of arrival, so that a period is one stretch of the
-- table. history: every time the rates need, packed (figures/pack.rs), because a figure as of an
-- earlier moment needs all of them and today's columns would be a second truth.
CREATE TABLE order_facts (
    received_at INTEGER NOT NULL,
    doc         INTEGER NOT NULL UNIQUE REFERENCES docs (n),
    grid        TEXT    NOT NULL,
    matter      TEXT    NOT NULL,
    unit        TEXT    NOT NULL,
    urgency     TEXT    NOT NULL,
    channel     TEXT    NOT NULL,
    -- 1 if it came by the hotline and not from an appeal in the grid.
    hotline     INTEGER NOT NULL,
    -- The reported place as search words, with a space at both ends.
    place       TEXT    NOT NULL,
    history     BLOB    NOT NULL,
    PRIMARY KEY (received_at, doc)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_facts_by_place ON order_facts (grid, received_at, hotline, place);

-- at: when it counts (effective_at of its first entry), NULL until that is in the log.
CREATE TABLE visit_facts (
    doc    INTEGER NOT NULL PRIMARY KEY REFERENCES docs (n),
    at     INTEGER,
    grid   TEXT    NOT NULL,
    target TEXT    NOT NULL
) STRICT;
CREATE INDEX visit_facts_by_time ON visit_facts (at, grid, target);

-- One line per person met at a visit: a contact event (人次).
CREATE TABLE contact_facts (
    visit  INTEGER NOT NULL REFERENCES docs (n),
    event  TEXT    NOT NULL,
    person TEXT    NOT NULL,
    PRIMARY KEY (visit, event)
) STRICT, WITHOUT ROWID;

-- Which person counts as which other one.
CREATE TABLE person_links (
    person TEXT NOT NULL PRIMARY KEY,
    other  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE appeal_facts (
    doc     INTEGER NOT NULL PRIMARY KEY REFERENCES docs (n),
    at      INTEGER,
    grid    TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    channel TEXT    NOT NULL,
    place   TEXT    NOT NULL,
    solved  INTEGER NOT NULL,
    turned  INTEGER NOT NULL
) STRICT;
CREATE INDEX appeal_facts_by_time ON appeal_facts (at);

CREATE TABLE dwelling_facts (
    place TEXT NOT NULL PRIMARY KEY,
    grid  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Figures as a dispatch meeting (定期调度) saw them, with what it agreed on. Not a cache: what was
-- known at that moment cannot be counted again once late entries have come. Never changed.
CREATE TABLE meetings (
    n         INTEGER NOT NULL PRIMARY KEY,
    title     TEXT    NOT NULL,
    frozen_by TEXT    NOT NULL REFERENCES staff (id),
    frozen_at INTEGER NOT NULL,
    log_end   INTEGER NOT NULL,
    query     TEXT    NOT NULL,
    figures   TEXT    NOT NULL
) STRICT;

CREATE TABLE meeting_items (
    n       INTEGER NOT NULL PRIMARY KEY,
    meeting INTEGER NOT NULL REFERENCES meetings (n),
    words   TEXT    NOT NULL,
    owner   TEXT    NOT NULL,
    due     INTEGER
) STRICT;
CREATE INDEX meeting_items_by_meeting ON meeting_items (meeting);

-- What became of an action item.
CREATE TABLE meeting_marks (
    n     INTEGER NOT NULL PRIMARY KEY,
    item  INTEGER NOT NULL REFERENCES meeting_items (n),
    at    INTEGER NOT NULL,
    by    TEXT    NOT NULL REFERENCES staff (id),
    words TEXT    NOT NULL
) STRICT;
CREATE INDEX meeting_marks_by_item ON meeting_marks (item);

CREATE TRIGGER meetings_stand BEFORE UPDATE ON meetings BEGIN SELECT raise(ABORT, 'frozen'); END;
CREATE TRIGGER meetings_stay BEFORE DELETE ON meetings BEGIN SELECT raise(ABORT, 'frozen'); END;
CREATE TRIGGER items_stand BEFORE UPDATE ON meeting_items BEGIN SELECT raise(ABORT, 'frozen'); END;
CREATE TRIGGER items_stay BEFORE DELETE ON meeting_items BEGIN SELECT raise(ABORT, 'frozen'); END;
CREATE TRIGGER marks_stand BEFORE UPDATE ON meeting_marks BEGIN SELECT raise(ABORT, 'frozen'); END;
CREATE TRIGGER marks_stay BEFORE DELETE ON meeting_marks BEGIN SELECT raise(ABORT, 'frozen'); END;

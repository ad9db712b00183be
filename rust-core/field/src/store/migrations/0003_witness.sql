-- What headquarters' log was, as it signed it: the newest checkpoint of each of its lives. n only
-- grows, so the highest is the one this phone stands on.
CREATE TABLE checkpoints (
    n          INTEGER NOT NULL PRIMARY KEY,
    hq_epoch   INTEGER NOT NULL UNIQUE,
    checkpoint BLOB    NOT NULL
) STRICT;

-- Pairs of checkpoints that exclude each other: proof that the log was rewritten (F46). Never deleted.
CREATE TABLE contradictions (
    n        INTEGER NOT NULL PRIMARY KEY,
    kind     TEXT    NOT NULL,
    held     BLOB    NOT NULL UNIQUE,
    seen     BLOB    NOT NULL,
    -- 1 once headquarters answered a request that carried it.
    reported INTEGER NOT NULL DEFAULT 0
) STRICT;

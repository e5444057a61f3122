-- The first layout of the store.
--
-- `crc` is the CRC-32 of table, key and body, and `meta.seal` sums it over all rows but its own: SQLite notices a torn file,
-- but not a byte that changed inside a row, nor a row that is gone with its cell.
-- The events' `time` is RFC 3339 in UTC with nine digits of a second, so that texts sort as the times they stand for.

-- "fltS": tells a store of fleetsheet from any other SQLite database.
PRAGMA application_id = 0x666C7453;

CREATE TABLE meta (
    key   TEXT   PRIMARY KEY NOT NULL,
    value TEXT   NOT NULL,
    crc   BIGINT NOT NULL
);

CREATE TABLE channels (
    name TEXT   PRIMARY KEY NOT NULL,
    body TEXT   NOT NULL,
    crc  BIGINT NOT NULL
);

CREATE TABLE servers (
    id   TEXT   PRIMARY KEY NOT NULL,
    body TEXT   NOT NULL,
    crc  BIGINT NOT NULL
);

CREATE TABLE problems (
    fingerprint TEXT   PRIMARY KEY NOT NULL,
    body        TEXT   NOT NULL,
    crc         BIGINT NOT NULL
);

CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    time       TEXT NOT NULL,
    run        TEXT NOT NULL,
    channel    TEXT NOT NULL,
    event      TEXT NOT NULL,
    from_value TEXT NOT NULL,
    to_value   TEXT NOT NULL,
    detail     TEXT NOT NULL
);

CREATE INDEX events_by_channel ON events (channel, seq);
CREATE INDEX events_by_time ON events (time);

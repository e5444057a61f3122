-- Mail: news that no letter tells yet, and letters that somebody still has to get.
--
-- Both are sealed like the other tables. Numbers are counted in `meta.mail`, twelve digits each, so that texts sort as they do.

CREATE TABLE news (
    number TEXT   PRIMARY KEY NOT NULL,
    body   TEXT   NOT NULL,
    crc    BIGINT NOT NULL
);

CREATE TABLE outbox (
    number TEXT   PRIMARY KEY NOT NULL,
    body   TEXT   NOT NULL,
    crc    BIGINT NOT NULL
);

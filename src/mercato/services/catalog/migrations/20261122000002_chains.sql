-- migrate:up

-- One row per chain: the block its rows are true at. chain_ref is the small key used inside this database.
-- Where (generation, block_number) is higher, the statement is newer: a reorganisation may lower the number.
CREATE TABLE sync_state (
    chain_ref    smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chain_number bigint NOT NULL UNIQUE CHECK (chain_number > 0),
    generation   bigint NOT NULL DEFAULT 0,
    block_number bigint,
    block_hash   bytea CHECK (octet_length(block_hash) = 32),
    head         bigint,
    finalized    bigint,
    observed_at  timestamptz
);

-- Every block that a fact or a reorganisation has named; a hash is stored once. block_ref orders the blocks of a chain
-- by height, so it is at once key and position: chain_ref in 15 bits, height in 40, place among competing blocks in 8.
-- A block is orphaned when it was last retracted in a later generation than its facts were last published in; both
-- columns only grow, so publications and retractions may be applied in any order.
CREATE TABLE blocks (
    chain_ref    smallint NOT NULL,
    number       bigint NOT NULL CHECK (number >= 0 AND number < 1099511627776),
    fork         smallint NOT NULL CHECK (fork BETWEEN 0 AND 255),
    block_ref    bigint GENERATED ALWAYS AS ((chain_ref::bigint << 48) | (number << 8) | fork::bigint) STORED PRIMARY KEY,
    hash         bytea NOT NULL CHECK (octet_length(hash) = 32),
    mined_at     timestamptz NOT NULL,
    published_in bigint NOT NULL,
    orphaned_in  bigint NOT NULL,
    orphaned     boolean GENERATED ALWAYS AS (published_in < orphaned_in) STORED,
    UNIQUE (chain_ref, hash)
);
CREATE INDEX blocks_by_time ON blocks (chain_ref, mined_at, block_ref) WHERE NOT orphaned;

-- migrate:down
DROP TABLE blocks;
DROP TABLE sync_state;

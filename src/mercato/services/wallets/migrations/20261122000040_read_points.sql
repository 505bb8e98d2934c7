-- migrate:up
-- One row per chain: the block its approvals are true at. Where (generation, block_number) is higher, the statement is
-- newer: a reorganisation may lower the number.
CREATE TABLE sync_state (
    chain_id     bigint PRIMARY KEY CHECK (chain_id > 0),
    generation   bigint NOT NULL DEFAULT 0,
    block_number bigint,
    block_hash   bytea CHECK (octet_length(block_hash) = 32),
    mined_at     timestamptz,
    head         bigint,
    safe         bigint,
    finalized    bigint,
    observed_at  timestamptz,
    CHECK (num_nulls(block_number, block_hash, mined_at, observed_at) IN (0, 4))
);

-- Statements of the indexer that a chain is read up to a block, while some of its approvals or transfers are still on
-- their way. awaits holds the ids of the messages not yet applied; from_block is the first block the statement covers,
-- 0 when it says nothing of what lies before.
CREATE TABLE awaited_progress (
    chain_id     bigint NOT NULL,
    generation   bigint NOT NULL,
    block_number bigint NOT NULL,
    block_hash   bytea NOT NULL CHECK (octet_length(block_hash) = 32),
    mined_at     timestamptz NOT NULL,
    head         bigint NOT NULL,
    safe         bigint NOT NULL,
    finalized    bigint NOT NULL,
    from_block   bigint NOT NULL,
    awaits       text[] NOT NULL,
    PRIMARY KEY (chain_id, generation, block_number)
);

-- migrate:down
DROP TABLE awaited_progress;
DROP TABLE sync_state;

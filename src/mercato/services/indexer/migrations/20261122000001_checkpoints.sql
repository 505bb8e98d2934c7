-- migrate:up

-- How far a chain is read. `epoch` fences: who leads a chain raised it, and every later write names it.
CREATE TABLE indexer_checkpoints (
    chain_id bigint PRIMARY KEY CHECK (chain_id > 0),
    -- The last block whose facts are published; start_block - 1 (so -1 at the least) and no hash before the first.
    block_number bigint NOT NULL CHECK (block_number >= -1),
    block_hash bytea CHECK (octet_length(block_hash) = 32),
    block_timestamp bigint NOT NULL DEFAULT 0,
    head bigint NOT NULL DEFAULT 0,
    -- No fork may reach this block or one below; never falls.
    finalized bigint NOT NULL DEFAULT -1,
    -- Reorganisations retracted so far; facts carry it, so that a block that comes back is told from a late fact.
    generation bigint NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'catching_up'
        CHECK (state IN ('following', 'catching_up', 'halted', 'unreachable')),
    reason text NOT NULL DEFAULT '',
    facts_published bigint NOT NULL DEFAULT 0,
    epoch bigint NOT NULL DEFAULT 0,
    leader text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Blocks that a fork may still take away. A block stands here before any of its facts leaves, so those above the
-- checkpoint were announced by a reader that died half-way.
CREATE TABLE recent_blocks (
    chain_id bigint NOT NULL REFERENCES indexer_checkpoints ON DELETE CASCADE,
    number bigint NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    parent_hash bytea NOT NULL CHECK (octet_length(parent_hash) = 32),
    block_timestamp bigint NOT NULL,
    -- Log indexes kept in events.raw: with chain, number and hash they are its keys.
    raw_logs integer[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (chain_id, number)
);

-- Forks that were followed, for ever. `published_at` is empty until every consumer's queue has the retraction.
CREATE TABLE reorgs (
    chain_id bigint NOT NULL REFERENCES indexer_checkpoints ON DELETE CASCADE,
    generation bigint NOT NULL,
    ancestor_number bigint NOT NULL,
    ancestor_hash bytea NOT NULL,
    ancestor_timestamp bigint NOT NULL,
    detected_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    PRIMARY KEY (chain_id, generation)
);
CREATE INDEX reorgs_unpublished ON reorgs (chain_id) WHERE published_at IS NULL;

CREATE TABLE orphaned_blocks (
    chain_id bigint NOT NULL,
    generation bigint NOT NULL,
    number bigint NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    parent_hash bytea NOT NULL,
    block_timestamp bigint NOT NULL,
    raw_logs integer[] NOT NULL,
    -- A later fork made it canonical again. A block is an orphan while one row of it says false.
    readopted boolean NOT NULL DEFAULT false,
    PRIMARY KEY (chain_id, generation, number),
    FOREIGN KEY (chain_id, generation) REFERENCES reorgs ON DELETE CASCADE
);
CREATE INDEX orphaned_blocks_hash ON orphaned_blocks (chain_id, hash);

-- Contracts whose logs are read in the scope "followed", from the block in which they came to be.
CREATE TABLE followed_contracts (
    chain_id bigint NOT NULL REFERENCES indexer_checkpoints ON DELETE CASCADE,
    address bytea NOT NULL CHECK (octet_length(address) = 20),
    from_block bigint NOT NULL,
    source text NOT NULL CHECK (source IN ('factory', 'import')),
    followed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (chain_id, address)
);

-- migrate:down

DROP TABLE followed_contracts;
DROP TABLE orphaned_blocks;
DROP TABLE reorgs;
DROP TABLE recent_blocks;
DROP TABLE indexer_checkpoints;

-- migrate:up
CREATE TABLE tx_intents (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 128),
    body_hash bytea NOT NULL CHECK (octet_length(body_hash) = 32),
    kind text NOT NULL CHECK (kind IN ('CREATE_COLLECTION', 'MINT_721', 'MINT_1155')),
    state text NOT NULL CHECK (state IN ('PREPARED', 'SUBMITTED', 'INCLUDED', 'CONFIRMED', 'INDEXED', 'FAILED',
                                         'REPLACED', 'DROPPED', 'EXPIRED')),
    chain_id bigint NOT NULL CHECK (chain_id > 0),
    sender bytea NOT NULL CHECK (octet_length(sender) = 20),
    tx_to bytea NOT NULL CHECK (octet_length(tx_to) = 20),
    tx_data bytea NOT NULL,
    tx_value numeric(78, 0) NOT NULL CHECK (tx_value >= 0),
    gas_limit bigint NOT NULL CHECK (gas_limit > 0),
    max_fee_per_gas numeric(78, 0) NOT NULL CHECK (max_fee_per_gas >= 0),
    max_priority_fee_per_gas numeric(78, 0) NOT NULL CHECK (max_priority_fee_per_gas >= 0),
    -- Where the collection will stand (CREATE2), or the collection minted from.
    contract bytea NOT NULL CHECK (octet_length(contract) = 20),
    -- Of a mint.
    recipient bytea CHECK (octet_length(recipient) = 20),
    -- The sender's next nonce when the intent was prepared.
    first_nonce bigint NOT NULL CHECK (first_nonce >= 0),
    -- What is known; the columns below it are read off these facts, for the indexes.
    facts jsonb NOT NULL,
    timeline jsonb NOT NULL,
    tx_hash bytea CHECK (octet_length(tx_hash) = 32),
    -- A node showed tx_hash with the sender, target, calldata and value of this intent.
    tx_proven boolean NOT NULL DEFAULT false,
    -- Every hash that may carry out the intent (a sped-up transaction has two).
    tx_hashes bytea[] NOT NULL DEFAULT '{}',
    block_number bigint,
    block_hash bytea CHECK (octet_length(block_hash) = 32),
    -- Highest block that any fact stands on.
    top_block bigint,
    version bigint NOT NULL CHECK (version > 0),
    pushed_version bigint NOT NULL CHECK (pushed_version BETWEEN 0 AND version),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((recipient IS NULL) = (kind = 'CREATE_COLLECTION')),
    UNIQUE (user_id, idempotency_key)
);
-- A claim alone takes no hash from anybody: only a proven one does.
CREATE UNIQUE INDEX tx_intents_transaction ON tx_intents (chain_id, tx_hash) WHERE tx_proven;
CREATE UNIQUE INDEX tx_intents_predicted ON tx_intents (chain_id, contract) WHERE kind = 'CREATE_COLLECTION';
CREATE INDEX tx_intents_hashes ON tx_intents USING gin (tx_hashes);
CREATE INDEX tx_intents_mints ON tx_intents (chain_id, contract, recipient, id DESC)
    WHERE kind <> 'CREATE_COLLECTION';
CREATE INDEX tx_intents_blocks ON tx_intents (chain_id, top_block) WHERE top_block IS NOT NULL;
CREATE INDEX tx_intents_of_user ON tx_intents (user_id, id DESC);
CREATE INDEX tx_intents_watched ON tx_intents (chain_id, id) WHERE state IN ('SUBMITTED', 'INCLUDED', 'CONFIRMED');
CREATE INDEX tx_intents_expiring ON tx_intents (expires_at) WHERE state = 'PREPARED';
CREATE INDEX tx_intents_unpushed ON tx_intents (id) WHERE pushed_version < version;

-- Blocks that left the canonical chain, so that what is still told about them is not believed.
CREATE TABLE orphaned_blocks (
    chain_id bigint NOT NULL,
    block_hash bytea NOT NULL CHECK (octet_length(block_hash) = 32),
    block_number bigint NOT NULL,
    orphaned_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (chain_id, block_hash)
);

CREATE TABLE processed_events (
    consumer text NOT NULL,
    event_id text NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
-- Rows come in the order of their time, so a few pages of index say which are old.
CREATE INDEX processed_events_by_time ON processed_events USING brin (processed_at);

-- migrate:down
DROP TABLE processed_events;
DROP TABLE orphaned_blocks;
DROP TABLE tx_intents;

-- migrate:up
-- An address that somebody proved to own, on any chain, is theirs on all.
CREATE TABLE address_owners (
    address     bytea PRIMARY KEY CHECK (octet_length(address) = 20),
    user_id     uuid NOT NULL,
    verified_at timestamptz NOT NULL,
    UNIQUE (address, user_id)
);

CREATE TABLE wallets (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    address    bytea NOT NULL,
    chain_id   bigint NOT NULL CHECK (chain_id > 0),
    is_primary boolean NOT NULL,
    linked_at  timestamptz NOT NULL,
    UNIQUE (user_id, address, chain_id),
    FOREIGN KEY (address, user_id) REFERENCES address_owners (address, user_id)
);
CREATE UNIQUE INDEX wallets_primary ON wallets (user_id) WHERE is_primary;

-- Every approval event of a canonical block, as far as known: a set, in whatever order it arrived.
CREATE TABLE approvals_history (
    chain_id     bigint NOT NULL,
    block_hash   bytea NOT NULL CHECK (octet_length(block_hash) = 32),
    log_index    integer NOT NULL,
    block_number bigint NOT NULL,
    block_time   timestamptz NOT NULL,
    tx_hash      bytea NOT NULL CHECK (octet_length(tx_hash) = 32),
    contract     bytea NOT NULL CHECK (octet_length(contract) = 20),
    owner        bytea NOT NULL CHECK (octet_length(owner) = 20),
    operator     bytea NOT NULL CHECK (octet_length(operator) = 20),
    token_id     numeric(78, 0),
    approved     boolean NOT NULL,
    -- How many reorganisations the indexer had seen when it read the block.
    generation   bigint NOT NULL,
    PRIMARY KEY (chain_id, block_hash, log_index)
);
CREATE INDEX approvals_history_for_all ON approvals_history (owner, operator, contract, chain_id)
    WHERE token_id IS NULL;
CREATE INDEX approvals_history_of_token ON approvals_history (contract, token_id, chain_id)
    WHERE token_id IS NOT NULL;

-- The last word of the history: for each operator (all tokens), for each token (one operator).
CREATE TABLE approvals (
    chain_id     bigint NOT NULL,
    contract     bytea NOT NULL,
    owner        bytea NOT NULL,
    operator     bytea NOT NULL,
    token_id     numeric(78, 0),
    approved     boolean NOT NULL,
    block_number bigint NOT NULL,
    block_hash   bytea NOT NULL,
    block_time   timestamptz NOT NULL,
    tx_hash      bytea NOT NULL,
    log_index    integer NOT NULL
);
CREATE UNIQUE INDEX approvals_for_all ON approvals (owner, operator, contract, chain_id) WHERE token_id IS NULL;
CREATE UNIQUE INDEX approvals_of_token ON approvals (contract, token_id, chain_id) WHERE token_id IS NOT NULL;
CREATE INDEX approvals_listed ON approvals (owner, block_time, chain_id, block_number, log_index) WHERE approved;
CREATE INDEX approvals_block ON approvals (chain_id, block_hash);

-- Blocks that are not canonical any more: facts read before that reorganisation are refused, however late they come,
-- and facts of a block that came back carry a higher generation.
CREATE TABLE orphaned_blocks (
    chain_id     bigint NOT NULL,
    block_hash   bytea NOT NULL,
    generation   bigint NOT NULL,
    PRIMARY KEY (chain_id, block_hash)
);

CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange    text NOT NULL,
    routing_key text NOT NULL,
    message_id  text NOT NULL,
    type        text NOT NULL,
    headers     jsonb NOT NULL,
    body        bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE processed_events (
    consumer     text NOT NULL,
    event_id     text NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
-- Rows come in the order of their time, so a few pages of index say which are old.
CREATE INDEX processed_events_by_time ON processed_events USING brin (processed_at);

-- migrate:down
DROP TABLE processed_events;
DROP TABLE outbox;
DROP TABLE orphaned_blocks;
DROP TABLE approvals;
DROP TABLE approvals_history;
DROP TABLE wallets;
DROP TABLE address_owners;

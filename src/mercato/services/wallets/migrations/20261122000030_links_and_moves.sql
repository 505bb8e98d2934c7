-- migrate:up
-- Users whom an address was unlinked from: signing in with it must not bring it back to them.
CREATE TABLE departures (
    address bytea NOT NULL CHECK (octet_length(address) = 20),
    user_id uuid NOT NULL,
    left_at timestamptz NOT NULL,
    PRIMARY KEY (address, user_id)
);

-- Transfers of ERC-721 tokens after the mint, as far as known: each ends the approval of its one token. A set, in
-- whatever order it arrived, because an approval may be heard of after the transfer that ended it.
CREATE TABLE token_moves (
    chain_id     bigint NOT NULL,
    contract     bytea NOT NULL,
    token_id     numeric(78, 0) NOT NULL,
    block_number bigint NOT NULL,
    log_index    integer NOT NULL,
    block_hash   bytea NOT NULL CHECK (octet_length(block_hash) = 32),
    block_time   timestamptz NOT NULL,
    tx_hash      bytea NOT NULL CHECK (octet_length(tx_hash) = 32),
    generation   bigint NOT NULL,
    PRIMARY KEY (contract, token_id, chain_id, block_number, log_index, block_hash)
);
-- Only reorganisations look for blocks; rows come by block, so a few pages of index say where.
CREATE INDEX token_moves_by_block ON token_moves USING brin (chain_id, block_number) WITH (pages_per_range = 32);

-- The first transfer after the approval of one token; such an approval is not in force.
ALTER TABLE approvals
    ADD COLUMN ended_block_number bigint,
    ADD COLUMN ended_block_hash   bytea,
    ADD COLUMN ended_log_index    integer,
    ADD CONSTRAINT approvals_ended CHECK (ended_block_hash IS NULL OR (token_id IS NOT NULL AND NOT approved));
CREATE INDEX approvals_ended_block ON approvals (chain_id, ended_block_hash) WHERE ended_block_hash IS NOT NULL;
CREATE INDEX approvals_history_listed ON approvals_history (owner, block_time, chain_id, block_number, log_index);

-- migrate:down
DROP INDEX approvals_history_listed;
ALTER TABLE approvals
    DROP COLUMN ended_block_number,
    DROP COLUMN ended_block_hash,
    DROP COLUMN ended_log_index;
DROP TABLE token_moves;
DROP TABLE departures;

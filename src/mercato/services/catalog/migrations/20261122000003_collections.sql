-- migrate:up
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- A contract. What the fact tables below say last is repeated here for reading; the three counts follow the transfers.
-- created_as is what a factory said, moved_as the highest standard its transfers had (1 ERC-721, 2 ERC-1155).
-- followed: a binding exists, so its whole history matters, not only what is seen live.
CREATE TABLE collections (
    collection_ref   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chain_ref        smallint NOT NULL,
    contract         bytea NOT NULL CHECK (octet_length(contract) = 20),
    created_as       smallint,
    moved_as         smallint NOT NULL DEFAULT 0,
    standard         smallint GENERATED ALWAYS AS (COALESCE(created_as, moved_as)) STORED,
    followed         boolean NOT NULL DEFAULT false,
    name             text NOT NULL DEFAULT '',
    symbol           text NOT NULL DEFAULT '',
    base_uri         text NOT NULL DEFAULT '',
    contract_uri     text NOT NULL DEFAULT '',
    creator          bytea CHECK (octet_length(creator) = 20),
    owner            bytea CHECK (octet_length(owner) = 20),
    royalty_receiver bytea CHECK (octet_length(royalty_receiver) = 20),
    royalty_bps      bigint NOT NULL DEFAULT 0,
    token_count      bigint NOT NULL DEFAULT 0,
    holder_count     bigint NOT NULL DEFAULT 0,
    supply           numeric NOT NULL DEFAULT 0,
    UNIQUE (chain_ref, contract)
) WITH (fillfactor = 60);
CREATE INDEX collections_by_chain ON collections (chain_ref, collection_ref);
CREATE INDEX collections_by_creator ON collections (creator, collection_ref) WHERE creator IS NOT NULL;
CREATE INDEX collections_by_owner ON collections (owner, collection_ref) WHERE owner IS NOT NULL;
CREATE INDEX collections_by_name ON collections USING gin (name gin_trgm_ops);

-- The tables below hold facts, one row each, by position. The present is the row with the highest position, so a
-- retraction deletes rows and needs to restore nothing. They name their block, which is how a retraction finds them.

-- How a contract came to be a collection here. Contracts that were only seen in transfers have no row.
CREATE TABLE collection_bindings (
    collection_ref integer NOT NULL,
    block_ref      bigint NOT NULL,
    log_index      integer NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('factory', 'import')),
    source         bytea NOT NULL CHECK (octet_length(source) = 20),
    tx_hash        bytea NOT NULL CHECK (octet_length(tx_hash) = 32),
    creator        bytea NOT NULL CHECK (octet_length(creator) = 20),
    standard       smallint NOT NULL,
    salt           bytea NOT NULL,
    name           text NOT NULL,
    symbol         text NOT NULL,
    base_uri       text NOT NULL,
    contract_uri   text NOT NULL,
    PRIMARY KEY (collection_ref, block_ref, log_index)
);
CREATE INDEX collection_bindings_by_block ON collection_bindings (block_ref);

CREATE TABLE collection_roles (
    collection_ref integer NOT NULL,
    role           bytea NOT NULL CHECK (octet_length(role) = 32),
    account        bytea NOT NULL CHECK (octet_length(account) = 20),
    block_ref      bigint NOT NULL,
    log_index      integer NOT NULL,
    granted        boolean NOT NULL,
    PRIMARY KEY (collection_ref, role, account, block_ref, log_index)
);
CREATE INDEX collection_roles_by_block ON collection_roles (block_ref);

-- token_id 2^256-1: the terms of the whole collection. Times are Unix seconds of a uint64.
CREATE TABLE collection_mint_config (
    collection_ref   integer NOT NULL,
    token_id         numeric(78, 0) NOT NULL,
    block_ref        bigint NOT NULL,
    log_index        integer NOT NULL,
    price            numeric(78, 0) NOT NULL,
    max_supply       numeric(78, 0) NOT NULL,
    per_wallet_limit numeric(78, 0) NOT NULL,
    starts_at        numeric(20, 0) NOT NULL,
    ends_at          numeric(20, 0) NOT NULL,
    allowlist_root   bytea,
    payee            bytea,
    PRIMARY KEY (collection_ref, token_id, block_ref, log_index)
);
CREATE INDEX collection_mint_config_by_block ON collection_mint_config (block_ref);

CREATE TABLE collection_owners (
    collection_ref integer NOT NULL,
    block_ref      bigint NOT NULL,
    log_index      integer NOT NULL,
    owner          bytea NOT NULL CHECK (octet_length(owner) = 20),
    PRIMARY KEY (collection_ref, block_ref, log_index)
);
CREATE INDEX collection_owners_by_block ON collection_owners (block_ref);

CREATE TABLE collection_royalties (
    collection_ref integer NOT NULL,
    block_ref      bigint NOT NULL,
    log_index      integer NOT NULL,
    receiver       bytea NOT NULL CHECK (octet_length(receiver) = 20),
    bps            bigint NOT NULL,
    PRIMARY KEY (collection_ref, block_ref, log_index)
);
CREATE INDEX collection_royalties_by_block ON collection_royalties (block_ref);

-- What happened besides movements of tokens, which are read from ownership_transfers: the feed is both, merged.
CREATE TABLE activities (
    collection_ref integer NOT NULL,
    block_ref      bigint NOT NULL,
    log_index      integer NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('collection_created')),
    account        bytea NOT NULL CHECK (octet_length(account) = 20),
    tx_hash        bytea NOT NULL CHECK (octet_length(tx_hash) = 32),
    PRIMARY KEY (collection_ref, block_ref, log_index)
);
CREATE INDEX activities_by_block ON activities (block_ref);
CREATE INDEX activities_by_account ON activities (account, block_ref);

-- migrate:down
DROP TABLE activities;
DROP TABLE collection_royalties;
DROP TABLE collection_owners;
DROP TABLE collection_mint_config;
DROP TABLE collection_roles;
DROP TABLE collection_bindings;
DROP TABLE collections;
DROP EXTENSION pg_trgm;

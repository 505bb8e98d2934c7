-- migrate:up

-- Facts and sums here take every transfer of every contract: no foreign keys, no surrogate keys, few indexes.
-- A token is (collection_ref, token_id); a position is (block_ref, log_index, batch_index).

-- sender is null for a mint, recipient for a burn; operator and amount are null for ERC-721, where one token moves.
CREATE TABLE ownership_transfers (
    block_ref      bigint NOT NULL,
    collection_ref integer NOT NULL,
    log_index      integer NOT NULL,
    batch_index    integer NOT NULL,
    token_id       numeric(78, 0) NOT NULL,
    sender         bytea CHECK (octet_length(sender) = 20),
    recipient      bytea CHECK (octet_length(recipient) = 20),
    tx_hash        bytea NOT NULL CHECK (octet_length(tx_hash) = 32),
    operator       bytea CHECK (octet_length(operator) = 20),
    amount         numeric(78, 0),
    PRIMARY KEY (collection_ref, block_ref, log_index, batch_index)
);
CREATE INDEX ownership_transfers_by_block ON ownership_transfers (block_ref);
CREATE INDEX ownership_transfers_by_token ON ownership_transfers (collection_ref, token_id, block_ref);
CREATE INDEX ownership_transfers_by_sender ON ownership_transfers (sender, block_ref) WHERE sender IS NOT NULL;
CREATE INDEX ownership_transfers_by_recipient ON ownership_transfers (recipient, block_ref) WHERE recipient IS NOT NULL;
-- Burns are rare: without an index of their own, a feed of burns would read everything else.
CREATE INDEX ownership_transfers_burns ON ownership_transfers (block_ref) WHERE recipient IS NULL;

-- owner: who the last ERC-721 transfer by position went to (moved_*), null once burned and for ERC-1155.
-- supply: ERC-1155 units minted less burned. minted_block_ref: the first mint, null when history starts later.
CREATE TABLE tokens (
    collection_ref    integer NOT NULL,
    moved_log_index   integer,
    moved_block_ref   bigint,
    minted_block_ref  bigint,
    moved_batch_index integer,
    token_id          numeric(78, 0) NOT NULL,
    owner             bytea CHECK (octet_length(owner) = 20),
    supply            numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (collection_ref, token_id)
) WITH (fillfactor = 90);
CREATE INDEX tokens_by_owner ON tokens (owner, collection_ref, token_id) WHERE owner IS NOT NULL;

-- ERC-1155 units per holder: a sum over transfers, so shuffled history may leave it zero or negative for a while; only
-- rows above zero are shown. moves counts the transfers in the sum, so a retraction knows when a row never was.
CREATE TABLE token_balances (
    last_block_ref bigint NOT NULL,
    collection_ref integer NOT NULL,
    moves          integer NOT NULL,
    token_id       numeric(78, 0) NOT NULL,
    owner          bytea NOT NULL CHECK (octet_length(owner) = 20),
    amount         numeric NOT NULL,
    PRIMARY KEY (collection_ref, token_id, owner)
) WITH (fillfactor = 85);
CREATE INDEX token_balances_by_owner ON token_balances (owner, collection_ref, token_id);

-- Units of a whole collection per account, both standards, by the same rule; collections.holder_count counts rows above
-- zero.
CREATE TABLE collection_holders (
    collection_ref integer NOT NULL,
    moves          integer NOT NULL,
    owner          bytea NOT NULL CHECK (octet_length(owner) = 20),
    units          numeric NOT NULL,
    PRIMARY KEY (collection_ref, owner)
) WITH (fillfactor = 85);

-- What people said about a token, not the chain: a reorganisation leaves it.
CREATE TABLE nft_flags (
    collection_ref integer NOT NULL,
    token_id       numeric(78, 0) NOT NULL,
    flag           text NOT NULL CHECK (flag ~ '^[A-Z][A-Z0-9_]{1,39}$'),
    reason         text NOT NULL,
    flagged_by     text NOT NULL,
    flagged_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection_ref, token_id, flag)
);

-- migrate:down
DROP TABLE nft_flags;
DROP TABLE collection_holders;
DROP TABLE token_balances;
DROP TABLE tokens;
DROP TABLE ownership_transfers;

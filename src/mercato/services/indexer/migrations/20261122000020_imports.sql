-- migrate:up

-- Existing contracts that somebody asked to have here, for ever: no log says so, so an index made anew starts from these
-- rows. Not bound to a checkpoint, which goes when a chain is indexed anew.
CREATE TABLE collection_imports (
    import_ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chain_id bigint NOT NULL CHECK (chain_id > 0),
    address bytea NOT NULL CHECK (octet_length(address) = 20),
    standard smallint NOT NULL,
    name text NOT NULL,
    symbol text NOT NULL,
    requested_by bytea CHECK (octet_length(requested_by) = 20),
    state text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'reading', 'done')),
    reason text NOT NULL DEFAULT '',
    -- Where its history begins; empty until it is found.
    from_block bigint CHECK (from_block >= 0),
    -- The block in which the catalog holds it to have come here, chosen once, so that telling it again is the same fact.
    bound_number bigint,
    bound_hash bytea CHECK (octet_length(bound_hash) = 32),
    bound_timestamp bigint,
    -- History is read up to here, not included; blocks after `until_block` are the reader's own.
    next_block bigint NOT NULL DEFAULT 0,
    until_block bigint NOT NULL DEFAULT -1,
    facts_published bigint NOT NULL DEFAULT 0,
    requested_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (chain_id, address)
);
CREATE INDEX collection_imports_open ON collection_imports (chain_id) WHERE state <> 'done';

-- migrate:down

DROP TABLE collection_imports;

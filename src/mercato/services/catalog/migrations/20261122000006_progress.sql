-- migrate:up

-- Statements of the indexer that a chain is read up to a block, while some of its facts are still on their way. awaits
-- holds the ids of the messages not yet applied; from_block is the first block the statement covers, 0 when it says
-- nothing of what lies before.
CREATE TABLE awaited_progress (
    chain_ref    smallint NOT NULL,
    generation   bigint NOT NULL,
    block_number bigint NOT NULL,
    block_hash   bytea NOT NULL CHECK (octet_length(block_hash) = 32),
    head         bigint NOT NULL,
    finalized    bigint NOT NULL,
    from_block   bigint NOT NULL,
    awaits       text[] NOT NULL,
    PRIMARY KEY (chain_ref, generation, block_number)
);

-- migrate:down
DROP TABLE awaited_progress;

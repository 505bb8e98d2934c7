-- migrate:up
ALTER TABLE indexer_checkpoints
    -- Header timestamp of the head, Unix seconds; 0 where it is not known.
    ADD COLUMN head_timestamp bigint NOT NULL DEFAULT 0;

-- migrate:down
ALTER TABLE indexer_checkpoints DROP COLUMN head_timestamp;

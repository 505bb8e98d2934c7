-- migrate:up

-- safe: the newest block with the confirmations of the chain's policy. mined_at: the time of the read point's own block.
ALTER TABLE sync_state ADD COLUMN safe bigint, ADD COLUMN mined_at timestamptz;
ALTER TABLE awaited_progress ADD COLUMN safe bigint, ADD COLUMN mined_at timestamptz;

-- migrate:down
ALTER TABLE awaited_progress DROP COLUMN mined_at, DROP COLUMN safe;
ALTER TABLE sync_state DROP COLUMN mined_at, DROP COLUMN safe;

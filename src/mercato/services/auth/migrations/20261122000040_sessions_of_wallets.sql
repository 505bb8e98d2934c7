-- migrate:up
-- The link a session came through; null: it was open before links were noted. An address that is unlinked and linked
-- again has another link, so the end of the first one, heard of late, does not touch sessions of the second.
ALTER TABLE sessions ADD COLUMN wallet_id uuid;
CREATE INDEX sessions_wallet_id ON sessions (wallet_id) WHERE wallet_id IS NOT NULL;

-- migrate:down
ALTER TABLE sessions DROP COLUMN wallet_id;

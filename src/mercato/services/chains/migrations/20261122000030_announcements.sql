-- migrate:up
ALTER TABLE chain_endpoints
    -- Where the same node announces new blocks over a WebSocket; empty where it does not.
    ADD COLUMN ws_url text NOT NULL DEFAULT '';

-- migrate:down
ALTER TABLE chain_endpoints DROP COLUMN ws_url;

-- migrate:up

-- Who put up and took off flags of tokens, when and why: a line for each change. Tokens are named as anybody names them,
-- for a fork may take a collection away and bring it back under another small key; what people did stays.
CREATE TABLE nft_flag_history (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chain_number bigint NOT NULL,
    contract     bytea NOT NULL CHECK (octet_length(contract) = 20),
    token_id     numeric(78, 0) NOT NULL,
    flag         text NOT NULL,
    raised       boolean NOT NULL,
    reason       text NOT NULL,
    done_by      text NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX nft_flag_history_of_token ON nft_flag_history (contract, token_id, chain_number, id);

-- What stands is the end of what nobody wrote down.
INSERT INTO nft_flag_history (chain_number, contract, token_id, flag, raised, reason, done_by, at)
SELECT s.chain_number, c.contract, f.token_id, f.flag, true, f.reason, f.flagged_by, f.flagged_at
FROM nft_flags f JOIN collections c USING (collection_ref) JOIN sync_state s USING (chain_ref)
ORDER BY f.flagged_at;

-- migrate:down

DROP TABLE nft_flag_history;

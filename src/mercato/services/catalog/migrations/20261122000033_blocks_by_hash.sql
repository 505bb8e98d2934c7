-- migrate:up

-- Hash first: with the chain first, a plan made while the table was small read every block of the chain to find a few.
ALTER TABLE blocks DROP CONSTRAINT blocks_chain_ref_hash_key;
ALTER TABLE blocks ADD CONSTRAINT blocks_hash_chain_ref_key UNIQUE (hash, chain_ref);

-- migrate:down

ALTER TABLE blocks DROP CONSTRAINT blocks_hash_chain_ref_key;
ALTER TABLE blocks ADD CONSTRAINT blocks_chain_ref_hash_key UNIQUE (chain_ref, hash);

-- migrate:up
-- Whose an address is: by its key on every chain (chain_id 0), by the contract that stands there on that chain alone,
-- since on another one somebody else may have put another contract. How the owners so far were proven is not known, so
-- they count on the chains they were proven on; a key that signs again counts on all.
ALTER TABLE wallets DROP CONSTRAINT wallets_address_user_id_fkey;
ALTER TABLE address_owners
    DROP CONSTRAINT address_owners_pkey,
    DROP CONSTRAINT address_owners_address_user_id_key,
    ADD COLUMN chain_id bigint CHECK (chain_id >= 0);
INSERT INTO address_owners (address, chain_id, user_id, verified_at)
SELECT address, wallets.chain_id, user_id, verified_at FROM wallets JOIN address_owners USING (address, user_id);
DELETE FROM address_owners WHERE chain_id IS NULL;
ALTER TABLE address_owners ADD PRIMARY KEY (address, chain_id);
CREATE INDEX wallets_address ON wallets (address);

-- migrate:down
-- One owner for each address again: the first.
DROP INDEX wallets_address;
DELETE FROM address_owners later USING address_owners earlier
WHERE earlier.address = later.address
AND (earlier.verified_at, earlier.chain_id) < (later.verified_at, later.chain_id);
DELETE FROM wallets WHERE NOT EXISTS (
    SELECT FROM address_owners owner WHERE owner.address = wallets.address AND owner.user_id = wallets.user_id
);
ALTER TABLE address_owners
    DROP CONSTRAINT address_owners_pkey,
    DROP COLUMN chain_id,
    ADD CONSTRAINT address_owners_pkey PRIMARY KEY (address),
    ADD CONSTRAINT address_owners_address_user_id_key UNIQUE (address, user_id);
ALTER TABLE wallets ADD CONSTRAINT wallets_address_user_id_fkey
    FOREIGN KEY (address, user_id) REFERENCES address_owners (address, user_id);

-- migrate:up
-- Who asked to link the address; null: the nonce signs in. It serves that one purpose.
ALTER TABLE auth_nonces ADD COLUMN link_user_id uuid;

-- migrate:down
ALTER TABLE auth_nonces DROP COLUMN link_user_id;

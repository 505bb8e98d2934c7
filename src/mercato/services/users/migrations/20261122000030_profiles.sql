-- migrate:up
-- An address that was unlinked from its first user may begin another one.
ALTER TABLE users ADD COLUMN address_left boolean NOT NULL DEFAULT false;
ALTER TABLE users DROP CONSTRAINT users_address_key;
CREATE UNIQUE INDEX users_by_address ON users (address) WHERE NOT address_left;

-- What a handle looks like (see `skeleton` in model.py): two that look alike cannot both be had.
ALTER TABLE profiles ADD COLUMN handle_skeleton text;
UPDATE profiles SET handle_skeleton = replace(replace(translate(handle, '01i_', 'oll'), 'rn', 'm'), 'vv', 'w');
-- Of those that look alike already, the one that changed last keeps its handle without the claim.
UPDATE profiles later SET handle_skeleton = NULL
WHERE EXISTS (
    SELECT FROM profiles earlier WHERE earlier.handle_skeleton = later.handle_skeleton
    AND (earlier.updated_at, earlier.user_id) < (later.updated_at, later.user_id)
);
CREATE UNIQUE INDEX profiles_handle_skeleton ON profiles (handle_skeleton);
-- In the order in which they are shown: [{"label": …, "url": …}].
ALTER TABLE profiles ADD COLUMN links jsonb NOT NULL DEFAULT '[]';

-- migrate:down
ALTER TABLE profiles DROP COLUMN links, DROP COLUMN handle_skeleton;
DROP INDEX users_by_address;
DELETE FROM users WHERE address_left;
ALTER TABLE users ADD CONSTRAINT users_address_key UNIQUE (address);
ALTER TABLE users DROP COLUMN address_left;

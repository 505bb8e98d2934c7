-- migrate:up
-- How the sign-in was proven. Of sessions from before it is not known; the weaker proof is taken for granted.
ALTER TABLE sessions ADD COLUMN proof text NOT NULL DEFAULT 'CONTRACT' CHECK (proof IN ('KEY', 'CONTRACT'));
ALTER TABLE sessions ALTER COLUMN proof DROP DEFAULT;
-- What a contract wallet said yes to, so that it can be asked again; null with keys, and in sessions from before.
ALTER TABLE sessions ADD COLUMN signed_message text, ADD COLUMN signature bytea;
ALTER TABLE sessions ADD CHECK ((signed_message IS NULL) = (signature IS NULL));

-- migrate:down
ALTER TABLE sessions DROP COLUMN signature, DROP COLUMN signed_message, DROP COLUMN proof;

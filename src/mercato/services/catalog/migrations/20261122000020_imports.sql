-- migrate:up
-- An import is no log: it has no transaction and no creator, and `source` is who asked for it, where that was an account.
ALTER TABLE collection_bindings
    ALTER COLUMN source DROP NOT NULL,
    ALTER COLUMN tx_hash DROP NOT NULL,
    ALTER COLUMN creator DROP NOT NULL,
    ADD CONSTRAINT collection_bindings_of_factories
        CHECK (kind = 'import' OR (source IS NOT NULL AND tx_hash IS NOT NULL AND creator IS NOT NULL));

-- migrate:down
DELETE FROM collection_bindings WHERE kind = 'import';
ALTER TABLE collection_bindings
    DROP CONSTRAINT collection_bindings_of_factories,
    ALTER COLUMN source SET NOT NULL,
    ALTER COLUMN tx_hash SET NOT NULL,
    ALTER COLUMN creator SET NOT NULL;

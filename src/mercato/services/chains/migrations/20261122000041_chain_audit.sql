-- migrate:up
-- No reference to `chains`: a line outlives what it tells of.
CREATE TABLE chain_audit (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chain_id bigint NOT NULL,
    -- The chain's version that the change made.
    version bigint NOT NULL,
    action text NOT NULL,
    -- The admin's account; null for the operator of this machine.
    requested_by bytea CHECK (octet_length(requested_by) = 20),
    request_id text NOT NULL,
    -- What changed. Values of headers and keys in URLs are never here.
    before jsonb,
    after jsonb,
    at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX chain_audit_of_chain ON chain_audit (chain_id, change_id);

CREATE FUNCTION chain_audit_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'lines of chain_audit are neither changed nor deleted';
END
$$;

CREATE TRIGGER chain_audit_stands BEFORE UPDATE OR DELETE ON chain_audit
    FOR EACH ROW EXECUTE FUNCTION chain_audit_stands();

-- Any number of conduits, one of everything else.
ALTER TABLE chain_contracts DROP CONSTRAINT chain_contracts_pkey;
ALTER TABLE chain_contracts ADD PRIMARY KEY (chain_id, kind, address);
CREATE UNIQUE INDEX chain_contracts_single ON chain_contracts (chain_id, kind) WHERE kind <> 'conduit';

-- migrate:down
DELETE FROM chain_contracts WHERE kind = 'conduit';
DROP INDEX chain_contracts_single;
ALTER TABLE chain_contracts DROP CONSTRAINT chain_contracts_pkey;
ALTER TABLE chain_contracts ADD PRIMARY KEY (chain_id, kind);
DROP TRIGGER chain_audit_stands ON chain_audit;
DROP FUNCTION chain_audit_stands;
DROP TABLE chain_audit;

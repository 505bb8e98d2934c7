-- migrate:up
CREATE TABLE chains (
    -- The number of EIP-155.
    chain_id bigint PRIMARY KEY CHECK (chain_id BETWEEN 1 AND 9007199254740991),
    name text NOT NULL,
    currency_symbol text NOT NULL,
    currency_decimals smallint NOT NULL CHECK (currency_decimals BETWEEN 0 AND 36),
    explorer_url text NOT NULL,
    enabled boolean NOT NULL,
    scope text NOT NULL CHECK (scope IN ('FOLLOWED', 'ALL')),
    start_block bigint NOT NULL CHECK (start_block >= 0),
    -- Grows with each change of the chain or of anything below that hangs on it.
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE chain_endpoints (
    chain_id bigint NOT NULL REFERENCES chains ON DELETE CASCADE,
    url text NOT NULL,
    -- Lower is asked first.
    priority integer NOT NULL CHECK (priority >= 0),
    weight integer NOT NULL CHECK (weight > 0),
    headers jsonb NOT NULL,
    PRIMARY KEY (chain_id, url)
);

CREATE TABLE chain_contracts (
    chain_id bigint NOT NULL REFERENCES chains ON DELETE CASCADE,
    kind text NOT NULL,
    address bytea NOT NULL CHECK (octet_length(address) = 20),
    deployed_block bigint NOT NULL CHECK (deployed_block >= 0),
    PRIMARY KEY (chain_id, kind)
);

CREATE TABLE chain_gas_policy (
    chain_id bigint PRIMARY KEY REFERENCES chains ON DELETE CASCADE,
    base_fee_multiplier_percent integer NOT NULL CHECK (base_fee_multiplier_percent >= 100),
    -- Wei per unit of gas.
    max_priority_fee numeric(78, 0) NOT NULL CHECK (max_priority_fee >= 0),
    max_fee_cap numeric(78, 0) NOT NULL CHECK (max_fee_cap > 0),
    gas_limit_margin_percent integer NOT NULL CHECK (gas_limit_margin_percent >= 0),
    confirmations integer NOT NULL CHECK (confirmations >= 1),
    finality_depth integer NOT NULL CHECK (finality_depth >= 1)
);

-- migrate:down
DROP TABLE chain_gas_policy;
DROP TABLE chain_contracts;
DROP TABLE chain_endpoints;
DROP TABLE chains;

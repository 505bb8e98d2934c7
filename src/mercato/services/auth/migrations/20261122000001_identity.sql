-- migrate:up
CREATE TABLE auth_nonces (
    nonce      text PRIMARY KEY,
    address    bytea NOT NULL CHECK (octet_length(address) = 20),
    chain_id   bigint NOT NULL CHECK (chain_id > 0),
    domain     text NOT NULL,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX auth_nonces_expires_at ON auth_nonces (expires_at);

CREATE TABLE sessions (
    id             uuid PRIMARY KEY,
    user_id        uuid NOT NULL,
    address        bytea NOT NULL CHECK (octet_length(address) = 20),
    chain_id       bigint NOT NULL CHECK (chain_id > 0),
    -- A nonce opens one session at most, whatever the code before this line does.
    nonce          text NOT NULL UNIQUE,
    ip             text NOT NULL,
    user_agent     text NOT NULL,
    created_at     timestamptz NOT NULL,
    last_used_at   timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    revoked_reason text,
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
CREATE INDEX sessions_live ON sessions (user_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_revoked_at ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- Every refresh token a session ever had, by its SHA-256; exactly one of them is unused while the session is live.
CREATE TABLE refresh_tokens (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id);
CREATE UNIQUE INDEX refresh_tokens_unused ON refresh_tokens (session_id) WHERE used_at IS NULL;

CREATE TABLE login_events (
    id         uuid PRIMARY KEY,
    at         timestamptz NOT NULL,
    succeeded  boolean NOT NULL,
    reason     text NOT NULL,
    user_id    uuid,
    session_id uuid,
    address    bytea CHECK (octet_length(address) = 20),
    chain_id   bigint,
    ip         text NOT NULL,
    user_agent text NOT NULL
);
CREATE INDEX login_events_address ON login_events (address, at) WHERE address IS NOT NULL;
CREATE INDEX login_events_user_id ON login_events (user_id, at) WHERE user_id IS NOT NULL;

-- Public halves of every key that signs; a private half only where no key is configured (development).
CREATE TABLE signing_keys (
    kid          text PRIMARY KEY,
    public_key   bytea NOT NULL CHECK (octet_length(public_key) = 32),
    private_key  bytea,
    created_at   timestamptz NOT NULL,
    -- Renewed by each process that signs with it; tokens of a key outlive it by their own lifetime.
    last_used_at timestamptz NOT NULL,
    retired_at   timestamptz
);

CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange    text NOT NULL,
    routing_key text NOT NULL,
    message_id  text NOT NULL,
    type        text NOT NULL,
    headers     jsonb NOT NULL,
    body        bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- migrate:down
DROP TABLE outbox;
DROP TABLE signing_keys;
DROP TABLE login_events;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE auth_nonces;

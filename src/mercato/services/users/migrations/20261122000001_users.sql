-- migrate:up
CREATE TABLE users (
    id            uuid PRIMARY KEY,
    address       bytea NOT NULL UNIQUE CHECK (octet_length(address) = 20),
    created_at    timestamptz NOT NULL,
    last_login_at timestamptz
);

CREATE TABLE profiles (
    user_id      uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    handle       text UNIQUE CHECK (handle ~ '^[a-z0-9_]{3,30}$'),
    display_name text NOT NULL DEFAULT '',
    bio          text NOT NULL DEFAULT '',
    avatar_uri   text NOT NULL DEFAULT '',
    updated_at   timestamptz NOT NULL
);

CREATE TABLE processed_events (
    consumer     text NOT NULL,
    event_id     text NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
-- Rows come in the order of their time, so a few pages of index say which are old.
CREATE INDEX processed_events_by_time ON processed_events USING brin (processed_at);

-- migrate:down
DROP TABLE processed_events;
DROP TABLE profiles;
DROP TABLE users;

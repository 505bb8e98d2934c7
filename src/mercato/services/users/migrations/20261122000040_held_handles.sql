-- migrate:up
-- Handles that were given up, by what they look like, with whoever had each last: for a time nobody else may have one.
CREATE TABLE held_handles (
    skeleton    text PRIMARY KEY,
    handle      text NOT NULL,
    user_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    released_at timestamptz NOT NULL
);
CREATE INDEX held_handles_user_id ON held_handles (user_id, released_at);

-- migrate:down
DROP TABLE held_handles;

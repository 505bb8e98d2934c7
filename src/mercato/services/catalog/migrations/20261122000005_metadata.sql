-- migrate:up

-- Beside tokens, not in it: a transfer must not rewrite a kilobyte of description.
-- state and resolved_at are of the last attempt, the other columns of the last one that succeeded (content_at).
CREATE TABLE token_metadata (
    collection_ref integer NOT NULL,
    token_id       numeric(78, 0) NOT NULL,
    state          text NOT NULL,
    resolved_at    timestamptz NOT NULL,
    content_at     timestamptz,
    uri            text NOT NULL DEFAULT '',
    name           text NOT NULL DEFAULT '',
    description    text NOT NULL DEFAULT '',
    image          text NOT NULL DEFAULT '',
    animation_url  text NOT NULL DEFAULT '',
    external_url   text NOT NULL DEFAULT '',
    doc_id         text NOT NULL DEFAULT '',
    PRIMARY KEY (collection_ref, token_id)
);

CREATE TABLE traits (
    trait_ref      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection_ref integer NOT NULL,
    name           text NOT NULL,
    kind           text NOT NULL,
    UNIQUE (collection_ref, name, kind)
);

CREATE TABLE trait_values (
    value_ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trait_ref bigint NOT NULL REFERENCES traits (trait_ref),
    value     text NOT NULL,
    UNIQUE (trait_ref, value)
);

CREATE TABLE token_trait_links (
    collection_ref integer NOT NULL,
    token_id       numeric(78, 0) NOT NULL,
    value_ref      bigint NOT NULL REFERENCES trait_values (value_ref),
    PRIMARY KEY (collection_ref, token_id, value_ref)
);
CREATE INDEX token_trait_links_by_value ON token_trait_links (value_ref, token_id);

-- Ranges of tokens whose metadata is still to be asked for, page by page; a row shrinks from the left until it is gone.
CREATE TABLE metadata_requests (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection_ref integer NOT NULL,
    first_token    numeric(78, 0) NOT NULL,
    last_token     numeric(78, 0) NOT NULL,
    refresh        boolean NOT NULL
);
CREATE INDEX metadata_requests_by_collection ON metadata_requests (collection_ref);

-- migrate:down
DROP TABLE metadata_requests;
DROP TABLE token_trait_links;
DROP TABLE trait_values;
DROP TABLE traits;
DROP TABLE token_metadata;

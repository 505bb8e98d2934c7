-- migrate:up

-- Marks in events.raw are of whole blocks now, so nobody has to know which logs of a block were kept.
ALTER TABLE recent_blocks DROP COLUMN raw_logs;
ALTER TABLE orphaned_blocks DROP COLUMN raw_logs;

-- migrate:down

ALTER TABLE recent_blocks ADD COLUMN raw_logs integer[] NOT NULL DEFAULT '{}';
ALTER TABLE orphaned_blocks ADD COLUMN raw_logs integer[] NOT NULL DEFAULT '{}';
ALTER TABLE orphaned_blocks ALTER COLUMN raw_logs DROP DEFAULT;

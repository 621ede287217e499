-- Adds whether an ID was ever linked, because IDs that never were and stay away are deleted, and the tokens of
-- `--admission invite`.
ALTER TABLE registrations ADD COLUMN linked INTEGER NOT NULL DEFAULT 0; -- 1: was linked with another ID
CREATE INDEX registrations_idle ON registrations (last_seen) WHERE linked = 0 AND class = 0 AND revoked = 0;
CREATE TABLE tokens (
  hint      BLOB PRIMARY KEY NOT NULL CHECK (length(hint) = 8),
  key       BLOB NOT NULL CHECK (length(key) = 32), -- SHA-256 of the token; the token itself is not stored
  uses_left INTEGER NOT NULL,
  expires   INTEGER NOT NULL,
  revoked   INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

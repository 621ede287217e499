-- The IDs that may log in, one row per ID. Times are seconds since 1970.
CREATE TABLE registrations (
  id         BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 32),
  first_seen INTEGER NOT NULL,
  last_seen  INTEGER NOT NULL,
  class      INTEGER NOT NULL DEFAULT 0, -- 0: registered by itself; 1: let in by a token, and never deleted as idle
  revoked    INTEGER NOT NULL DEFAULT 0  -- 1: this ID may no longer log in
) WITHOUT ROWID;

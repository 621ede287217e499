-- Who may log in: one row an ID. Times are seconds since 1970.
CREATE TABLE registrations (
  id         BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 32),
  first_seen INTEGER NOT NULL,
  last_seen  INTEGER NOT NULL,
  class      INTEGER NOT NULL DEFAULT 0, -- admission and quota class
  revoked    INTEGER NOT NULL DEFAULT 0  -- 1: this ID may not log in any more
) WITHOUT ROWID;

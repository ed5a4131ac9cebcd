-- A database of format 1 as text; bcrypt hash of "U*U" from OpenBSD's test vectors.
CREATE TABLE credentials (
  user_id TEXT PRIMARY KEY, password_hash TEXT NOT NULL, changed_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO credentials VALUES
  ('65f0c0ffee65f0c0ffee0001', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 1700000000000000);
INSERT INTO secrets VALUES ('hs256', 'c2VjcmV0IG9mIHRoZSBnb2xkZW4gZGF0YWJhc2UuLi4');
PRAGMA user_version = 1;

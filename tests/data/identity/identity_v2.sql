-- A database of format 2 as text: the user, secret and hash of identity_v1.sql; refresh token "mrr_golden", API key
-- "mr_0123456789ab_secret", signing key of RFC 8037, A.1.
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY, hash TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
  tenant TEXT NOT NULL, scopes TEXT NOT NULL, created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL, revoked_at INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "api_keys" VALUES('0123456789ab','K7gNU3sdo-OL0wNhqoVWhr3g6s1xYv72ol_pe_Unols','golden','reader','acme','orders:read *:write',1700000000000000,0,0);
CREATE TABLE credentials (
  user_id TEXT PRIMARY KEY, password_hash TEXT NOT NULL, changed_at INTEGER NOT NULL
, role TEXT NOT NULL DEFAULT 'user', tenant TEXT NOT NULL DEFAULT '', disabled INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
INSERT INTO "credentials" VALUES('65f0c0ffee65f0c0ffee0001','$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',1700000000000000,'admin','acme',1);
CREATE TABLE refresh_tokens (
  hash TEXT PRIMARY KEY, session_id TEXT NOT NULL, spent_at INTEGER NOT NULL,
  spent_by TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "refresh_tokens" VALUES('D076War4hbSfLPWbkjTS62KOiMASP0lJXaahd6aNDuI','018bcfe5-6800-7000-8000-000000000001',0,'');
CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "secrets" VALUES('hs256','c2VjcmV0IG9mIHRoZSBnb2xkZW4gZGF0YWJhc2UuLi4');
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL, created_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, ended_at INTEGER NOT NULL,
  address TEXT NOT NULL, agent TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "sessions" VALUES('018bcfe5-6800-7000-8000-000000000001','65f0c0ffee65f0c0ffee0001',1700000000000000,1700000000000000,4102444800000000,0,'192.0.2.1','golden');
CREATE TABLE signing_keys (
  kid TEXT PRIMARY KEY, private TEXT NOT NULL, state TEXT NOT NULL,
  created_at INTEGER NOT NULL, retired_at INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "signing_keys" VALUES('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k','nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A','active',1700000000000000,0);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);
PRAGMA user_version = 2;

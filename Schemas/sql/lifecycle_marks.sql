-- Where lifecycle commands leave their mark: the last entry of each ledger whose command this database has committed. The first
-- command makes the table; where its user may not, run this once and grant SELECT, INSERT and UPDATE on it.
CREATE TABLE IF NOT EXISTS allocledger_commands (
  ledger text PRIMARY KEY,
  sequence bigint NOT NULL
);

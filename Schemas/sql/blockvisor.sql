-- The tables of a Blockvisor that resource tracking is about, in PostgreSQL 15: what postgres:// stores need at least, and what
-- the tests run on. A real Blockvisor has more tables and columns, which are left alone.

CREATE TYPE node_state AS ENUM (
  'deleted', 'deleting', 'failed', 'running', 'starting', 'stopped', 'upgrading');
CREATE TYPE next_state AS ENUM ('deleting', 'stopping', 'upgrading');
CREATE TYPE config_type AS ENUM ('legacy', 'node');

CREATE TABLE orgs (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  host_count integer NOT NULL DEFAULT 0,
  node_count integer NOT NULL DEFAULT 0,
  member_count integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);

CREATE TABLE images (
  id uuid PRIMARY KEY,
  min_cpu_cores bigint NOT NULL,
  min_memory_bytes bigint NOT NULL,
  min_disk_bytes bigint NOT NULL
);

CREATE TABLE image_properties (
  id uuid PRIMARY KEY,
  image_id uuid NOT NULL REFERENCES images ON DELETE CASCADE,
  key text NOT NULL,
  add_cpu_cores bigint,
  add_memory_bytes bigint,
  add_disk_bytes bigint
);

-- Rows are only added: every creation, upgrade and change of a node's config makes a new one. The bytes are the message
-- NodeConfig { 1: VmConfig { 1: cpu_cores, 2: memory_bytes, 3: disk_bytes } } of Protocol Buffers, or JSON.
CREATE TABLE configs (
  id uuid PRIMARY KEY,
  image_id uuid,
  archive_id uuid,
  config_type config_type NOT NULL,
  config bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE hosts (
  id uuid PRIMARY KEY,
  org_id uuid REFERENCES orgs,
  network_name text UNIQUE NOT NULL,
  display_name text,
  cpu_cores bigint NOT NULL,
  memory_bytes bigint NOT NULL,
  disk_bytes bigint NOT NULL,
  node_count bigint NOT NULL DEFAULT 0,
  node_cpu_cores bigint NOT NULL DEFAULT 0,
  node_memory_bytes bigint NOT NULL DEFAULT 0,
  node_disk_bytes bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz,
  deleted_at timestamptz
);

CREATE TABLE nodes (
  id uuid PRIMARY KEY,
  node_name text UNIQUE NOT NULL,
  display_name text,
  org_id uuid REFERENCES orgs,
  host_id uuid REFERENCES hosts ON DELETE SET NULL,
  image_id uuid,
  config_id uuid REFERENCES configs ON DELETE SET NULL,
  protocol_id uuid,
  protocol_version_id uuid,
  semantic_version text,
  node_state node_state NOT NULL DEFAULT 'running',
  next_state next_state,
  cpu_cores bigint NOT NULL,
  memory_bytes bigint NOT NULL,
  disk_bytes bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz,
  deleted_at timestamptz
);

CREATE INDEX nodes_host_id ON nodes (host_id);
CREATE INDEX nodes_config_id ON nodes (config_id);

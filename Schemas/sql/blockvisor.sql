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

-- What hosts are told to do.
CREATE TYPE command_type AS ENUM (
  'host_pending', 'host_restart', 'host_start', 'host_stop', 'node_create', 'node_delete', 'node_restart', 'node_start',
  'node_stop', 'node_update', 'node_upgrade');
CREATE TYPE exit_code AS ENUM (
  'ok', 'internal_error', 'node_not_found', 'blocking_job_running', 'service_not_ready', 'service_broken', 'not_supported',
  'node_upgrade_rollback', 'node_upgrade_failure');

CREATE TABLE commands (
  id uuid PRIMARY KEY,
  host_id uuid NOT NULL REFERENCES hosts ON DELETE CASCADE,
  node_id uuid REFERENCES nodes ON DELETE CASCADE,
  command_type command_type NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  acked_at timestamptz,
  completed_at timestamptz,
  exit_code exit_code,
  exit_message text,
  retry_hint_seconds bigint,
  protobuf bytea
);

-- What happened to nodes, in Blockvisor's own words.
CREATE TABLE node_logs (
  id uuid PRIMARY KEY,
  node_id uuid NOT NULL REFERENCES nodes ON DELETE CASCADE,
  host_id uuid REFERENCES hosts ON DELETE CASCADE,
  event text NOT NULL,
  event_data jsonb,
  created_by_type text,
  created_by_id uuid,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Which protocol an image is of.
CREATE TABLE protocol_versions (
  id uuid PRIMARY KEY,
  protocol_id uuid NOT NULL,
  semantic_version text NOT NULL
);
ALTER TABLE images ADD COLUMN protocol_version_id uuid REFERENCES protocol_versions;

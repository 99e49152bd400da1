CREATE TABLE hosts (
    id TEXT PRIMARY KEY,
    cpu_millicores INTEGER NOT NULL,
    memory_bytes INTEGER NOT NULL,
    disk_bytes INTEGER NOT NULL,
    node_count INTEGER NOT NULL,
    node_cpu_millicores INTEGER NOT NULL,
    node_memory_bytes INTEGER NOT NULL,
    node_disk_bytes INTEGER NOT NULL,
    retired_at TEXT
);

CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    host_id TEXT,
    image TEXT,
    config_id TEXT,
    cpu_millicores INTEGER NOT NULL,
    memory_bytes INTEGER NOT NULL,
    disk_bytes INTEGER NOT NULL,
    created_at TEXT,
    updated_at TEXT,
    deleted_at TEXT
);

CREATE TABLE configs (
    id TEXT PRIMARY KEY,
    image TEXT,
    cpu_millicores INTEGER NOT NULL,
    memory_bytes INTEGER NOT NULL,
    disk_bytes INTEGER NOT NULL
);

CREATE TABLE worker_pools (
    name TEXT PRIMARY KEY,
    worker_count INTEGER NOT NULL,
    last_issued INTEGER NOT NULL
);

CREATE TABLE ledger_position (
    sequence INTEGER NOT NULL,
    chain TEXT NOT NULL
);

CREATE TABLE containers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL DEFAULT 'stopped',
    template TEXT NOT NULL,
    node_id TEXT,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    config TEXT NOT NULL,
    CONSTRAINT valid_status CHECK (
        status IN ('stopped', 'running', 'starting', 'stopping', 'frozen', 'error')
    )
);

CREATE INDEX idx_containers_name ON containers (name);

CREATE INDEX idx_containers_status ON containers (status);

CREATE INDEX idx_containers_created_at ON containers (created_at);

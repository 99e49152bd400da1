/// The reference live schema as SQLite takes it.
///
/// `Schemas/sql/reference_sqlite.sql` is the same text.
package enum ReferenceSchema {
  /// One statement and the table it belongs to.
  package struct Definition: Sendable {
    /// The table that it makes or indexes.
    package let table: String
    /// The statement without its semicolon.
    package let sql: String
  }

  /// The tables that a projection owns, in the order in which they are written.
  package static let tables = [
    "hosts", "nodes", "configs", "worker_pools", "containers", "ledger_position",
  ]

  /// The statements in the order of the file.
  package static let definitions: [Definition] = [
    Definition(
      table: "hosts",
      sql: """
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
        )
        """),
    Definition(
      table: "nodes",
      sql: """
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
        )
        """),
    Definition(
      table: "configs",
      sql: """
        CREATE TABLE configs (
            id TEXT PRIMARY KEY,
            image TEXT,
            cpu_millicores INTEGER NOT NULL,
            memory_bytes INTEGER NOT NULL,
            disk_bytes INTEGER NOT NULL
        )
        """),
    Definition(
      table: "worker_pools",
      sql: """
        CREATE TABLE worker_pools (
            name TEXT PRIMARY KEY,
            worker_count INTEGER NOT NULL,
            last_issued INTEGER NOT NULL
        )
        """),
    Definition(
      table: "ledger_position",
      sql: """
        CREATE TABLE ledger_position (
            sequence INTEGER NOT NULL,
            chain TEXT NOT NULL
        )
        """),
    Definition(
      table: "containers",
      sql: """
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
        )
        """),
    Definition(
      table: "containers",
      sql: """
        CREATE INDEX idx_containers_name ON containers (name)
        """),
    Definition(
      table: "containers",
      sql: """
        CREATE INDEX idx_containers_status ON containers (status)
        """),
    Definition(
      table: "containers",
      sql: """
        CREATE INDEX idx_containers_created_at ON containers (created_at)
        """),
  ]

  /// The whole file.
  package static var script: String {
    definitions.map { $0.sql + ";\n" }.joined(separator: "\n")
  }
}

import Foundation
import Testing

/// A ledger, a live database that follows it, and dated copies of the database.
struct WatchedFleet {
  let ledger: Ledger
  let database: String
  let backups: String
  var store: String { "sqlite:" + database }

  /// A fleet whose database was projected at the end of `facts`.
  init(_ facts: [String]) throws {
    ledger = try Ledger(of: facts)
    database = ledger.scratch.file("live.db")
    backups = ledger.scratch.file("backups")
    try FileManager.default.createDirectory(
      atPath: backups, withIntermediateDirectories: true)
    let projected = try ledger.run("project", "--to", "sqlite:" + database)
    try #require(projected.status == 0, "\(projected.errors)")
  }

  /// Two hosts and three nodes.
  init() throws {
    try self.init([
      host("h1", 0), host("h2", 0), node("a", on: "h1", 10), node("b", on: "h1", 11),
      node("c", on: "h2", 12),
    ])
  }

  /// Runs SQL as the fleet's own programs would.
  func sql(_ statement: String) throws {
    let ended = try Program(path: "/usr/bin/sqlite3").run([database, statement])
    try #require(ended.status == 0, "\(ended.errors)")
  }

  /// What a query returns.
  func rows(_ query: String) throws -> [String] {
    try Program(path: "/usr/bin/sqlite3").run([database, query]).lines
  }

  /// Copies the database, as it is, to a path.
  func copy(to path: String) throws {
    try FileManager.default.copyItem(atPath: database, toPath: path)
  }

  /// Writes the state of a moment into a copy in the folder of backups, damaged by `sql`.
  func backUp(_ name: String, at point: String, _ sql: String = "") throws {
    let path = backups + "/" + name
    let projected = try ledger.run(["project", "--to", "sqlite:" + path, "--at", point])
    try #require(projected.status == 0, "\(projected.errors)")
    guard !sql.isEmpty else { return }
    let ended = try Program(path: "/usr/bin/sqlite3").run([path, sql])
    try #require(ended.status == 0, "\(ended.errors)")
  }

  /// What a command that names the store prints as JSON; it must end with `status`.
  func json(_ arguments: String..., status: Int32 = 0) throws -> JSON {
    let ended = try ledger.run(arguments + ["--store", store, "-o", "json"])
    try #require(ended.status == status, "\(arguments): \(ended.output) \(ended.errors)")
    return try JSON(ended.output)
  }
}

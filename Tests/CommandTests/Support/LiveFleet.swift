import Foundation
import Testing

/// A ledger, and a live database that was projected from it and can be damaged.
struct LiveFleet {
  let ledger: Ledger
  let database: String
  var store: String { "sqlite:" + database }

  /// A fleet with this history; its live store holds what the ledger says, at `point` where one is named.
  ///
  /// `options` are those of the ledger's `init`.
  init(_ history: [String], at point: String? = nil, options: [String] = []) throws {
    ledger = try Ledger(named: "ledger", in: Scratch(), options)
    try ledger.record(history)
    database = ledger.scratch.file("live.db")
    let place = point.map { ["--at", $0] } ?? []
    let projected = try ledger.run(["project", "--to", "sqlite:" + database] + place)
    try #require(projected.status == 0, "\(projected.errors)")
  }

  /// Runs SQL as the fleet's own programs would.
  @discardableResult
  func sql(_ statement: String) throws -> Ended {
    let ended = try Program(path: "/usr/bin/sqlite3").run([database, statement])
    try #require(ended.status == 0, "\(statement): \(ended.errors)")
    return ended
  }

  /// Adds to the counters of a host: nodes, millicores, memory, disk.
  func count(_ host: String, _ nodes: Int, _ cpu: Int, _ memory: Int, _ disk: Int) throws {
    try sql(
      """
      UPDATE hosts SET node_count = node_count + \(nodes),
        node_cpu_millicores = node_cpu_millicores + \(cpu),
        node_memory_bytes = node_memory_bytes + \(memory),
        node_disk_bytes = node_disk_bytes + \(disk) WHERE id = '\(host)'
      """)
  }

  /// Makes the store say that it has applied everything.
  func claimHead() throws {
    let head = try ledger.json("verify")
    let sequence = head["sequence"].integer ?? 0
    let chain = head["chain"].text ?? ""
    try sql("UPDATE ledger_position SET sequence = \(sequence), chain = '\(chain)'")
  }

  /// Copies the store as it is, and observes the copy later as the store at `point`.
  func observed(_ name: String, at point: String, status: Int32) throws {
    let copy = ledger.scratch.file(name)
    try FileManager.default.copyItem(atPath: database, toPath: copy)
    let ended = try ledger.run("observe", "--store", "sqlite:" + copy, "--of", store, "--at", point)
    try #require(ended.status == status, "\(ended.output) \(ended.errors)")
  }

  /// What `explain` says of one entity, or of the whole store.
  func explained(_ options: String...) throws -> [JSON] { try explained(arguments: options) }

  func explained(arguments options: [String]) throws -> [JSON] {
    let ended = try ledger.run(["explain", "--store", store, "-o", "json"] + options)
    let result = try JSON(ended.output)
    #expect(result["schema"].text == "allocledger.explain/1", "\(ended.errors)")
    let findings = result["findings"].list
    #expect(ended.status == (findings.isEmpty ? 0 : 1), "\(ended.errors)")
    return findings
  }

  /// Repairs the store and checks that it is clean then.
  func repaired() throws {
    let ended = try ledger.run("repair", "--store", store, "--apply")
    #expect(ended.status == 3, "\(ended.output) \(ended.errors)")
    let validated = try ledger.run("validate", "--store", store)
    #expect(validated.status == 0, "\(validated.output)")
    #expect(try explained().isEmpty)
    try ledger.verified()
  }
}

extension JSON {
  /// `fault@sequence` of every cause of an explanation.
  var causeTexts: [String] {
    self["causes"].list.map {
      ($0["fault"].text ?? "?") + "@" + ($0["sequence"].integer.map(String.init) ?? "-")
    }
  }

  /// The causes of each explanation of the first rank.
  var firstRank: [[String]] {
    self["explanations"].list.filter { $0["rank"].integer == 1 }.map(\.causeTexts)
  }
}

import Foundation
import Testing

/// A fresh ledger and the program that is told about it.
struct Ledger {
  let scratch: Scratch
  let path: String

  /// An empty ledger in a directory of its own.
  init(_ options: String...) throws {
    try self.init(named: "ledger", in: Scratch(), options)
  }

  /// An empty ledger beside others.
  init(named name: String, in scratch: Scratch, _ options: [String] = []) throws {
    self.scratch = scratch
    path = scratch.file(name)
    let made = try run(["init", "-q"] + options)
    try #require(made.status == 0, "\(made.errors)")
  }

  /// A ledger with facts.
  init(of lines: [String]) throws {
    try self.init()
    try record(lines)
  }

  /// Runs the program with this ledger in its environment.
  @discardableResult
  func run(
    _ arguments: [String], input: String = "", environment: [String: String] = [:],
    within seconds: Double = 120
  ) throws -> Ended {
    var variables = ["ALLOCLEDGER_LEDGER": path]
    variables.merge(environment) { $1 }
    return try Program.allocledger.run(
      arguments, input: Array(input.utf8), environment: variables,
      within: seconds)
  }

  func run(_ arguments: String...) throws -> Ended { try run(arguments) }

  /// Starts the program with this ledger in its environment.
  func start(_ arguments: String...) throws -> Child {
    try Child(.allocledger, arguments, environment: ["ALLOCLEDGER_LEDGER": path])
  }

  /// Imports lines, which must all be recorded.
  func record(_ lines: [String]) throws {
    let ended = try tryImport(lines)
    try #require(ended.status == 0, "\(ended.errors)")
  }

  /// Imports lines from standard input.
  func tryImport(_ lines: [String], _ options: String...) throws -> Ended {
    try run(["import", "-"] + options, input: lines.map { $0 + "\n" }.joined())
  }

  /// What a command prints as JSON; it must succeed.
  func json(_ arguments: String...) throws -> JSON {
    let ended = try run(arguments + ["-o", "json"])
    try #require(ended.status == 0, "\(arguments): \(ended.errors)")
    return try JSON(ended.output)
  }

  func export() throws -> [String] { try run("export").lines }

  func state(at point: String? = nil, by clock: String? = nil) throws -> JSON {
    try json(
      arguments: ["state"] + (point.map { ["--at", $0] } ?? [])
        + (clock.map { ["--by", $0] } ?? []))
  }

  private func json(arguments: [String]) throws -> JSON {
    let ended = try run(arguments + ["-o", "json"])
    try #require(ended.status == 0, "\(arguments): \(ended.errors)")
    return try JSON(ended.output)
  }

  /// `nodes/cpu/memory/disk` of a host, as `state` has them; nil when it is not listed.
  func counters(_ host: String, at point: String? = nil, by clock: String? = nil) throws -> String?
  {
    try state(at: point, by: clock)["hosts"].list.first { $0["host"].text == host }
      .map(counterText)
  }

  /// Checks that `verify` finds nothing, and returns the chain.
  @discardableResult
  func verified() throws -> String {
    let result = try run("verify", "-o", "json")
    #expect(result.status == 0, "\(result.output) \(result.errors)")
    return try JSON(result.output)["chain"].text ?? ""
  }
}

/// The four counters of a host or of totals in one text.
func counterText(_ json: JSON) -> String {
  ["nodes", "cpu_millicores", "memory_bytes", "disk_bytes"].map { name in
    json[name].integer.map(String.init) ?? "?"
  }.joined(separator: "/")
}

import Foundation
import Testing

/// A ledger with a key that signs its checkpoints.
struct Notary {
  let ledger: Ledger
  let key: String
  let vkey: String

  init(_ ledger: Ledger, _ name: String = "example.com/fleet") throws {
    self.ledger = ledger
    let file = name.split(separator: "/").joined(separator: "-") + ".key"
    key = ledger.scratch.file(file)
    let made = try ledger.run("key", "generate", name, "--out", key)
    try #require(made.status == 0, "\(made.errors)")
    vkey = made.lines[0]
  }

  /// A ledger of one host and as many nodes as it takes to have `entries`, in commits of 100.
  init(entries: Int) throws {
    try self.init(Ledger())
    try ledger.record([host("h1", 0, (1_000_000, 1_000_000, 1_000_000)), host("h2")])
    try grow(from: 3, to: entries)
  }

  /// Adds entries so that the last is `last`.
  func grow(from first: Int, to last: Int) throws {
    let lines = (first...max(first, last)).map { node("n\($0)", on: "h1", $0, (10, 1, 1)) }
    let ended = try ledger.tryImport(Array(lines.prefix(last - first + 1)), "--batch", "100", "-q")
    try #require(ended.status == 0, "\(ended.errors)")
  }

  /// Signs a checkpoint and returns the note.
  @discardableResult
  func sign(_ more: String...) throws -> String {
    let made = try ledger.run(["checkpoint", "--key", key] + more)
    try #require(made.status == 0, "\(made.errors)")
    return made.output
  }

  /// Makes a proof and returns the path of its file.
  func prove(_ arguments: String..., to name: String = "proof.json") throws -> String {
    let made = try ledger.run(["prove", "-q"] + arguments)
    try #require(made.status == 0, "\(made.errors)")
    return try ledger.scratch.write(made.bytes, to: name)
  }

  /// Checks a proof far from the ledger.
  func check(_ path: String, _ more: String...) throws -> Ended {
    try Program.allocledger.run(["verify-proof", path, "--vkey", vkey] + more)
  }
}

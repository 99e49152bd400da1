import Foundation
import Testing

/// Logs that are not, or no longer, what a checkpoint says.
@Suite("Logs that were rolled back or rewritten")
struct RollbackTests {
  private static func segment(_ notary: Notary) throws -> String {
    try #require(files(below: notary.ledger.path + "/log").last)
  }

  private static func expectRolledBack(
    _ notary: Notary, _ arguments: [String] = [], file: String? = nil
  ) throws {
    let ended = try notary.ledger.run(["verify", "-o", "json"] + arguments)
    #expect(ended.status == 5, "\(ended.output)")
    let damage = try JSON(ended.output)["damages"][0]
    #expect(damage["kind"].text == "rolled_back", "\(damage)")
    if let file { #expect(damage["file"].text == file) }
  }

  @Test("an older copy of the last segment was put back: found, named, and nothing is written")
  func olderCopy() throws {
    let notary = try Notary(entries: 120)
    let segment = try RollbackTests.segment(notary)
    let older = try contents(segment)
    try notary.grow(from: 121, to: 260)
    let note = try notary.sign()
    try Data(older).write(to: URL(fileURLWithPath: segment))
    let before = files(below: notary.ledger.path)
    try RollbackTests.expectRolledBack(notary, file: segment)
    let writing = try notary.ledger.tryImport([node("late", on: "h1", 9)])
    #expect(writing.status == 5)
    #expect(writing.errors.contains("rolled_back"))
    #expect(writing.errors.contains(segment))
    #expect(try notary.ledger.run("checkpoint", "--key", notary.key).status == 5)
    // What is there can still be read, and nothing was removed.
    #expect(try notary.ledger.run("state").status == 0)
    #expect(files(below: notary.ledger.path) == before)
    // Whoever kept the note finds out without the ledger's own copy.
    try FileManager.default.removeItem(atPath: notary.ledger.path + "/checkpoints")
    try notary.ledger.verified()
    try RollbackTests.expectRolledBack(notary, ["--checkpoint", note], file: segment)
    let file = try notary.ledger.scratch.write(note, to: "note")
    try RollbackTests.expectRolledBack(notary, ["--checkpoint", file, "--vkey", notary.vkey])
    #expect(try notary.ledger.run("prove", "entry", "3", "--checkpoint", file).status == 5)
  }

  @Test("the only segment is lost")
  func lostSegment() throws {
    let notary = try Notary(entries: 120)
    try notary.sign()
    try FileManager.default.removeItem(atPath: try RollbackTests.segment(notary))
    try RollbackTests.expectRolledBack(notary, file: notary.ledger.path + "/log")
    #expect(try notary.ledger.tryImport([host("h9")]).status == 5)
  }

  @Test("a torn tail that a checkpoint covers is not cut")
  func tornTail() throws {
    let notary = try Notary(entries: 120)
    try notary.sign()
    let segment = try RollbackTests.segment(notary)
    let bytes = try contents(segment)
    try Data(bytes.dropLast(10)).write(to: URL(fileURLWithPath: segment))
    #expect(try notary.ledger.tryImport([host("h9")]).status == 5)
    #expect(try contents(segment).count == bytes.count - 10)
    let kinds = try JSON(try notary.ledger.run("verify", "-o", "json").output)["damages"].list
      .map(\.["kind"].text)
    #expect(kinds == ["torn_tail", "rolled_back"])
  }

  @Test("another history of the same ledger, as long and whole, is told from the signed one")
  func rewritten() throws {
    let notary = try Notary(entries: 120)
    let segment = try RollbackTests.segment(notary)
    let common = try contents(segment)
    try notary.sign()
    try notary.grow(from: 121, to: 220)
    let note = try notary.sign()
    try Data(common).write(to: URL(fileURLWithPath: segment))
    let checkpoints = notary.ledger.path + "/checkpoints"
    let aside = notary.ledger.scratch.file("aside")
    try FileManager.default.moveItem(atPath: checkpoints, toPath: aside)
    try notary.ledger.record((121...260).map { node("other\($0)", on: "h2", $0, (1, 1, 1)) })
    // The cached tree is that of the other history.
    #expect(try notary.ledger.run("verify").status == 1)
    try FileManager.default.removeItem(atPath: notary.ledger.path + "/tree")
    try notary.ledger.verified()
    try RollbackTests.expectRolledBack(notary, ["--checkpoint", note], file: segment)
    try FileManager.default.moveItem(atPath: aside, toPath: checkpoints)
    let ended = try notary.ledger.run("verify")
    #expect(ended.status == 5)
    #expect(ended.output.contains("the entries from sequence 121 to 220"))
    // A forked log gets no further signature.
    #expect(try notary.ledger.run("checkpoint", "--key", notary.key).status == 5)
  }

  @Test("checkpoints that are damaged, foreign or forged")
  func wrongCheckpoints() throws {
    let notary = try Notary(entries: 120)
    try notary.sign()
    let path = try #require(files(below: notary.ledger.path + "/checkpoints").first)
    let text = String(decoding: try contents(path), as: UTF8.self)
    func verified(_ more: String...) throws -> JSON {
      try JSON(try notary.ledger.run(["verify", "-o", "json"] + more).output)["damages"][0]
    }
    try Data(text.utf8.prefix(60)).write(to: URL(fileURLWithPath: path))
    #expect(try verified()["kind"].text == "rotten")
    #expect(try verified()["file"].text == path)
    // A forged one: larger, and signed by nobody who counts.
    let forged = text.replacing("\n120\n", with: "\n999\n")
    try Data(forged.utf8).write(to: URL(fileURLWithPath: path))
    #expect(try verified()["kind"].text == "rolled_back")
    #expect(try verified("--vkey", notary.vkey)["kind"].text == "rotten")
    let stranger = try Notary(entries: 3)
    try stranger.sign()
    let foreign = try #require(files(below: stranger.ledger.path + "/checkpoints").first)
    try Data(try contents(foreign)).write(to: URL(fileURLWithPath: path))
    #expect(try verified()["kind"].text == "foreign")
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    let other = try notary.ledger.run("verify", "--vkey", stranger.vkey)
    #expect(other.status == 0)
    #expect(other.errors.contains("passed over"))
    try notary.ledger.verified()
  }

  @Test("a checkpoint beyond the head, and one whose map of hosts is wrong")
  func beyondTheHead() throws {
    let notary = try Notary(entries: 20)
    let text = try notary.sign()
    #expect(try notary.ledger.run("checkpoint", "--at", "seq:21").status == 64)
    let beyond = text.replacing("\n20\n", with: "\n21\n")
    try RollbackTests.expectRolledBack(notary, ["--checkpoint", beyond])
    let hosts = text.split(separator: "\n").map { line in
      line.hasPrefix("hosts ") ? "hosts 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" : line
    }
    let note = hosts.prefix(6).joined(separator: "\n") + "\n\n"
    let ended = try notary.ledger.run("verify", "--checkpoint", note)
    #expect(ended.status == 5)
    #expect(ended.output.contains("map of hosts"))
  }

  @Test("damaged tiles are a finding about a cache, and harm nothing")
  func damagedTiles() throws {
    let notary = try Notary(entries: 700)
    let note = try notary.sign()
    let tree = notary.ledger.path + "/tree"
    for path in files(below: tree) {
      let whole = try contents(path)
      for change in [0, whole.count / 2, -1] {
        var changed = whole
        if change < 0 { changed.removeLast() } else { changed[change] ^= 1 }
        try Data(changed).write(to: URL(fileURLWithPath: path))
        let ended = try notary.ledger.run("verify")
        #expect(ended.status == 1, "\(path): \(ended.output)")
        #expect(ended.output.contains("cache: \(path)"))
        #expect(try notary.sign() == note)
        #expect(try contents(path) == whole)
        try notary.ledger.verified()
      }
      try FileManager.default.removeItem(atPath: path)
      #expect(try notary.check(try notary.prove("entry", "5")).status == 0)
    }
    // The cache of another ledger.
    let stranger = try Notary(entries: 700)
    try stranger.sign()
    try FileManager.default.removeItem(atPath: tree)
    try FileManager.default.copyItem(atPath: stranger.ledger.path + "/tree", toPath: tree)
    #expect(try notary.ledger.run("verify").status == 1)
    #expect(try notary.sign() == note)
    try notary.ledger.verified()
  }

  @Test("a damaged tile far from the end is found, is not believed, and is made anew")
  func damagedFullTile() throws {
    let notary = try Notary(entries: 3)
    try notary.ledger.record((4...66_000).map { node("n\($0)", on: nil, $0, (1, 1, 1)) })
    let note = try notary.sign()
    let tile = notary.ledger.path + "/tree/tile/1/000"
    let whole = try contents(tile)
    #expect(whole.count == 8_192)
    #expect(try notary.check(try notary.prove("consistency", "777")).status == 0)
    var changed = whole
    changed[700] ^= 4
    try Data(changed).write(to: URL(fileURLWithPath: tile))
    let ended = try notary.ledger.run("verify")
    #expect(ended.status == 1)
    #expect(ended.output.contains("cache: \(tile)"))
    #expect(try notary.sign() == note)
    let proof = try notary.prove("entry", "30000")
    #expect(try notary.check(proof).status == 0)
    #expect(try contents(tile) == whole)
    try notary.ledger.verified()
  }

  @Test("a verification that goes on where another stopped has the same root")
  func resumed() throws {
    let notary = try Notary(entries: 300)
    try notary.sign()
    let progress = notary.ledger.scratch.file("progress")
    #expect(try notary.ledger.run("verify", "--resume", progress).status == 0)
    try notary.grow(from: 301, to: 700)
    try notary.sign()
    let resumed = try JSON(
      try notary.ledger.run("verify", "--resume", progress, "-o", "json").output)
    let whole = try JSON(try notary.ledger.run("verify", "-o", "json").output)
    #expect(resumed["clean"].bool == true)
    #expect(resumed["tree"] == whole["tree"])
    #expect(whole["tree"]["sequence"].integer == 700)
    let both = try notary.ledger.run("verify", "--resume", progress, "--checkpoint", "x")
    #expect(both.status == 64)
  }
}

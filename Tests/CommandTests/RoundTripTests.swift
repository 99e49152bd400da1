import Foundation
import Testing

/// A made-up history with everything that can happen, and more.
func generatedFacts(_ options: String...) throws -> [String] {
  let ended = try Program.generator.run(["fleet"] + options)
  try #require(ended.status == 0, "\(ended.errors)")
  return ended.lines
}

/// A ledger whose history has late facts, voids, adoptions, contradictions, keys and odd names.
private func eventfulLedger() throws -> Ledger {
  let ledger = try Ledger()
  try ledger.record(generatedFacts("--hosts", "8", "--events", "1500", "--late", "20"))
  try ledger.record([
    host(#"odd,\"name\"\nof a host"#), keyed(host("keyed"), "a key"),
    node(
      "v", on: "keyed", 10, (1, 2, 3),
      #","name":"a \"b\",\nc","image":"","org":"","actor":"eve","source":"api","cause":3"#),
    node("w", on: "keyed", 11, (1, 2, 3)), deletion("w", 12),
    node("w", on: "keyed", 13, (4, 5, 6)),
  ])
  let head = try ledger.state()["sequence"].integer ?? 0
  let more = try ledger.tryImport(
    [
      fact("entry_voided", 20, #""sequence":\#(head - 3),"reason":"typo""#),
      fact(
        "state_adopted", 21, #""host":"keyed","nodes":1,\#(numbers((4, 5, 6))),"reason":"seen""#),
      fact("state_adopted", 21, #""node":"w","present":false"#),
      fact("state_adopted", 22, #""pool":"p","worker_count":3,"last_issued":9"#),
      fact("state_adopted", 23, #""container":"c","status":"up","memory_limit":5"#),
      fact(
        "state_adopted", 24,
        #""host":"keyed","capacity":{"cpu_millicores":1,"memory_bytes":2,"disk_bytes":3}"#),
      deletion("unknown", 30), host("keyed", 31), node("late", on: "keyed", 5),
      fact("entry_voided", 33, #""sequence":\#(head + 1)"#),
    ], "--on-contradiction", "record", "--batch", "3")
  try #require(more.status == 1, "\(more.errors)")
  return ledger
}

private func withoutRecorded(_ lines: [String]) -> [String] {
  lines.map { $0.replacing(/"recorded":"[^"]*",/, with: "") }
}

@Suite("Round trips") struct RoundTripTests {
  @Test("export | import into an empty ledger reproduces the export except for recorded times")
  func exportImport() throws {
    let ledger = try eventfulLedger()
    let exported = try ledger.run("export")
    let copy = try Ledger()
    let ended = try copy.run(["import", "-"], input: exported.output)
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(try withoutRecorded(copy.export()) == withoutRecorded(exported.lines))
    #expect(try copy.state() == ledger.state())
    #expect(try copy.state(at: "2026-02-01T00:00:00Z") == ledger.state(at: "2026-02-01T00:00:00Z"))
    try copy.verified()
  }

  @Test("import --restore reproduces the export byte for byte, and the chain")
  func restore() throws {
    let ledger = try eventfulLedger()
    let exported = try ledger.run("export")
    let copy = try Ledger()
    let ended = try copy.run(["import", "--restore", "-"], input: exported.output)
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(try copy.run("export").bytes == exported.bytes)
    #expect(try copy.verified() == ledger.verified())
    let twice = try copy.run(["import", "--restore", "-"], input: exported.output)
    #expect(twice.status == 6)
    #expect(twice.errors.contains("empty ledger"))
  }

  @Test("import --restore refuses what is no whole export")
  func restoreRefuses() throws {
    let lines = try eventfulLedger().export()
    for wrong in [
      Array(lines[1...]), lines.filter { !$0.hasPrefix(#"{"entry":7,"#) },
      [lines[0], lines[0]], [host("h")], Array(lines[..<5]) + [host("plain")],
    ] {
      let copy = try Ledger()
      let ended = try copy.tryImport(wrong, "--restore")
      #expect(ended.status == 6)
      #expect(ended.errors.contains("not_an_export"), "\(ended.errors)")
      #expect(try copy.export().isEmpty)
    }
  }

  @Test("CSV reproduces the export too, with --restore byte for byte")
  func csv() throws {
    let ledger = try eventfulLedger()
    let table = try ledger.run("export", "-o", "csv")
    #expect(table.output.contains("\r\n"))
    #expect(try ledger.export().contains { $0.contains(#""image":"","org":"""#) })
    let copy = try Ledger()
    let ended = try copy.run(["import", "-", "--input", "csv"], input: table.output)
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(try withoutRecorded(copy.export()) == withoutRecorded(ledger.export()))
    let restored = try Ledger()
    let again = try restored.run(
      ["import", "--restore", "--input", "csv", "-"], input: table.output)
    #expect(again.status == 0, "\(again.errors)")
    #expect(try restored.run("export", "-o", "csv").bytes == table.bytes)
    #expect(try restored.run("export").bytes == ledger.run("export").bytes)
    #expect(try restored.verified() == ledger.verified())
  }

  @Test("the chain depends on every entry and its order")
  func chain() throws {
    let facts = [host("a"), host("b"), node("n", on: "a", 1)]
    let lines = try Ledger(of: facts).export()
    func chain(_ lines: [String]) throws -> String {
      let ledger = try Ledger()
      let ended = try ledger.tryImport(lines, "--restore")
      try #require(ended.status == 0, "\(ended.errors)")
      return try ledger.verified()
    }
    let whole = try chain(lines)
    #expect(try chain(lines) == whole)
    #expect(try chain(Array(lines[..<2])) != whole)
    #expect(try chain(lines.map { $0.replacing(#""host":"b""#, with: #""host":"c""#) }) != whole)
    #expect(try chain(lines.map { $0.replacing(":1000,", with: ":1001,") }) != whole)
  }

  @Test("logs of selected entries have what export has")
  func log() throws {
    let ledger = try eventfulLedger()
    #expect(try ledger.run("log").lines.count == ledger.export().count)
    #expect(try ledger.run("log", "-o", "ndjson").lines == ledger.export())
  }
}

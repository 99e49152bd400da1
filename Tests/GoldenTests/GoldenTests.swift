import Foundation
import LedgerCore
import LedgerFormat
import LedgerLog
import LedgerText
import LinuxHost
import TestSupport
import Testing

/// The root of the sources, which holds the golden ledgers and the reader in Python.
private let root = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// A ledger as version 1 of the format wrote it; every later program reads it.
private struct Golden {
  static let names = ["v1", "v1-sealed"]

  let scratch = Scratch()
  private let source: URL
  /// A copy, because opening a ledger may sync its files.
  let ledger: String

  init(_ name: String) throws {
    source = root.appendingPathComponent("Schemas/log/" + name)
    ledger = scratch.directory + "/ledger"
    try FileManager.default.copyItem(atPath: source.path, toPath: ledger)
  }

  func text(_ name: String) throws -> String {
    try String(contentsOf: source.appendingPathComponent(name), encoding: .utf8)
  }

  func link() throws -> String {
    try text("chain.txt").trimmingCharacters(in: .newlines)
  }

  func segment(from sequence: Int) -> String {
    let digits = String(sequence)
    return ledger + "/log/" + String(repeating: "0", count: 20 - digits.count) + digits + ".seg"
  }

  func reader() throws -> LogReader {
    try LogReader(directory: ledger, disk: LinuxDisk(), wait: { false })
  }
}

/// What blocks hold.
private struct Coverage {
  /// Codes of rows that are not contradicted.
  var codes: Set<UInt8> = []
  var contradicted: Set<UInt8> = []
  var flags: Frame.Flags = []

  mutating func add(_ frame: Frame, _ kinds: [UInt8]) {
    flags.formUnion(frame.flags)
    for kind in kinds {
      let code = kind & RowKind.codeMask
      if kind & RowKind.contradicted == 0 {
        codes.insert(code)
      } else {
        contradicted.insert(code)
      }
    }
  }

  /// Whether every event type and every kind of row is there.
  var hasAllKinds: Bool {
    // An adoption has a kind of its own for what it adopts, and 17 only where it is contradicted.
    let adoption = EventType.stateAdopted.rawValue
    return codes == Set(1...RowKind.codeMax).subtracting([adoption])
      && contradicted.contains(adoption)
  }
}

@Suite("Golden ledgers of version 1")
struct GoldenTests {
  @Test(
    "its entries are printed byte for byte as they were when it was made",
    arguments: Golden.names)
  func entries(name: String) throws {
    let golden = try Golden(name)
    var writer = FactWriter()
    var cursor = try golden.reader().entries()
    while let step = try cursor.next() { writer.write(step.entry) }
    #expect(writer.bytes == Array(try golden.text("expected.ndjson").utf8))
  }

  @Test("its chain is what it was when it was made", arguments: Golden.names)
  func chain(name: String) throws {
    let golden = try Golden(name)
    let reader = try golden.reader()
    #expect(hex(try reader.link(at: reader.head)) == (try golden.link()))
  }

  @Test("verification finds nothing", arguments: Golden.names)
  func verification(name: String) throws {
    let golden = try Golden(name)
    var verification = Verification(directory: golden.ledger, disk: LinuxDisk())
    try verification.run(wait: { false }, goOn: { _, _ in true })
    #expect(verification.result.damages.isEmpty)
    #expect(verification.result.isComplete)
    #expect(hex(verification.result.progress.link) == (try golden.link()))
  }

  @Test("the first holds every event type, every kind of row and every flag of a block")
  func coverage() throws {
    let golden = try Golden("v1")
    var coverage = Coverage()
    var cursor = try golden.reader().cursor()
    var batch = EntryBatch()
    while let block = try cursor.next(into: &batch) { coverage.add(block.frame, batch.kinds) }
    #expect(coverage.hasAllKinds)
    #expect(coverage.flags == .all)
  }

  @Test("the second holds every kind of row in blocks of one entry, and blocks of many commits")
  func coverageOfSealed() throws {
    let golden = try Golden("v1-sealed")
    let reader = try golden.reader()
    #expect(reader.map.segments.map(\.isSealed) == [true, true, false])
    var rows = Coverage()
    var cursor = reader.cursor()
    var batch = EntryBatch()
    while let block = try cursor.next(into: &batch) {
      if block.frame.layout == .row { rows.add(block.frame, batch.kinds) }
      let isSealed = reader.map.segments[block.segment].isSealed
      #expect(batch.commitStarts.isEmpty == !isSealed)
    }
    #expect(rows.hasAllKinds)
    #expect(rows.flags == Frame.Flags.all.subtracting(.compressed))
  }

  @Test("the independent reader prints the same facts", arguments: Golden.names)
  func independentEntries(name: String) throws {
    let golden = try Golden(name)
    let printed = try GoldenTests.lines(try readByPython(golden, with: []))
    let expected = try GoldenTests.lines(try golden.text("expected.ndjson"))
    #expect(printed.count == expected.count)
    for (line, other) in zip(printed, expected) { #expect(line == other) }
  }

  @Test("the independent reader computes the same chain", arguments: Golden.names)
  func independentChain(name: String) throws {
    let golden = try Golden(name)
    #expect(try readByPython(golden, with: ["--chain"]) == (try golden.text("chain.txt")))
  }

  @Test(
    "the independent reader refuses a changed byte",
    arguments: [0, 20, 60, 97, 130, 400, 8_900])
  func independentRefusal(offset: Int) throws {
    try expectRefusal(of: try Golden("v1"), from: 1) { $0[offset] ^= 0x10 }
  }

  @Test(
    "the independent reader refuses a changed byte of a sealed segment and of short frames",
    arguments: [(74, 12), (74, 98), (74, 300), (447, 99), (447, 105), (447, 110), (447, 2_000)])
  func independentRefusalOfSealed(sequence: Int, offset: Int) throws {
    try expectRefusal(of: try Golden("v1-sealed"), from: sequence) { $0[offset] ^= 0x10 }
  }

  @Test("nothing of a sealed segment is torn, be it the last")
  func sealedEnd() throws {
    let golden = try Golden("v1-sealed")
    Scratch.remove(golden.segment(from: 447))
    #expect(try golden.reader().head == 446)
    try expectRefusal(of: golden, from: 74) { $0.removeLast() }
    #expect(throws: LogError.self) { try golden.reader() }
  }

  /// Changes the segment of `golden` that begins with `sequence`.
  private func expectRefusal(
    of golden: Golden, from sequence: Int, _ change: (inout [UInt8]) -> Void
  ) throws {
    let segment = golden.segment(from: sequence)
    var changed = try bytes(of: segment)
    change(&changed)
    try write(changed, to: segment)
    #expect(throws: ReaderFailure(status: 5)) { try readByPython(golden, with: ["--chain"]) }
  }

  /// The status that the reader ended with, where it is not 0.
  struct ReaderFailure: Error, Equatable {
    var status: Int32
  }

  /// What tools/read_ledger.py prints of a ledger.
  private func readByPython(_ golden: Golden, with options: [String]) throws -> String {
    let output = golden.scratch.directory + "/output"
    let script = root.appendingPathComponent("tools/read_ledger.py").path
    let status = try ShellCommand.run(
      #"python3 "$SCRIPT" \#(options.joined(separator: " ")) "$LEDGER" >"$OUTPUT" 2>/dev/null"#,
      variables: [
        ("LC_ALL", "C.UTF-8"), ("SCRIPT", script), ("LEDGER", golden.ledger), ("OUTPUT", output),
      ])
    guard status == 0 else { throw ReaderFailure(status: status) }
    return String(decoding: try bytes(of: output), as: UTF8.self)
  }

  /// Each line's object in one spelling, so that equal objects are equal texts.
  private static func lines(_ text: String) throws -> [String] {
    try text.split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
      let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
      return String(decoding: data, as: UTF8.self)
    }
  }
}

import Foundation
import LedgerCore
import LedgerFormat
import LedgerLog
import LedgerText
import LinuxHost
import TestSupport
import Testing

/// The root of the sources, which holds the golden ledger and the reader in Python.
private let root = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// A ledger as version 1 of the format wrote it; every later program reads it.
@Suite("Golden ledger of version 1")
struct GoldenTests {
  private static let golden = root.appendingPathComponent("Schemas/log/v1")

  private let scratch = Scratch()
  /// A copy, because opening a ledger may sync its files.
  private var ledger: String { scratch.directory + "/ledger" }

  init() throws {
    try FileManager.default.copyItem(atPath: GoldenTests.golden.path, toPath: ledger)
  }

  private func goldenText(_ name: String) throws -> String {
    try String(contentsOf: GoldenTests.golden.appendingPathComponent(name), encoding: .utf8)
  }

  private func expectedLink() throws -> String {
    try goldenText("chain.txt").trimmingCharacters(in: .newlines)
  }

  private func openedReader() throws -> LogReader {
    try LogReader(directory: ledger, disk: LinuxDisk(), wait: { false })
  }

  @Test("its entries are printed byte for byte as they were when it was made")
  func entries() throws {
    var writer = FactWriter()
    var cursor = try openedReader().entries()
    while let step = try cursor.next() { writer.write(step.entry) }
    #expect(writer.bytes == Array(try goldenText("expected.ndjson").utf8))
  }

  @Test("its chain is what it was when it was made")
  func chain() throws {
    let reader = try openedReader()
    #expect(hex(try reader.link(at: reader.head)) == (try expectedLink()))
  }

  @Test("verification finds nothing")
  func verification() throws {
    var verification = Verification(directory: ledger, disk: LinuxDisk())
    try verification.run(wait: { false }, goOn: { _, _ in true })
    #expect(verification.result.damages.isEmpty)
    #expect(verification.result.isComplete)
    #expect(hex(verification.result.progress.link) == (try expectedLink()))
  }

  @Test("it holds every event type, every kind of row and every flag of a block")
  func coverage() throws {
    let reader = try openedReader()
    var codes: Set<UInt8> = []
    var contradicted: Set<UInt8> = []
    var flags: Frame.Flags = []
    var cursor = reader.cursor()
    var batch = EntryBatch()
    while let block = try cursor.next(into: &batch) {
      flags.formUnion(block.frame.flags)
      for kind in batch.kinds {
        let code = kind & RowKind.codeMask
        if kind & RowKind.contradicted == 0 {
          codes.insert(code)
        } else {
          contradicted.insert(code)
        }
      }
    }
    // An adoption has a kind of its own for what it adopts, and 17 only where it is contradicted.
    let plain = Set(1...RowKind.codeMax).subtracting([EventType.stateAdopted.rawValue])
    #expect(codes == plain)
    #expect(contradicted.contains(EventType.stateAdopted.rawValue))
    #expect(flags == .all)
  }

  @Test("the independent reader prints the same facts")
  func independentEntries() throws {
    let printed = try GoldenTests.lines(try readByPython([ledger]))
    let expected = try GoldenTests.lines(try goldenText("expected.ndjson"))
    #expect(printed.count == expected.count)
    for (line, other) in zip(printed, expected) { #expect(line == other) }
  }

  @Test("the independent reader computes the same chain")
  func independentChain() throws {
    #expect(try readByPython(["--chain", ledger]) == (try goldenText("chain.txt")))
  }

  @Test(
    "the independent reader refuses a changed byte",
    arguments: [0, 20, 60, 97, 130, 400, 8_900])
  func independentRefusal(offset: Int) throws {
    let segment = ledger + "/log/00000000000000000001.seg"
    var changed = try bytes(of: segment)
    changed[offset] ^= 0x10
    try write(changed, to: segment)
    #expect(throws: ReaderFailure(status: 5)) { try readByPython(["--chain", ledger]) }
  }

  /// The status that the reader ended with, where it is not 0.
  struct ReaderFailure: Error, Equatable {
    var status: Int32
  }

  /// What tools/read_ledger.py prints.
  private func readByPython(_ arguments: [String]) throws -> String {
    let output = scratch.directory + "/output"
    try write([], to: output)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let script = root.appendingPathComponent("tools/read_ledger.py").path
    process.arguments = ["LC_ALL=C.UTF-8", "python3", script] + arguments
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ReaderFailure(status: process.terminationStatus)
    }
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

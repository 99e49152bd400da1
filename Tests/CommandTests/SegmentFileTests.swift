import Foundation
import Testing

@Suite("Files of the log that are lost, exchanged or from elsewhere") struct SegmentFileTests {
  /// A ledger of several segments, closed.
  private func ledger(_ name: String, in scratch: Scratch, _ prefix: String) throws -> Ledger {
    let ledger = try Ledger(named: name, in: scratch, ["--segment-size", "220"])
    for number in 0..<14 { try ledger.record([host("\(prefix)\(number)", number)]) }
    return ledger
  }

  private func segments(_ ledger: Ledger) -> [String] {
    files(below: ledger.path + "/log").filter { $0.hasSuffix(".seg") }.sorted()
  }

  private func check(_ ledger: Ledger, _ kind: String, _ file: String) throws {
    let verified = try ledger.run("verify")
    #expect(verified.status == 5)
    #expect(verified.output.contains("\(kind): \(file): offset "), "\(verified.output)")
    for command in [["state"], ["append"], ["import", "-"]] {
      let ended = try ledger.run(command, input: host("new"))
      #expect(ended.status == 5, "\(command): \(ended.errors)")
      #expect(ended.errors.contains(file), "\(command): \(ended.errors)")
    }
  }

  @Test("a ledger of many small segments is whole")
  func whole() throws {
    let ledger = try ledger("ledger", in: Scratch(), "h")
    #expect(segments(ledger).count >= 4)
    try ledger.verified()
    #expect(try ledger.export().count == 14)
    #expect(try ledger.run("init", "--segment-size", "0").status == 64)
  }

  @Test("a segment that is missing is named", arguments: [0, 1, 2])
  func missing(index: Int) throws {
    let ledger = try ledger("ledger", in: Scratch(), "h")
    let path = segments(ledger)[index]
    try FileManager.default.removeItem(atPath: path)
    try check(ledger, "missing", path)
  }

  @Test("two segments that changed places are foreign there")
  func swapped() throws {
    let ledger = try ledger("ledger", in: Scratch(), "h")
    let paths = segments(ledger)
    let first = try contents(paths[1])
    try Data(contents(paths[2])).write(to: URL(fileURLWithPath: paths[1]))
    try Data(first).write(to: URL(fileURLWithPath: paths[2]))
    try check(ledger, "foreign", paths[1])
  }

  @Test("a segment of another ledger is foreign", arguments: [0, 1, 3])
  func foreign(index: Int) throws {
    let scratch = try Scratch()
    let ledger = try ledger("ledger", in: scratch, "h")
    let other = try self.ledger("other", in: scratch, "g")
    let path = segments(ledger)[index]
    try Data(contents(segments(other)[index])).write(to: URL(fileURLWithPath: path))
    try check(ledger, "foreign", path)
  }

  @Test("an older copy of a segment in the middle leaves a gap, which is named by what is missing")
  func older() throws {
    let ledger = try ledger("ledger", in: Scratch(), "h")
    let paths = segments(ledger)
    // As it was after its first commit: the rest is zeros, as before they were written.
    let whole = try contents(paths[1])
    // A short header says the count of what is stored at offset 4.
    let frame = 12 + Int(whole[100]) + Int(whole[101]) << 8 + 2
    try Data(whole[..<(96 + frame)]).write(to: URL(fileURLWithPath: paths[1]))
    let verified = try ledger.run("verify")
    #expect(verified.status == 5)
    #expect(verified.output.hasPrefix("missing: "), "\(verified.output)")
    #expect(try ledger.run(["append"], input: host("new")).status == 5)
  }
}

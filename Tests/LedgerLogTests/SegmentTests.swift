import LedgerCore
import LedgerEngine
import LedgerFormat
import LedgerLog
import LedgerText
import LinuxHost
import TestSupport
import Testing

@Suite("Segments")
struct SegmentTests {
  private func segments(_ ledger: TestLedger) throws -> [String] {
    try files(below: ledger.layout.segments)
  }

  @Test("a reader beside the writer follows it from segment to segment")
  func rolls() throws {
    let ledger = try TestLedger(segmentByteCountMax: 200)
    let writable = try ledger.open()
    for round in 1...12 {
      try ledger.commit(scalings(3, from: round), to: writable)
      let reader = try ledger.reader()
      #expect(reader.head == Int64(round) * 3)
      #expect(try reader.all().count == round * 3)
    }
    writable.writer.close()
    #expect(try segments(ledger).count > 3)
    let reader = try ledger.reader()
    #expect(reader.map.segments.count == (try segments(ledger).count))
    #expect(try ledger.copy { _, _ in }.damages().isEmpty)
    #expect(try ledger.open().writer.link == reader.link(at: reader.head))
    let target = ledger.scratch.directory + "/salvaged"
    let result = try Salvage(directory: ledger.directory, disk: LinuxDisk()).copy(
      to: target, manifest: nil)
    #expect(result.head == 36 && result.damage == nil)
    let salvaged = try LogReader(directory: target, disk: LinuxDisk()) { false }
    #expect(try salvaged.lines(.all) == reader.lines(.all))
  }

  @Test(
    "a crash while a segment is begun leaves the log as it was",
    arguments: [0, 1, 40, 95, SegmentHeader.byteCount])
  func crashAtRoll(headerByteCount: Int) throws {
    let ledger = try TestLedger(segmentByteCountMax: 200)
    try ledger.write((0..<4).map { scalings(3, from: $0) })
    let all = try ledger.reader().all().count
    let names = try segments(ledger)
    let last = try #require(names.last)
    let copy = try ledger.copy { path, bytes in
      guard path.hasSuffix(last) else { return }
      bytes.removeLast(bytes.count - min(headerByteCount, bytes.count))
    }
    let reader = try copy.reader()
    #expect(reader.head < Int64(all) && reader.head > 0)
    let before = reader.head
    let writable = try copy.open()
    #expect(writable.head == before)
    _ = try writable.admit(FactItem(fact: .pool("p", from: nil, to: 1)))
    try writable.commit()
    writable.writer.close()
    #expect(try copy.damages().isEmpty)
    #expect(try copy.reader().head == before + 1)
  }

  /// Facts in blocks of one, because each is behind a void that has to be judged.
  private func severalBlocks(_ writable: WritableLedger, _ count: Int) throws {
    for _ in 0..<count {
      _ = try writable.admit(FactItem(fact: .pool("p", from: nil, to: 5)))
      _ = try writable.admit(FactItem(fact: .void(writable.head)))
    }
  }

  @Test("a commit over several segments is taken back whole", arguments: [0, 2])
  func abandons(before: Int) throws {
    let ledger = try TestLedger(segmentByteCountMax: 200)
    let writable = try ledger.open()
    if before > 0 { try ledger.commit(scalings(before), to: writable) }
    writable.beginAbandonable()
    try severalBlocks(writable, 6)
    #expect(try segments(ledger).count > 2)
    try writable.abandon()
    #expect(writable.head == Int64(before))
    #expect(try segments(ledger).count == min(before, 1))
    try ledger.commit(scalings(1, from: 9), to: writable)
    writable.writer.close()
    #expect(try ledger.reader().all().count == before + 1)
    #expect(try ledger.copy { _, _ in }.damages().isEmpty)
  }

  @Test("a commit over several segments that has no end does not count and is set aside")
  func unfinished() throws {
    let ledger = try TestLedger(segmentByteCountMax: 200)
    let writable = try ledger.open()
    try ledger.commit(scalings(2), to: writable)
    try severalBlocks(writable, 6)
    let copy = try ledger.copy { _, _ in }
    #expect(try copy.reader().head == 2)
    #expect(try copy.damages().map(\.kind) == [.tornTail])
    let other = try copy.open()
    #expect(other.head == 2 && other.writer.recovery.count > 2)
    other.writer.close()
    #expect(try copy.damages().isEmpty)
    #expect(try ledger.reader().head == 2)
  }

  @Test("texts of many megabytes are spread over blocks; a fact that no block can hold is refused")
  func largeTexts() throws {
    let ledger = try TestLedger()
    let writable = try ledger.open()
    var expected: [Int] = []
    for number in 0..<45 {
      var fact = Fact.pool("p", from: nil, to: Int64(number))
      fact.rare.reason = Name(String(repeating: "a\(number)", count: 500_000))
      expected.append(fact.rare.reason?.utf8Count ?? 0)
      _ = try writable.admit(FactItem(fact: fact))
    }
    var list = Fact.pool("p", from: nil, to: 1)
    let text = Name(String(repeating: "x", count: 1 << 20))
    list.rare.added = [Name](repeating: text, count: 64)
    #expect(writable.refusal(of: list) == "fact_too_large")
    list.rare.added = [Name](repeating: text, count: 63)
    #expect(writable.refusal(of: list) == nil)
    try writable.commit()
    writable.writer.close()
    let reader = try ledger.reader()
    #expect(reader.map.blocks.count > 3)
    #expect(reader.map.blocks.allSatisfy { $0.frame.rawByteCount < Block.rawByteCountMax / 2 })
    #expect(try reader.all().compactMap { $0.fact.rare.reason?.utf8Count } == expected)
  }
}

import LedgerCore
import LedgerEngine
import LedgerFormat
import LedgerLog
import LedgerPorts
import LedgerText
import LinuxHost
import TestSupport
import Testing

extension TestLedger {
  /// Seals all that is worth it; returns how many segments were.
  fileprivate func seal() throws -> Int {
    let sealer = try Sealer(directory: directory, disk: LinuxDisk(), process: 9)
    defer { sealer.close() }
    let candidates = sealer.candidates
    for segment in candidates { _ = try sealer.seal(segment) }
    try sealer.removeStaleCaches()
    return candidates.count
  }
}

@Suite("Sealing")
struct SealingTests {
  /// Everything that a reader can tell of a ledger.
  private func everything(_ reader: LogReader) throws -> [String] {
    let entries = try reader.all()
    var told = entries.map { "\($0)" }
    told.append("\(try reader.link(at: reader.head))")
    for selection in [
      Selection.all, .sequence(reader.head / 2), .recorded(moment(5)), .occurred(moment(50)),
    ] {
      told += try reader.lines(selection)
    }
    for entry in entries where entry.sequence % 7 == 1 {
      told.append("\(try reader.link(at: entry.sequence))")
      told.append("\(try reader.lastCommit(by: entry.sequence))")
    }
    return told
  }

  @Test(
    "whoever reads sees the same as before, and so does whoever has read on since before",
    arguments: [400, 3_000, 1 << 20])
  func changesNothing(segmentByteCountMax: Int) throws {
    let ledger = try TestLedger(segmentByteCountMax: segmentByteCountMax)
    let groups = smallHistory() + (0..<40).map { scalings(1, from: $0) }
    try ledger.write(groups)
    let early = try ledger.reader()
    let before = try everything(early)
    #expect(try ledger.seal() > 0)
    #expect(try everything(early) == before)
    let late = try ledger.reader()
    #expect(try everything(late) == before)
    #expect(late.map.blocks.count < early.map.blocks.count)
    #expect(late.map.segments.contains { $0.isSealed })
    #expect(try ledger.copy { _, _ in }.damages().isEmpty)
    #expect(try ledger.seal() == 0)
  }

  @Test("writing goes on in a segment of its own, and that is sealed in its turn")
  func goesOn() throws {
    let ledger = try TestLedger()
    try ledger.write((0..<20).map { scalings(1, from: $0) })
    #expect(try ledger.seal() == 1)
    try ledger.write((20..<40).map { scalings(1, from: $0) })
    #expect(try ledger.reader().map.segments.count == 2)
    #expect(try ledger.reader().map.segments.map(\.isSealed) == [true, false])
    #expect(try ledger.seal() == 1)
    try ledger.write([scalings(3, from: 40)])
    let reader = try ledger.reader()
    #expect(reader.map.segments.count == 3 && reader.head == 43)
    #expect(try ledger.copy { _, _ in }.damages().isEmpty)
    #expect(try ledger.open().writer.link == reader.link(at: reader.head))
  }

  @Test("a commit of several blocks is taken back behind a sealed segment")
  func takesBackBehindSealed() throws {
    let ledger = try TestLedger()
    try ledger.write((0..<20).map { scalings(1, from: $0) })
    _ = try ledger.seal()
    let writable = try ledger.open()
    writable.beginAbandonable()
    for fact in scalings(LogWriter.blockEntryCount + 5, from: 20) {
      _ = try writable.admit(FactItem(fact: fact))
    }
    try writable.abandon()
    try ledger.commit(scalings(2, from: 20), to: writable)
    writable.writer.close()
    #expect(try ledger.reader().head == 22)
    #expect(try ledger.copy { _, _ in }.damages().isEmpty)
  }

  @Test("caches of the old blocks are passed over and are no damage")
  func keepsCachesTrue() throws {
    let ledger = try TestLedger()
    try ledger.write((0..<30).map { scalings(1, from: $0) })
    let written = try #require(try ledger.reader().writeSnapshot())
    try ledger.write((30..<40).map { scalings(1, from: $0) })
    let sealer = try Sealer(directory: ledger.directory, disk: LinuxDisk(), process: 9)
    for segment in sealer.candidates { _ = try sealer.seal(segment) }
    // As if the process had died before it removed them.
    sealer.close()
    #expect(try ledger.copy { _, _ in }.damages().isEmpty)
    #expect(try ledger.reader().lines(.all).isEmpty == false)
    try sealer.removeStaleCaches()
    #expect(try !LinuxDisk().exists(written.path))
  }

  @Test("a verification that was begun before goes on behind where it was")
  func resumesVerification() throws {
    let ledger = try TestLedger()
    try ledger.write((0..<30).map { scalings(2, from: 2 * $0) })
    var first = Verification(directory: ledger.directory, disk: LinuxDisk())
    try first.run(wait: { false }, goOn: { done, _ in done < 20 })
    #expect(!first.result.isComplete && first.result.progress.sequence == 20)
    _ = try ledger.seal()
    var second = Verification(directory: ledger.directory, disk: LinuxDisk())
    try second.run(
      after: first.result.progress, wait: { false }, goOn: { _, _ in true })
    #expect(second.result.damages.isEmpty && second.result.isComplete)
    #expect(second.result.progress.link == (try ledger.reader().link(at: 60)))
    var tree = try ledger.reader().tree()
    #expect(try second.result.progress.tree.root == tree.root(at: 60))
  }

  @Test("while a writer is there nobody else seals; beside it all but its last segment is sealed")
  func besideWriter() throws {
    let ledger = try TestLedger(segmentByteCountMax: 300)
    let writable = try ledger.open()
    for round in 0..<20 { try ledger.commit(scalings(1, from: round), to: writable) }
    #expect(throws: LogError.self) {
      _ = try Sealer(directory: ledger.directory, disk: LinuxDisk(), process: 9)
    }
    let closed = writable.writer.closedSegmentCount
    #expect(closed > 1)
    let sealer = Sealer(try ledger.reader())
    #expect(sealer.candidates == Array(0..<closed))
    for segment in sealer.candidates { _ = try sealer.seal(segment) }
    try ledger.commit(scalings(1, from: 20), to: writable)
    writable.writer.close()
    let reader = try ledger.reader()
    #expect(reader.head == 21)
    #expect(reader.map.segments.filter(\.isSealed).count == closed)
    #expect(try ledger.copy { _, _ in }.damages().isEmpty)
  }

  @Test(
    "a crash at any moment leaves the old segment or the new one; what is half written is passed over"
  )
  func crash() throws {
    let ledger = try TestLedger()
    try ledger.write((0..<20).map { scalings(1, from: $0) })
    let whole = try bytes(of: ledger.segment)
    for part in [0, 50, 200, whole.count] {
      let copy = try ledger.copy { _, _ in }
      try write(Array(whole.prefix(part)), to: copy.layout.segment(1) + ".new")
      #expect(try copy.reader().head == 20)
      let sealer = try Sealer(directory: copy.scratch.directory, disk: LinuxDisk(), process: 9)
      for segment in sealer.candidates { _ = try sealer.seal(segment) }
      sealer.close()
      #expect(try copy.damages().isEmpty)
      #expect(try copy.reader().map.blocks.count == 1)
    }
  }

  @Test("a damaged segment is not sealed, and rot in a sealed one is found and never cut")
  func damage() throws {
    let ledger = try TestLedger()
    try ledger.write((0..<20).map { scalings(1, from: $0) })
    let rotten = try ledger.copy { path, bytes in
      if path.hasSuffix(".seg") { bytes[300] ^= 1 }
    }
    #expect(throws: LogError.self) {
      let sealer = try Sealer(directory: rotten.scratch.directory, disk: LinuxDisk(), process: 9)
      for segment in sealer.candidates { _ = try sealer.seal(segment) }
    }
    _ = try ledger.seal()
    let size = try bytes(of: ledger.segment).count
    for place in [120, size - 1, size - 20] {
      let copy = try ledger.copy { path, bytes in
        if path.hasSuffix(".seg") { bytes[place] ^= 0xFF }
      }
      #expect(try copy.damages().map(\.kind) == [.rotten])
      #expect(throws: LogError.self) { _ = try copy.open() }
    }
    let short = try ledger.copy { path, bytes in
      if path.hasSuffix(".seg") { bytes.removeLast(9) }
    }
    #expect(try short.damages().map(\.kind) == [.rotten])
  }

  @Test("parts of a commit of several blocks stay by themselves, and links are those of before")
  func keepsPartsApart() throws {
    let ledger = try TestLedger()
    try ledger.write([scalings(LogWriter.blockEntryCount + 9)])
    try ledger.write((0..<520).map { scalings(1, from: $0) })
    let before = try ledger.reader()
    #expect(try ledger.seal() == 1)
    let after = try ledger.reader()
    for sequence in [1, LogWriter.blockEntryCount, LogWriter.blockEntryCount + 9].map(Int64.init) {
      #expect(try after.link(at: sequence) == before.link(at: sequence))
      #expect(try after.lastCommit(by: sequence) == before.lastCommit(by: sequence))
    }
    #expect(after.map.blocks[0].frame.entryCount == LogWriter.blockEntryCount)
    #expect(after.map.blocks[1].frame.entryCount == 9)
  }

  @Test("facts with long texts become several blocks")
  func boundsBlocks() throws {
    let ledger = try TestLedger()
    let writable = try ledger.open()
    for number in 0..<20 {
      var fact = Fact.pool("p", from: nil, to: Int64(number))
      fact.rare.reason = Name(String(repeating: "x", count: 1 << 20))
      try ledger.commit([fact], to: writable)
    }
    writable.writer.close()
    #expect(try ledger.seal() == 1)
    let blocks = try ledger.reader().map.blocks
    #expect(blocks.count == 2 && blocks.allSatisfy { $0.frame.rawByteCount < 20 << 20 })
    #expect(try ledger.copy { _, _ in }.damages().isEmpty)
  }

  @Test("history that was made before is no damage, and is made anew where its marks are gone")
  func keepsHistoryTrue() throws {
    let ledger = try TestLedger(segmentByteCountMax: 600)
    try ledger.write(smallHistory())
    try ledger.write((0..<60).map { scalings(1, from: $0) })
    func reader() throws -> LogReader {
      try LogReader(
        directory: ledger.directory, disk: LinuxDisk(), historyEntryCount: 100, wait: { false })
    }
    let expected = try reader().lines(.sequence(200))
    try reader().extendHistory { _ in }
    try reader().extendPostings { _ in }
    #expect(try reader().historyDamages().isEmpty)
    #expect(try reader().postingsDamages().isEmpty)
    let sealer = try Sealer(directory: ledger.directory, disk: LinuxDisk(), process: 9)
    for segment in sealer.candidates { _ = try sealer.seal(segment) }
    sealer.close()
    #expect(try reader().historyDamages().isEmpty)
    #expect(try reader().postingsDamages().isEmpty)
    try reader().extendHistory { _ in }
    #expect(try reader().historyDamages().isEmpty)
    try reader().extendPostings { _ in }
    #expect(try reader().postingsDamages().isEmpty)
    #expect(try reader().lines(.sequence(200)) == expected)
  }

  @Test("a watermark of before does not cut a segment that was sealed since")
  func readsBehindOldWatermark() throws {
    let ledger = try TestLedger()
    let facts = (0..<20).map { scalings(1, from: $0) }
    try ledger.write(facts)
    let holder = try LinuxDisk().open(ledger.layout.lock, .update)
    #expect(try holder.lock())
    // As a writer leaves it whose last segment another offset ends.
    let size = try bytes(of: ledger.segment).count
    var mark = ByteWriter()
    for number in [7, 1, size - 3] as [Int] { mark.put(fixed: UInt64(number)) }
    mark.put(fixed: CRC32C.of(mark.bytes))
    try holder.write(mark.bytes, at: 0)
    let sealed = try ledger.copy { _, _ in }
    let sealer = try Sealer(directory: sealed.scratch.directory, disk: LinuxDisk(), process: 9)
    _ = try sealer.seal(0)
    sealer.close()
    try write(try bytes(of: sealed.layout.segment(1)), to: ledger.segment)
    #expect(try ledger.reader().head == 20)
  }

  @Test("a mark that is not set is damage in a sealed segment")
  func requiresMarks() throws {
    let ledger = try TestLedger()
    try ledger.write((0..<20).map { scalings(1, from: $0) })
    _ = try ledger.seal()
    let copy = try ledger.copy { path, bytes in
      guard path.hasSuffix(".seg") else { return }
      bytes.replaceSubrange(bytes.count - 2..<bytes.count, with: [0, 0])
    }
    #expect(try copy.damages().map(\.kind) == [.rotten])
  }

  @Test("rot before a short block at the very end is not taken for what was never completed")
  func shortBlockBehindRot() throws {
    let ledger = try TestLedger()
    try ledger.write([scalings(1), scalings(1, from: 1)])
    let blocks = try ledger.reader().map.blocks
    #expect(blocks.allSatisfy { $0.frame.byteCount < 60 })
    let copy = try ledger.copy { path, bytes in
      guard path.hasSuffix(".seg") else { return }
      // Its header is gone, and the mark of the one behind is not set yet.
      bytes[blocks[0].offset] ^= 0xFF
      bytes.replaceSubrange(bytes.count - 2..<bytes.count, with: [0, 0])
    }
    #expect(try copy.damages().map(\.kind) == [.rotten])
  }
}

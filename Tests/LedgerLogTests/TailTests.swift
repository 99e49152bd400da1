import LedgerCore
import LedgerEngine
import LedgerFormat
import LedgerLog
import LedgerText
import LinuxHost
import TestSupport
import Testing

/// Facts that LZ4 cannot make short.
private func noisy(_ count: Int, seed: UInt64) -> [Fact] {
  var random = TestRandom(seed: seed)
  return (0..<count).map { number in
    var fact = Fact.pool("p", from: nil, to: Int64(number), at: Int64(number))
    fact.rare.reason = Name(hex(random.bytes(16)))
    return fact
  }
}

@Suite("The end of a log, as a power cut leaves it")
struct TailTests {
  private static let sectorByteCount = 512

  /// The segment before and after a commit, without the mark of its end, and with it.
  private struct Moments {
    var ledger: TestLedger
    var before: [UInt8]
    var after: [UInt8]
    var marked: [UInt8]
  }

  private func moments(_ seed: UInt64, isOfSeveralBlocks: Bool) throws -> Moments {
    let ledger = try TestLedger()
    try ledger.write([noisy(3, seed: seed)])
    let before = try bytes(of: ledger.segment)
    let writable = try ledger.open()
    for fact in noisy(600, seed: seed + 1) { _ = try writable.admit(FactItem(fact: fact)) }
    if isOfSeveralBlocks {
      // Judging a void writes what was admitted so far.
      _ = try writable.admit(FactItem(fact: .void(1)))
      for fact in noisy(40, seed: seed + 2) { _ = try writable.admit(FactItem(fact: fact)) }
    }
    try writable.commit()
    let after = try bytes(of: ledger.segment)
    try writable.writer.settle()
    let marked = try bytes(of: ledger.segment)
    writable.writer.close()
    let end = try #require(ledger.reader().map.blocks.last).end
    return Moments(
      ledger: ledger, before: before, after: Array(after[..<end]), marked: Array(marked[..<end]))
  }

  @Test(
    "whichever sectors of a commit reached the disk, it is there whole or not at all",
    arguments: [1 as UInt64, 2], [false, true])
  func sectors(seed: UInt64, isOfSeveralBlocks: Bool) throws {
    let moments = try moments(seed, isOfSeveralBlocks: isOfSeveralBlocks)
    let whole = try moments.ledger.reader().all().count
    let sectors = (0..<moments.after.count / TailTests.sectorByteCount + 1)
    var random = TestRandom(seed: seed)
    for round in 0..<60 {
      let landed: [Bool] = sectors.map { sector in
        switch round {
        case 0: true
        // The first sectors missing, the last there: the end reached the disk before the header.
        case 1...4: sector >= round
        default: round.isMultiple(of: 2) ? random.chance(2) : !random.chance(8)
        }
      }
      let copy = try moments.ledger.copy { path, bytes in
        guard path.hasSuffix(".seg") else { return }
        bytes = moments.after.indices.map { place in
          landed[place / TailTests.sectorByteCount]
            ? moments.after[place] : place < moments.before.count ? moments.before[place] : 0
        }
      }
      let found = try copy.reader().all().count
      #expect(found == whole || found == 3, "round \(round)")
      if landed.allSatisfy({ $0 }) { #expect(found == whole) }
      #expect(try copy.damages().allSatisfy { $0.kind == .tornTail }, "round \(round)")
      let writable = try copy.open()
      #expect(writable.head == Int64(found), "round \(round)")
      _ = try writable.admit(FactItem(fact: .pool("p", from: nil, to: 1)))
      try writable.commit()
      writable.writer.close()
      #expect(try copy.damages().isEmpty, "round \(round)")
    }
  }

  @Test("a block whose mark was set is never taken for one that was not completed")
  func marked() throws {
    let moments = try moments(5, isOfSeveralBlocks: false)
    var random = TestRandom(seed: 5)
    for round in 0..<60 {
      let place = moments.before.count + random.below(moments.marked.count - moments.before.count)
      guard moments.marked[place...].contains(where: { $0 != 0 }) else { continue }
      let count = round < 20 ? 1 : min(1 + random.below(300), moments.marked.count - place)
      let copy = try moments.ledger.copy { path, bytes in
        guard path.hasSuffix(".seg") else { return }
        bytes = moments.marked
        for index in place..<place + count { bytes[index] ^= 0x55 }
      }
      #expect(try copy.damages().contains { $0.kind == .rotten }, "\(count) bytes at \(place)")
      #expect(throws: LogError.self) { _ = try copy.open() }
    }
    // Either byte of the mark.
    for place in moments.marked.indices.suffix(2) {
      let copy = try moments.ledger.copy { path, bytes in
        guard path.hasSuffix(".seg") else { return }
        bytes = moments.marked
        bytes[place] ^= 0xFF
      }
      #expect(try copy.damages().map(\.kind) == [.rotten])
    }
    // The header lost to zeros: the mark says that it was there.
    let copy = try moments.ledger.copy { path, bytes in
      guard path.hasSuffix(".seg") else { return }
      bytes = moments.marked
      for index in moments.before.count..<moments.before.count + 24 { bytes[index] = 0 }
    }
    #expect(try copy.damages().map(\.kind) == [.rotten])
  }

  @Test("garbage behind the last block is cut off and kept, unless it holds a mark")
  func garbage() throws {
    let ledger = try TestLedger()
    try ledger.write([noisy(3, seed: 1)])
    let garbage = [0, 0, 9, 8, 7] + [UInt8](repeating: 0, count: 90) + [1, 0, 0]
    let copy = try ledger.copy { path, bytes in if path.hasSuffix(".seg") { bytes += garbage } }
    #expect(try copy.damages().map(\.kind) == [.tornTail])
    let writable = try copy.open()
    #expect(writable.head == 3 && !writable.writer.recovery.isEmpty)
    let kept = try files(below: copy.layout.recovered)
    #expect(try kept.map { try bytes(of: copy.layout.recovered + $0) } == [garbage])
    let marked = try ledger.copy { path, bytes in
      if path.hasSuffix(".seg") { bytes += garbage + Frame.endMark + [0, 0] }
    }
    #expect(try marked.damages().map(\.kind) == [.rotten])
  }

  @Test("a commit that ends with a block written before is crash safe: that block is cut off first")
  func emptyEnd() throws {
    let ledger = try TestLedger()
    let writable = try ledger.open()
    for fact in noisy(600, seed: 3) { _ = try writable.admit(FactItem(fact: fact)) }
    #expect(writable.refusal(of: .void(600)) == nil)
    // The void itself is written by judging the next fact, which is refused.
    #expect(writable.refusal(of: .void(600)) == "already_voided")
    try writable.commit()
    #expect(try ledger.reader().head == 601)
    writable.writer.close()
    #expect(try ledger.open().writer.link == ledger.reader().link(at: 601))
  }
}

@Suite("What no writer of this version writes")
struct StrangeLogTests {
  /// A ledger whose one segment was changed, with right checksums.
  private func changed(_ change: (inout [UInt8]) throws -> Void) throws -> CopiedLedger {
    let ledger = try TestLedger()
    try ledger.write([scalings(1)])
    let copy = try ledger.copy { _, _ in }
    var contents = try bytes(of: copy.layout.segment(1))
    try change(&contents)
    try write(contents, to: copy.layout.segment(1))
    return copy
  }

  private func sealed(_ bytes: inout [UInt8], _ range: Range<Int>) {
    var writer = ByteWriter()
    writer.put(fixed: CRC32C.of(Array(bytes[range])))
    bytes.replaceSubrange(range.upperBound..<range.upperBound + 4, with: writer.bytes)
  }

  private func isNewer(_ copy: CopiedLedger) -> Bool {
    let attempts: [() throws -> Void] = [
      { _ = try copy.reader().all() }, { _ = try copy.open() }, { _ = try copy.damages() },
    ]
    return attempts.allSatisfy { attempt in
      do { try attempt() } catch LogError.newerVersion { return true } catch {}
      return false
    }
  }

  @Test("a newer segment or block is told as newer; one whose checksum is wrong is damaged")
  func newer() throws {
    let segment = try changed { bytes in
      bytes[8] = 2
      sealed(&bytes, 0..<92)
    }
    #expect(isNewer(segment))
    let block = try changed { bytes in
      // The first block holds one entry; its short header has the low half of its checksum.
      bytes[99] = 2
      let checksum = CRC32C.of(Array(bytes[96..<102]))
      bytes[102] = UInt8(truncatingIfNeeded: checksum)
      bytes[103] = UInt8(truncatingIfNeeded: checksum >> 8)
    }
    #expect(isNewer(block))
    #expect(try changed { $0[8] = 2 }.damages().map(\.kind) == [.rotten])
    #expect(try changed { $0[99] = 2 }.damages().map(\.kind) == [.rotten])
  }

  @Test("a newer fact in a block is told as newer")
  func newerFact() throws {
    var intake = Intake.empty()
    _ = try intake.admit(Fact(type: .repairStarted, occurred: moment(1)))
    var encoder = BlockEncoder()
    var body = encoder.body(of: intake.takeBatch(recorded: moment(1)), .bits)
    // The canonical fact ends the block: type, version, time.
    var writer = ByteWriter()
    FactCodec.put(Fact(type: .repairStarted, occurred: moment(1)), to: &writer)
    var canonical = writer.bytes
    let start = body.count - canonical.count
    #expect(Array(body[start...]) == canonical)
    canonical[1] = 2
    body.replaceSubrange(start..., with: canonical)
    #expect(isNewer(try changed { try replaceBlocks(&$0, by: body, entryCount: 1) }))
  }

  private func replaceBlocks(_ bytes: inout [UInt8], by body: [UInt8], entryCount: Int) throws {
    bytes.removeLast(bytes.count - SegmentHeader.byteCount)
    bytes += Frame.bytes(bodies: [body], entryCount: entryCount, flags: .endsCommit, link: nil)
  }

  @Test("a node slot that is closed twice is damage")
  func closedTwice() throws {
    var intake = Intake.empty()
    _ = try intake.admit(.node(.nodeCreated, "n", sizes(1, 1, 1)))
    _ = try intake.admit(.node(.nodeDeleted, "n"))
    var batch = intake.takeBatch(recorded: moment(1))
    batch.kinds.append(EventType.nodeDeleted.rawValue)
    batch.occurred.append(batch.occurred[1])
    batch.subjects.append(0)
    batch.hosts.append(Slot.none)
    batch.numbers.append(0)
    batch.attributeRefs.append(0)
    batch.originRefs.append(0)
    var encoder = BlockEncoder()
    let body = encoder.body(of: batch, .bits)
    let copy = try changed { try replaceBlocks(&$0, by: body, entryCount: 3) }
    #expect(try copy.damages().map(\.kind) == [.rotten])
    #expect(throws: LogError.self) { _ = try copy.open() }
    let reader = try copy.reader()
    #expect(throws: LogError.self) { _ = try reader.project(.all) }
    #expect(throws: LogError.self) {
      _ = try reader.project(.all, ReplayOptions(keepsNodeNames: true))
    }
  }
}

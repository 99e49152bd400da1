import LedgerCore
import LedgerEngine
import LedgerFormat
import LedgerLog
import LedgerPorts
import LedgerText
import LinuxHost
import TestSupport
import Testing

@Suite("Writing and reading")
struct WritingTests {
  @Test("what was committed is read, by this process and the next", .timeLimit(.minutes(1)))
  func roundTrips() throws {
    let groups = smallHistory()
    let ledger = try TestLedger()
    try ledger.write(groups)
    let entries = try ledger.reader().all()
    #expect(entries.map(\.fact) == normalised(groups.flatMap { $0 }))
    #expect(entries.map(\.sequence) == (1...Int64(entries.count)).map { $0 })
    var recorded: [Timestamp] = []
    for (index, group) in groups.enumerated() {
      recorded += group.map { _ in moment(Int64(index) + 1) }
    }
    #expect(entries.map(\.recorded) == recorded)

    var chain = Chain(link: Chain.origin)
    for (index, entry) in entries.enumerated() {
      var fact = entry.fact
      chain.add(&fact, sequence: entry.sequence, recorded: entry.recorded)
      if index + 1 == entries.count || entries[index + 1].recorded != entry.recorded {
        chain.finishCommit()
        #expect(try ledger.reader().link(at: entry.sequence) == chain.link)
      }
    }
    let again = try ledger.open()
    #expect(again.writer.link == chain.link && again.head == Int64(entries.count))
    #expect(again.writer.recovery.isEmpty)
  }

  @Test("an empty ledger opens, closes and reads")
  func empty() throws {
    let ledger = try TestLedger()
    #expect(try ledger.reader().all().isEmpty)
    try ledger.open().writer.close()
    #expect(try ledger.reader().lines(.all).isEmpty)
    #expect(try ledger.reader().link(at: 0) == Chain.origin)
  }

  @Test("a commit of several blocks is one commit")
  func severalBlocks() throws {
    let ledger = try TestLedger()
    let facts = scalings(16_384 * 2 + 5)
    try ledger.write([scalings(3), facts, scalings(2)])
    let reader = try ledger.reader()
    #expect(reader.map.blocks.map(\.frame.entryCount) == [3, 16_384, 16_384, 5, 2])
    #expect(
      reader.map.blocks.map { $0.frame.flags.contains(.endsCommit) }
        == [true, false, false, true, true])
    #expect(reader.head == Int64(facts.count) + 5)
    #expect(try ledger.open().writer.link == reader.link(at: reader.head))
  }

  @Test("recorded time never goes back, and says when the clock does")
  func clockGoesBack() throws {
    let ledger = try TestLedger()
    let writable = try ledger.open()
    try ledger.commit(scalings(1), to: writable)
    ledger.clock.set(moment(-50))
    #expect(writable.writer.clockIsBehind)
    _ = try writable.admit(FactItem(fact: .pool("p", from: nil, to: 9)))
    try writable.commit()
    let times = try ledger.reader().all().map(\.recorded)
    #expect(times == [moment(1), Timestamp(microseconds: moment(1).microseconds + 1)])
  }

  @Test("a ledger is made once, and is needed")
  func exists() throws {
    let ledger = try TestLedger()
    let manifest = Manifest(id: TestLedger.id, created: moment(0), policy: .atRequest)
    #expect(throws: LogError.exists(path: ledger.directory)) {
      try LogWriter.create(directory: ledger.directory, manifest: manifest, disk: LinuxDisk())
    }
    let empty = Scratch()
    #expect {
      _ = try LogReader(directory: empty.directory, disk: LinuxDisk()) { false }
    } throws: { error in
      if case LogError.notALedger = error { true } else { false }
    }
    #expect(try ledger.reader().manifest.policy == .atDeletion)
  }

  @Test("a newer version is not read")
  func newer() throws {
    let copy = try TestLedger().copy { path, bytes in
      if path == "/LEDGER" { bytes = Array("allocledger 2\nwho knows\n".utf8) }
    }
    #expect(throws: LogError.newerVersion(path: copy.layout.manifest, version: "2")) {
      _ = try copy.reader()
    }
  }

  @Test("a second writer is told who the first is; readers see only what was committed")
  func locks() throws {
    let ledger = try TestLedger()
    let writable = try ledger.open()
    try ledger.commit(scalings(3), to: writable)
    #expect(throws: LogError.locked(path: ledger.layout.lock, process: 7)) { _ = try ledger.open() }
    #expect(try ledger.reader().head == 3)
    // Two blocks of the open commit are in the file, and no reader sees them.
    for fact in scalings(33_000) { _ = try writable.admit(FactItem(fact: fact)) }
    #expect(try bytes(of: ledger.segment).count > 20_000)
    #expect(try ledger.reader().head == 3)
    try writable.commit()
    #expect(try ledger.reader().head == 33_003)
    writable.writer.close()
    #expect(try bytes(of: ledger.layout.lock).isEmpty)
    #expect(try ledger.reader().head == 33_003)
  }

  @Test("a reader stops at the watermark, whatever stands behind it")
  func watermark() throws {
    let ledger = try TestLedger()
    let writable = try ledger.open()
    try ledger.commit(scalings(3), to: writable)
    let mark = try bytes(of: ledger.layout.lock)
    try ledger.commit(scalings(4), to: writable)
    try write(mark, to: ledger.layout.lock)
    #expect(try ledger.reader().head == 3)
    // A mark that is half written is no mark: the reader asks again, and gives up when told to.
    try write(Array(mark.dropLast()), to: ledger.layout.lock)
    #expect(throws: LogError.locked(path: ledger.layout.lock, process: nil)) {
      _ = try ledger.reader()
    }
    writable.writer.close()
    #expect(try ledger.reader().head == 7)
  }
}

@Suite("Refused facts and abandoned commits")
struct RefusalTests {
  private func entries(_ ledger: TestLedger) throws -> [Int64?] {
    try ledger.reader().all().map(\.fact.workersAfter)
  }

  @Test("a refusal after a full block does not spoil the commit")
  func refusedAfterFullBlock() throws {
    let ledger = try TestLedger()
    let writable = try ledger.open()
    for fact in scalings(16_384) { _ = try writable.admit(FactItem(fact: fact)) }
    #expect(writable.refusal(of: .host(.hostRetired, "h")) == "unknown_host")
    try writable.commit()
    try ledger.commit(scalings(1), to: writable)
    #expect(try ledger.reader().all().count == 16_385)
    #expect(try ledger.reader().link(at: 16_385) == writable.writer.link)
    writable.writer.close()
    #expect(try ledger.open().head == 16_385)
  }

  @Test(
    "a refused void does not spoil the commit, also where it has a segment of its own",
    arguments: [Manifest.usualSegmentByteCountMax, 1])
  func refusedVoid(segmentByteCountMax: Int) throws {
    let ledger = try TestLedger(segmentByteCountMax: segmentByteCountMax)
    let writable = try ledger.open()
    _ = try writable.admit(FactItem(fact: Fact(type: .repairStarted, occurred: moment(0))))
    #expect(writable.refusal(of: .void(1)) == "unknown_entry")
    try writable.commit()
    try ledger.commit(scalings(1), to: writable)
    #expect(try ledger.reader().all().count == 2)
    writable.writer.close()
    #expect(try ledger.open().head == 2)
  }

  @Test("a group that is refused in its middle leaves nothing, wherever blocks were written")
  func refusedGroup() throws {
    let ledger = try TestLedger()
    let writable = try ledger.open()
    for fact in scalings(3) { _ = try writable.admit(FactItem(fact: fact)) }
    let group = [.pool("p", from: nil, to: 77), .void(1), .host(.hostRetired, "nowhere")] as [Fact]
    #expect(throws: AdmissionFailure.self) {
      _ = try writable.admitTogether(group.map { FactItem(fact: $0) })
    }
    _ = try writable.admit(FactItem(fact: .pool("p", from: 2, to: 9)))
    try writable.commit()
    #expect(try entries(ledger) == [0, 1, 2, 9])
    #expect(try ledger.reader().link(at: 4) == writable.writer.link)
    writable.writer.close()
    #expect(try ledger.open().writer.link == ledger.reader().link(at: 4))
  }

  @Test("a ledger that is closed behind a refused group is closed with all marks and no zeros")
  func closesBehindRefusal() throws {
    let ledger = try TestLedger()
    let writable = try ledger.open()
    try ledger.commit(scalings(3), to: writable)
    let group = [.pool("p", from: nil, to: 77), .host(.hostRetired, "nowhere")] as [Fact]
    #expect(throws: AdmissionFailure.self) {
      _ = try writable.admitTogether(group.map { FactItem(fact: $0) })
    }
    writable.writer.close()
    #expect(Array(try bytes(of: ledger.segment).suffix(2)) == Frame.endMark)
  }

  @Test("a segment that was begun and has no block is written to, however short segments are")
  func emptySegment() throws {
    let ledger = try TestLedger(segmentByteCountMax: 1)
    let header = SegmentHeader(ledger: TestLedger.id, firstSequence: 1, link: Chain.origin)
    try write(header.bytes, to: ledger.segment)
    try ledger.write([scalings(1), scalings(2)])
    #expect(try ledger.reader().map.segments.map(\.firstSequence) == [1, 2])
    #expect(try entries(ledger) == [0, 0, 1])
  }

  @Test("a commit that is taken back leaves nothing", arguments: [0, 1, 5], [5, 20_000])
  func abandons(before: Int, count: Int) throws {
    let ledger = try TestLedger()
    let writable = try ledger.open()
    if before > 0 { try ledger.commit(scalings(before), to: writable) }
    writable.beginAbandonable()
    for fact in scalings(count, from: 100) { _ = try writable.admit(FactItem(fact: fact)) }
    try writable.abandon()
    #expect(writable.head == Int64(before))
    try ledger.commit(scalings(2, from: 50), to: writable)
    #expect(try entries(ledger) == (0..<before).map { Int64($0) } + [50, 51])
    writable.writer.close()
    let again = try ledger.open()
    #expect(again.writer.recovery.isEmpty && again.writer.link == writable.writer.link)
  }

  @Test("keys are kept: the same fact is answered, another is refused")
  func keys() throws {
    let ledger = try TestLedger()
    var fact = Fact.pool("p", from: nil, to: 1)
    fact.key = "k"
    var other = fact
    other.workersAfter = 2
    for round in 0..<2 {
      let writable = try ledger.open()
      let admission = try writable.admit(FactItem(fact: fact))
      #expect(admission.sequence == 1 && admission.isDuplicate == (round == 1))
      #expect(writable.refusal(of: other) == "key_reused")
      try writable.commit()
      writable.writer.close()
    }
    #expect(try ledger.reader().head == 1)
  }
}

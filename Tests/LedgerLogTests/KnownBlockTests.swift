import LedgerCore
import LedgerFormat
import LedgerLog
import LinuxHost
import TestSupport
import Testing

@Suite("Headers of blocks that are kept")
struct KnownBlockTests {
  private func reader(_ directory: String, usesCaches: Bool) throws -> LogReader {
    try LogReader(
      directory: directory, disk: LinuxDisk(), historyEntryCount: 8, usesCaches: usesCaches
    ) { false }
  }

  private func blocks(_ reader: LogReader) -> [String] {
    reader.map.blocks.map { "\($0.segment) \($0.offset) \($0.firstSequence) \($0.frame)" }
  }

  /// Whoever believes what is kept sees the same blocks as whoever reads them all.
  private func check(_ directory: String) throws {
    let believing = try reader(directory, usesCaches: true)
    #expect(try blocks(believing) == blocks(reader(directory, usesCaches: false)))
    for sequence in 0...believing.head {
      let replayed = try believing.project(.sequence(sequence), ReplayOptions(usesSnapshots: false))
      let found = try believing.projectHosts(.sequence(sequence)) { _ in }
      #expect(hosts(found) == hosts(replayed))
    }
  }

  /// The hosts that anyone has heard of: history knows the names of later ones too.
  private func hosts(_ projection: Projection) -> [HostState] {
    projection.state.hosts.states.filter { $0.phase != .unknown }
  }

  private func verified(_ directory: String) throws -> [Damage] {
    var verification = Verification(directory: directory, disk: LinuxDisk())
    try verification.run(wait: { false }, goOn: { _, _ in true })
    return verification.result.damages
  }

  @Test("the same blocks are seen, also when the log has grown", arguments: [400, 1 << 20])
  func grows(segmentByteCountMax: Int) throws {
    let ledger = try TestLedger(segmentByteCountMax: segmentByteCountMax)
    try ledger.write(smallHistory())
    try reader(ledger.directory, usesCaches: false).extendHistory { _ in }
    try check(ledger.directory)
    try ledger.write((0..<20).map { scalings(1, from: $0) })
    try check(ledger.directory)
    try reader(ledger.directory, usesCaches: true).extendHistory { _ in }
    try check(ledger.directory)
    #expect(try verified(ledger.directory).isEmpty)
  }

  @Test("they are not believed of a log that has other blocks")
  func otherBlocks() throws {
    let ledger = try TestLedger()
    try ledger.write(smallHistory())
    try reader(ledger.directory, usesCaches: false).extendHistory { _ in }
    // The last commit is taken back, as when an older copy is put in place.
    let last = try #require(reader(ledger.directory, usesCaches: false).map.blocks.last)
    let file = try LinuxDisk().open(ledger.segment, .update)
    try file.resize(to: last.offset)
    try check(ledger.directory)
    try ledger.write([scalings(3, from: 0)])
    try check(ledger.directory)
    #expect(try verified(ledger.directory).isEmpty)
  }

  @Test("a file that was changed is passed over, and verify tells it", arguments: [9, 20, 50, 150])
  func damaged(offset: Int) throws {
    let ledger = try TestLedger()
    try ledger.write(smallHistory())
    try reader(ledger.directory, usesCaches: false).extendHistory { _ in }
    let path = ledger.layout.history + "/blocks.map"
    let file = try LinuxDisk().open(path, .update)
    var bytes: [UInt8] = []
    try file.read(at: offset, count: 1, into: &bytes)
    try file.write([bytes[0] ^ 4], at: offset)
    try check(ledger.directory)
    #expect(try verified(ledger.directory).map(\.file) == [path])
  }
}

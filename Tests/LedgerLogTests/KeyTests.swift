import LedgerCore
import LedgerEngine
import LedgerLog
import LedgerPorts
import LedgerText
import LinuxHost
import TestSupport
import Testing

/// A ledger whose keys are in files after a few entries.
private struct KeyedLedger {
  let ledger: TestLedger
  /// By sequence minus one.
  var keys: [Name?] = []

  init(segmentByteCountMax: Int = Manifest.usualSegmentByteCountMax) throws {
    ledger = try TestLedger(segmentByteCountMax: segmentByteCountMax)
  }

  func open() throws -> WritableLedger { try KeyedLedger.open(ledger.directory) }

  static func open(_ directory: String) throws -> WritableLedger {
    try WritableLedger(
      directory: directory, disk: LinuxDisk(), clock: FakeClock(moment(1_000)), process: 7,
      keyEntryCount: 4)
  }

  /// One commit, each of whose entries but every fourth has a key.
  mutating func commit(_ count: Int, to writable: WritableLedger) throws {
    for _ in 0..<count {
      let sequence = keys.count + 1
      let key = sequence.isMultiple(of: 4) ? nil : Name("key-number-\(sequence)-of-many")
      _ = try writable.admit(FactItem(fact: scaling(sequence, key)))
      keys.append(key)
    }
    try writable.commit()
  }

  /// Opens the ledger, commits, and closes it.
  mutating func write(_ counts: [Int]) throws {
    let writable = try open()
    defer { writable.writer.close() }
    for count in counts { try commit(count, to: writable) }
  }

  var files: [String] {
    ((try? LinuxDisk().list(ledger.layout.history)) ?? []).filter { $0.contains(".keys") }
  }

  /// Every key is that of its entry, for whoever opens the ledger.
  func check(_ directory: String? = nil) throws {
    let writable = try KeyedLedger.open(directory ?? ledger.directory)
    defer { writable.writer.close() }
    try check(writable)
  }

  func check(_ writable: WritableLedger) throws {
    for (index, key) in keys.enumerated() {
      guard let key else { continue }
      #expect(try writable.sequence(of: key) == Int64(index + 1))
    }
    for number in 0..<50 { #expect(try writable.sequence(of: Name("other-\(number)")) == nil) }
  }

  func damages() throws -> [Damage] { try ledger.copy { _, _ in }.damages() }
}

private func scaling(_ number: Int, _ key: Name?) -> Fact {
  var fact = Fact.pool("p", from: nil, to: Int64(number))
  fact.key = key
  return fact
}

@Suite("Keys in files")
struct KeyTests {
  @Test("every key is found for ever, in memory and in files of all sizes, and few files are left")
  func holds() throws {
    var keyed = try KeyedLedger()
    for round in 0..<6 {
      let writable = try keyed.open()
      for size in [1, 3, 60, 2, 1, 1, 40 + round] { try keyed.commit(size, to: writable) }
      try keyed.check(writable)
      writable.writer.close()
      try keyed.check()
    }
    #expect((2...24).contains(keyed.files.count), "\(keyed.files)")
    #expect(try keyed.damages().isEmpty)
    let writable = try keyed.open()
    let again = try writable.admit(FactItem(fact: scaling(1, keyed.keys[0])))
    #expect(again.sequence == 1 && again.isDuplicate)
    #expect(throws: AdmissionFailure.rejected(.keyReused(first: 1))) {
      try writable.admit(FactItem(fact: scaling(2, keyed.keys[0])))
    }
  }

  @Test("keys of one hash are told apart by their entries")
  func collides() throws {
    let ledger = try TestLedger()
    let names = (1...3).map { colliding(UInt64($0)) }
    #expect(Set(names).count == 3 && Set(names.map(\.mixed)).count == 1)
    let writable = try KeyedLedger.open(ledger.directory)
    defer { writable.writer.close() }
    for (index, name) in names.prefix(2).enumerated() {
      _ = try writable.admit(FactItem(fact: scaling(index, name)))
      try writable.commit()
    }
    for number in 0..<40 {
      _ = try writable.admit(FactItem(fact: scaling(number, nil)))
      try writable.commit()
    }
    #expect(try names.map(writable.sequence(of:)) == [1, 2, nil])
  }

  /// A UUID whose hash is that of others: the low word makes up for the high one.
  private func colliding(_ high: UInt64) -> Name {
    let factor: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    // Newton's iteration doubles the bits that are right.
    var inverse = factor
    for _ in 0..<6 { inverse = inverse &* (2 &- factor &* inverse) }
    let low = (0x1234_5678_9ABC_DEF0 ^ high &* 0x9E37_79B9_7F4A_7C15) &* inverse &- 255
    return Name(uuidHigh: high, low: low)
  }

  @Test("files that are damaged, cut or gone are made anew from the log", arguments: 0..<5)
  func isACache(way: Int) throws {
    var keyed = try KeyedLedger()
    try keyed.write([30, 1, 1, 200, 1, 1, 1, 1, 1, 1, 7])
    var random = TestRandom(seed: UInt64(way))
    for _ in 0..<20 {
      let copy = try keyed.ledger.copy { path, bytes in
        guard path.hasSuffix(".keys") else { return }
        switch way {
        case 0: bytes = []
        case 1: bytes.removeLast(1 + random.below(bytes.count - 1))
        case 2: bytes = bytes.map { _ in 0xFF }
        default:
          for _ in 0..<way - 2 { bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8)) }
        }
      }
      try keyed.check(copy.scratch.directory)
    }
    let gone = try keyed.ledger.copy { _, _ in }
    for name in keyed.files { try LinuxDisk().remove(gone.layout.history + "/" + name) }
    try keyed.check(gone.scratch.directory)
  }

  @Test("verify names a file that does not hold the keys of its entries")
  func verifies() throws {
    var keyed = try KeyedLedger()
    try keyed.write([30, 1, 1, 200, 1, 1, 1, 1, 1, 1, 7])
    for name in keyed.files {
      let copy = try keyed.ledger.copy { path, bytes in
        if path.hasSuffix(name) { bytes[bytes.count / 2] ^= 4 }
      }
      #expect(try copy.damages().map(\.file) == [copy.layout.history + "/" + name])
    }
  }

  @Test("files of entries that the log does not have are not believed")
  func binds() throws {
    var keyed = try KeyedLedger()
    try keyed.write([40])
    let older = try keyed.ledger.copy { _, _ in }
    var other = keyed
    try keyed.write([40, 1, 1])
    // The older log goes on otherwise, beside the files of the newer one.
    for name in keyed.files {
      try write(
        try bytes(of: keyed.ledger.layout.history + "/" + name),
        to: older.layout.history + "/" + name)
    }
    let writable = try KeyedLedger.open(older.scratch.directory)
    for _ in 0..<60 {
      let sequence = other.keys.count + 1
      let key = Name("another-key-\(sequence)")
      _ = try writable.admit(FactItem(fact: scaling(sequence, key)))
      other.keys.append(key)
      try writable.commit()
    }
    try other.check(writable)
    writable.writer.close()
    try other.check(older.scratch.directory)
    #expect(try older.damages().isEmpty)
  }

  @Test("sealing leaves files as they are, and they hold")
  func seals() throws {
    var keyed = try KeyedLedger(segmentByteCountMax: 900)
    try keyed.write((0..<90).map { _ in 1 })
    let before = keyed.files
    let sealer = try Sealer(directory: keyed.ledger.directory, disk: LinuxDisk(), process: 9)
    #expect(sealer.candidates.count > 2)
    for segment in sealer.candidates { _ = try sealer.seal(segment) }
    try sealer.removeStaleCaches()
    sealer.close()
    try keyed.check()
    #expect(keyed.files == before)
    #expect(try keyed.damages().isEmpty)
  }

  @Test("what is taken back leaves no key, also where it was in a file already")
  func abandons() throws {
    var keyed = try KeyedLedger()
    try keyed.write([6])
    let writable = try keyed.open()
    writable.beginAbandonable()
    // More than a block, so that files are written before the commit ends.
    for number in 0..<40_000 {
      _ = try writable.admit(FactItem(fact: scaling(number, Name("abandoned-\(number)"))))
    }
    #expect(keyed.files.contains { $0.hasSuffix(".new") })
    #expect(try writable.sequence(of: "abandoned-0") == 7)
    try writable.abandon()
    #expect(!keyed.files.contains { $0.hasSuffix(".new") })
    for number in [0, 20_000, 39_999] {
      #expect(try writable.sequence(of: Name("abandoned-\(number)")) == nil)
    }
    let group = [scaling(1, "grouped"), Fact.node(.nodeDeleted, "nobody")].map {
      FactItem(fact: $0)
    }
    #expect(throws: AdmissionFailure.self) { try writable.admitTogether(group) }
    #expect(try writable.sequence(of: "grouped") == nil)
    try keyed.commit(9, to: writable)
    try keyed.check(writable)
    writable.writer.close()
    try keyed.check()
  }

  @Test("where no file can be written, keys stay in memory")
  func refusesFiles() throws {
    var keyed = try KeyedLedger()
    try write([1], to: keyed.ledger.layout.history)
    try keyed.write([50, 1, 1, 30])
    try keyed.check()
  }
}

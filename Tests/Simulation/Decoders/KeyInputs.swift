internal import LedgerCore
internal import LedgerEngine
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText
internal import TestSupport

/// A small ledger with keys on a simulated disk, and what reads its files of keys.
struct KeyInputs: Sendable {
  static let shared = Result { try KeyInputs() }

  private static let keyEntryCount: Int64 = 3
  private static let headerByteCount = 100

  /// The files of the ledger, closed.
  private let memory: DiskMemory
  /// Of one size and of another.
  let files: [[UInt8]]

  private init() throws {
    let disk = try DecodedLedger.make()
    let ledger = try DecodedLedger.open(
      disk, at: 1, process: 1, keyEntryCount: KeyInputs.keyEntryCount)
    for number in 1...50 {
      var item = FactItem(fact: .pool("p", from: nil, to: Int64(number), at: 1))
      if !number.isMultiple(of: 5) { item.fact.key = KeyInputs.key(number) }
      _ = try ledger.admit(item)
      try ledger.commit()
    }
    ledger.writer.close()
    files = try DecodedLedger.caches("", disk)
    memory = disk.memory
  }

  private static func key(_ number: Int) -> Name { Name("key of \(number)") }

  /// Pages, directory, filter and header are made right, from the inside out; then the ledger is opened for writing.
  func read(_ changed: [UInt8]) throws {
    guard let first = number(at: 28, in: changed), let last = number(at: 36, in: changed),
      changed.count >= KeyInputs.headerByteCount
    else { return }
    var bytes = changed
    guard let filter = sealPages(&bytes, at: 72), let count = number(at: 88, in: bytes) else {
      return
    }
    seal(&bytes, filter..<filter + count, at: 92)
    seal(&bytes, 0..<96, at: 96)
    let name = "/\(DecodedLedger.digits(first))-\(DecodedLedger.digits(last)).keys"
    let disk = try DecodedLedger.disk(memory, DecodedLedger.layout.history + name, bytes)
    _ = try Reading(disk: disk).damages()
    let ledger = try DecodedLedger.open(
      disk, at: 9, process: 2, keyEntryCount: KeyInputs.keyEntryCount)
    for number in 1...52 {
      guard let found = try ledger.sequence(of: KeyInputs.key(number)) else { continue }
      try demand(found == Int64(number), "key \(number) is of \(found)")
    }
    // Its files become part of larger ones.
    for number in 60...90 {
      _ = try ledger.admit(FactItem(fact: .pool("p", from: nil, to: Int64(number), at: 9)))
      try ledger.commit()
    }
    ledger.writer.close()
  }
}

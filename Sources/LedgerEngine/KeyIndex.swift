internal import LedgerCore

/// Which entry each idempotency key stands for.
struct KeyIndex: Sendable {
  struct Record: Hashable, Sendable {
    var sequence: Int64
    var fingerprint: UInt64
  }

  private var records: [Name: Record] = [:]

  subscript(key: Name) -> Record? { records[key] }

  /// The first entry of a key is the one that counts.
  mutating func insert(_ key: Name, _ record: Record) {
    if records[key] == nil { records[key] = record }
  }
}

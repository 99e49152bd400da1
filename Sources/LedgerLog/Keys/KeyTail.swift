internal import LedgerCore

/// Keys of entries that stand in no file yet.
struct KeyTail {
  private(set) var records: [Name: KeyRecord] = [:]
  /// The same keys by their hashes, in the order of entries, without those that are to stand in no file.
  private(set) var run = UnsortedRun(hasNotes: false)
  /// The last key in `run`.
  private(set) var last: (key: Name, record: KeyRecord)?

  /// The first entry of a key is the one that counts.
  ///
  /// `row`: the entry's distance from the first one of the next file; nil where it stands before.
  mutating func insert(_ key: Name, _ record: KeyRecord, row: UInt32?) {
    guard records[key] == nil else { return }
    records[key] = record
    guard let row else { return }
    run.add(KeyFile.hash(of: key), row: row)
    last = (key, record)
  }

  /// Takes over the keys of later entries.
  mutating func take(_ other: inout KeyTail) {
    if records.isEmpty {
      swap(&self, &other)
    } else {
      records.merge(other.records) { first, _ in first }
      run.add(other.run)
      last = other.last ?? last
    }
    other = KeyTail()
  }

  /// Drops what stands in a file now.
  mutating func drop(before sequence: Int64) {
    records =
      run.keys.count == records.count ? [:] : records.filter { $0.value.sequence < sequence }
    run = UnsortedRun(hasNotes: false)
    last = nil
  }
}

/// What is known of a key.
package struct KeyRecord: Hashable, Sendable {
  /// The first entry that carries it.
  package var sequence: Int64
  /// Of the fact that was told under it.
  package var fingerprint: UInt64

  package init(sequence: Int64, fingerprint: UInt64) {
    self.sequence = sequence
    self.fingerprint = fingerprint
  }
}

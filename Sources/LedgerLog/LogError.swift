internal import LedgerFormat
package import LedgerPorts

/// Why a ledger cannot be read or written.
package enum LogError: Error, Hashable, Sendable {
  case disk(DiskError)
  /// The bytes are not what they were; reading stops and writing is refused.
  case damaged(Damage)
  case notALedger(path: String, why: String)
  case newerVersion(path: String, version: String)
  case exists(path: String)
  /// Another process writes; `process` is its id where it is known.
  case locked(path: String, process: Int?)
  /// A segment got other blocks since the log was opened.
  case sealedMeanwhile(path: String)
  /// A write or sync failed before; the writer must be opened anew.
  case poisoned
  /// There is no entry of that sequence.
  case noSuchSequence(Int64, head: Int64)
}

/// Bytes of a ledger that are not what they should be.
package struct Damage: Hashable, Sendable {
  package enum Kind: String, Sendable {
    /// The end of the log was never completed; opening for writing sets it aside.
    case tornTail = "torn_tail"
    /// What was written has changed.
    case rotten
    /// A segment is not there.
    case missing
    /// A segment belongs to another ledger or to another place.
    case foreign
    /// The log ends before a checkpoint of it, or is not the one that the checkpoint was made of.
    case rolledBack = "rolled_back"
  }

  package var kind: Kind
  package var file: String
  package var offset: Int
  package var what: String

  package init(_ kind: Kind, file: String, offset: Int, _ what: String) {
    self.kind = kind
    self.file = file
    self.offset = offset
    self.what = what
  }
}

extension LogError {
  /// Bytes at `offset` of `file` that could not be read: damaged, or of a newer version.
  init(_ malformed: Malformed, file: String, offset: Int) {
    self =
      malformed.newerVersion.map {
        .newerVersion(path: "\(file): offset \(offset): what is there", version: String($0))
      } ?? .damaged(Damage(.rotten, file: file, offset: offset, malformed.what))
  }
}

/// Runs a disk operation and tells its error as the log's.
func reaching<Value>(_ body: () throws(DiskError) -> Value) throws(LogError) -> Value {
  do throws(DiskError) { return try body() } catch { throw .disk(error) }
}

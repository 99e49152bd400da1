package import LedgerCore

/// Everything the log asks of a file system.
///
/// Calls block.
package protocol Disk: Sendable {
  /// Opens a file.
  func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile

  /// The names of what a directory holds, sorted bytewise.
  func list(_ directory: String) throws(DiskError) -> [String]

  /// Makes a directory, with its parents; one that exists is fine.
  func makeDirectory(_ path: String) throws(DiskError)

  /// Makes the names in a directory durable.
  func syncDirectory(_ path: String) throws(DiskError)

  /// Gives a file another name, replacing what had it.
  func rename(_ from: String, to path: String) throws(DiskError)

  /// Removes a file.
  func remove(_ path: String) throws(DiskError)

  /// Whether there is something of that name.
  func exists(_ path: String) throws(DiskError) -> Bool

  /// How many bytes an ordinary user can still write there.
  func freeByteCount(_ path: String) throws(DiskError) -> Int64
}

/// How a file is opened.
package enum OpenMode: Sendable {
  case read
  /// Read and write a file that exists.
  case update
  /// Read and write a file that does not exist yet.
  case create
  /// Read and write, making the file if needed.
  case updateOrCreate
}

/// An open file.
///
/// Offsets and counts are bytes.
package protocol DiskFile: AnyObject, Sendable {
  var path: String { get }

  func byteCount() throws(DiskError) -> Int

  /// Replaces `bytes` by up to `count` bytes at `offset`; fewer only at the end of the file.
  func read(at offset: Int, count: Int, into bytes: inout [UInt8]) throws(DiskError)

  /// Says that `count` bytes at `offset` are read soon: those that are asked for together are fetched together.
  func willRead(at offset: Int, count: Int)

  /// Writes all of `bytes` at `offset`.
  func write(_ bytes: [UInt8], at offset: Int) throws(DiskError)

  /// Cuts or extends the file.
  func resize(to byteCount: Int) throws(DiskError)

  /// Makes what was written durable, with the size (fdatasync).
  func sync() throws(DiskError)

  /// Locks the file for this open file alone; false when another holds it.
  func lock() throws(DiskError) -> Bool

  /// Whether another open file holds the lock.
  func isLocked() throws(DiskError) -> Bool
}

extension DiskFile {
  /// Nothing, where a read costs the same wherever it is.
  package func willRead(at offset: Int, count: Int) {}
}

/// A system call that failed.
package struct DiskError: Error, Hashable, Sendable {
  package var operation: String
  package var path: String
  package var code: CInt
  /// The system's words for the code.
  package var reason: String
  package var kind: Kind

  package enum Kind: Sendable {
    case missing
    case full
    case forbidden
    case exists
    case other
  }

  package init(operation: String, path: String, code: CInt, reason: String, kind: Kind) {
    self.operation = operation
    self.path = path
    self.code = code
    self.reason = reason
    self.kind = kind
  }
}

/// Where recorded times come from.
package protocol Clock: Sendable {
  func now() -> Timestamp
}

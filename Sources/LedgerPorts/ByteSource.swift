/// Bytes that arrive in pieces: a file, a pipe, what zlib inflates.
package protocol ByteSource: AnyObject {
  /// What it is, for messages.
  var label: String { get }

  /// Appends the next piece to `bytes`; false at the end. May block.
  func read(appendingTo bytes: inout [UInt8]) throws(SourceError) -> Bool
}

/// Why a source of bytes cannot be read; the text says what, where and why.
package struct SourceError: Error, Hashable, Sendable {
  package var message: String

  package init(_ message: String) {
    self.message = message
  }
}

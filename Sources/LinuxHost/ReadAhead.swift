package import LedgerPorts

/// Reads a source on a thread of its own, a few pieces ahead, so that inflating and parsing overlap.
package final class ReadAhead: ByteSource {
  private static let pieceCount: UInt32 = 4

  package let label: String
  private let pieces: Ahead<Result<[UInt8], SourceError>>
  private let isInterrupted: @Sendable () -> Bool

  /// Takes `source` over: nobody else may use it from now on.
  package init(_ source: sending any ByteSource, isInterrupted: @escaping @Sendable () -> Bool) {
    label = source.label
    self.isInterrupted = isInterrupted
    var hasFailed = false
    pieces = Ahead(ReadAhead.pieceCount) {
      guard !hasFailed else { return nil }
      var bytes: [UInt8] = []
      do throws(SourceError) {
        return try source.read(appendingTo: &bytes) ? .success(bytes) : nil
      } catch {
        hasFailed = true
        return .failure(error)
      }
    }
  }

  package func read(appendingTo bytes: inout [UInt8]) throws(SourceError) -> Bool {
    guard let piece = try pieces.take(isInterrupted) else { return false }
    let read = try piece.get()
    if bytes.isEmpty { bytes = read } else { bytes.append(contentsOf: read) }
    return true
  }
}

internal import CShims
internal import LedgerPorts

/// Cuts what a source yields into lines.
struct LineSplitter {
  /// The longest line, so that no input can ask for unlimited memory.
  static let lineByteCountMax = 1 << 24

  enum Failure: Error {
    case source(SourceError)
    case tooLong
  }

  let source: any ByteSource
  private(set) var buffer: [UInt8] = []
  private var start = 0
  private var searched = 0
  private var isAtEnd = false
  /// The rest of a line that was too long is passed over.
  private var isSkipping = false
  private(set) var byteCount: Int64 = 0

  init(_ source: any ByteSource) {
    self.source = source
  }

  /// Whether a whole line is there without waiting for the source.
  mutating func hasLine() -> Bool { !isSkipping && findEnd() != nil }

  /// The next line without its end, as a range of `buffer`; nil at the end of the source.
  mutating func next() throws(Failure) -> Range<Int>? {
    while true {
      if let end = findEnd() {
        let line = start..<end
        start = end + 1
        searched = start
        guard isSkipping else { return line }
        isSkipping = false
        continue
      }
      if buffer.count - start > LineSplitter.lineByteCountMax || isSkipping {
        start = buffer.count
        guard isSkipping else {
          isSkipping = true
          throw .tooLong
        }
      }
      if isAtEnd {
        guard start < buffer.count else { return nil }
        defer { start = buffer.count }
        return start..<buffer.count
      }
      buffer.removeFirst(start)
      searched -= start
      start = 0
      let before = buffer.count
      do throws(SourceError) { isAtEnd = try !source.read(appendingTo: &buffer) } catch {
        throw .source(error)
      }
      byteCount += Int64(buffer.count - before)
    }
  }

  private mutating func findEnd() -> Int? {
    guard searched < buffer.count else { return nil }
    let found = unsafe buffer.withUnsafeBytes { bytes in
      // Safe: the search stays inside the buffer, from `searched` to its end.
      unsafe shim_find_byte(
        bytes.baseAddress.unsafelyUnwrapped + searched, 0x0A, bytes.count - searched)
    }
    guard found >= 0 else {
      searched = buffer.count
      return nil
    }
    searched += found
    return searched
  }
}

package import LedgerPorts

#if Gzip
internal import CZlib
#endif

/// What another source yields, inflated when it begins as gzip (RFC 1952) and as it is otherwise.
package final class GzipSource: ByteSource {
  private static let magic: [UInt8] = [0x1F, 0x8B]

  private let source: any ByteSource
  private var compressed: [UInt8] = []
  private var isKnown = false
  private var isEnded = false
  #if Gzip
  private var inflater: Inflater?
  #endif

  package init(_ source: any ByteSource) {
    self.source = source
  }

  package var label: String { source.label }

  package func read(appendingTo bytes: inout [UInt8]) throws(SourceError) -> Bool {
    if !isKnown { try look() }
    #if Gzip
    if inflater != nil { return try inflate(appendingTo: &bytes) }
    #endif
    if !compressed.isEmpty {
      bytes.append(contentsOf: compressed)
      compressed = []
      return true
    }
    return try source.read(appendingTo: &bytes)
  }

  /// Reads the first bytes and decides.
  private func look() throws(SourceError) {
    isKnown = true
    while compressed.count < 2 {
      guard try source.read(appendingTo: &compressed) else { return }
    }
    guard compressed.starts(with: GzipSource.magic) else { return }
    #if Gzip
    inflater = try Inflater(label)
    #else
    throw SourceError("\(label) is compressed by gzip, which this build leaves out")
    #endif
  }

  #if Gzip
  private func inflate(appendingTo bytes: inout [UInt8]) throws(SourceError) -> Bool {
    let before = bytes.count
    while bytes.count == before {
      if compressed.isEmpty, !isEnded {
        isEnded = try !source.read(appendingTo: &compressed)
      }
      if compressed.isEmpty {
        guard inflater?.isBetweenMembers == true else {
          throw SourceError(
            "\(label) is truncated: the compressed data ends before its end mark")
        }
        return false
      }
      try inflater?.inflate(&compressed, appendingTo: &bytes)
    }
    return true
  }
  #endif
}

#if Gzip
/// One stream of zlib, reset after each member of a gzip file.
///
/// Safe: it alone owns the stream, from `init` to `deinit`.
@safe
private final class Inflater {
  private static let pieceByteCount = 1 << 20

  // zlib keeps the stream's address, so it must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private let label: String
  private(set) var isBetweenMembers = false

  init(_ label: String) throws(SourceError) {
    self.label = label
    unsafe stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    // 31: a window of 15 bits, and the header of gzip.
    let status = unsafe inflateInit2_(
      stream, 31, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw SourceError("zlib cannot be started: \(status)") }
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Inflates some of `input`, and removes from it what was used.
  func inflate(
    _ input: inout [UInt8], appendingTo output: inout [UInt8]
  ) throws(SourceError) {
    if isBetweenMembers {
      unsafe inflateReset(stream)
      isBetweenMembers = false
    }
    let start = output.count
    let room = Inflater.pieceByteCount
    output.append(contentsOf: repeatElement(0, count: room))
    let inputCount = input.count
    let status = unsafe input.withUnsafeMutableBufferPointer { source in
      unsafe output.withUnsafeMutableBufferPointer { target in
        // Safe: zlib uses both buffers only during this call, within the lengths given.
        unsafe stream.pointee.next_in = source.baseAddress
        unsafe stream.pointee.avail_in = UInt32(inputCount)
        unsafe stream.pointee.next_out = target.baseAddress.unsafelyUnwrapped + start
        unsafe stream.pointee.avail_out = UInt32(room)
        return unsafe CZlib.inflate(stream, Z_NO_FLUSH)
      }
    }
    output.removeLast(unsafe Int(stream.pointee.avail_out))
    input.removeFirst(unsafe inputCount - Int(stream.pointee.avail_in))
    switch status {
    case Z_OK, Z_BUF_ERROR: break
    case Z_STREAM_END: isBetweenMembers = true
    default:
      let reason = unsafe stream.pointee.msg.map { unsafe String(cString: $0) } ?? "\(status)"
      throw SourceError("\(label) is damaged: the compressed data is wrong (\(reason))")
    }
  }
}
#endif

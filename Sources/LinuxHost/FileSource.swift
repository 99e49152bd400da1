internal import CShims
internal import Glibc
package import LedgerPorts

/// Bytes of a file or of standard input.
package final class FileSource: ByteSource {
  private static let pieceByteCount = 1 << 20

  package let label: String
  private let descriptor: CInt
  private let isOwned: Bool
  private let isInterrupted: @Sendable () -> Bool

  /// Opens `path`; `-` is standard input.
  package init(
    path: String, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(SourceError) {
    self.isInterrupted = isInterrupted
    isOwned = path != "-"
    label = path == "-" ? "standard input" : path
    if path == "-" {
      descriptor = STDIN_FILENO
      return
    }
    descriptor = unsafe shim_open(path, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else {
      throw SourceError("cannot read \(path): \(DiskError("open", path).reason)")
    }
  }

  deinit { if isOwned { close(descriptor) } }

  package func read(appendingTo bytes: inout [UInt8]) throws(SourceError) -> Bool {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: FileSource.pieceByteCount))
    while true {
      // A signal may have come while nothing was being read.
      if isInterrupted() {
        bytes.removeLast(FileSource.pieceByteCount)
        throw SourceError("interrupted")
      }
      // Safe: the piece that was just added is as long as what may be read.
      let size = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe Glibc.read(
          descriptor, buffer.baseAddress.unsafelyUnwrapped + start, FileSource.pieceByteCount)
      }
      if size < 0, errno == EINTR { continue }
      guard size >= 0 else {
        bytes.removeLast(FileSource.pieceByteCount)
        throw SourceError("cannot read \(label): \(DiskError("read", label).reason)")
      }
      bytes.removeLast(FileSource.pieceByteCount - size)
      return size > 0
    }
  }
}

internal import CShims
internal import Glibc
package import LedgerPorts
internal import Synchronization

/// Bytes of a file or of standard input.
package final class FileSource: ByteSource {
  private static let pieceByteCount = 1 << 20
  private static let waitMilliseconds: CInt = 100

  package let label: String
  private let descriptor: CInt
  private let isOwned: Bool
  private let isInterrupted: @Sendable () -> Bool
  private let progress: ReadProgress

  /// Opens `path`; `-` is standard input.
  package init(
    path: String, progress: ReadProgress = ReadProgress(),
    isInterrupted: @escaping @Sendable () -> Bool
  ) throws(SourceError) {
    self.isInterrupted = isInterrupted
    self.progress = progress
    isOwned = path != "-"
    label = path == "-" ? "standard input" : path
    if path == "-" {
      descriptor = STDIN_FILENO
      progress.begin(descriptor)
      return
    }
    descriptor = unsafe shim_open(path, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else {
      throw SourceError("cannot read \(path): \(DiskError("open", path).reason)")
    }
    progress.begin(descriptor)
  }

  deinit { if isOwned { close(descriptor) } }

  package func read(appendingTo bytes: inout [UInt8]) throws(SourceError) -> Bool {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: FileSource.pieceByteCount))
    while true {
      guard waitForBytes() else {
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
      progress.advance(size)
      return size > 0
    }
  }

  /// Waits until reading does not block; false when the interruption came first.
  ///
  /// A signal that comes just before a call blocks, or to another thread, does not end the call; so
  /// none blocks for long.
  private func waitForBytes() -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while !isInterrupted() {
      // Safe: one request, which poll(2) fills in and does not keep. What fails here fails in read(2) too.
      let count = unsafe poll(&request, 1, FileSource.waitMilliseconds)
      if count > 0 || count < 0 && errno != EINTR { return true }
    }
    return false
  }
}

/// How much of one or more files was read, for whoever watches from another thread.
package final class ReadProgress: Sendable {
  private let done = Atomic<Int64>(0)
  private let sizes = Atomic<Int64>(0)
  private let isUnknown = Atomic<Bool>(false)

  package init() {}

  /// The bytes that were read.
  package var byteCount: Int64 { done.load(ordering: .relaxed) }

  /// The bytes that there are to read, or nil when a pipe is among the files.
  package var total: Int64? {
    isUnknown.load(ordering: .relaxed) ? nil : sizes.load(ordering: .relaxed)
  }

  fileprivate func begin(_ descriptor: CInt) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return isUnknown.store(true, ordering: .relaxed)
    }
    sizes.add(Int64(status.st_size), ordering: .relaxed)
  }

  fileprivate func advance(_ count: Int) { done.add(Int64(count), ordering: .relaxed) }
}

internal import Glibc

/// Why data could not be written.
package enum OutputError: Error, Hashable, Sendable {
  /// The reader went away (EPIPE): not an error of ours, the program ends quietly with 0.
  case closedByReader
  /// The disk is full, or the quota is used up.
  case full
  /// Anything else.
  case failed(code: CInt)

  init(code: CInt) {
    switch code {
    case EPIPE: self = .closedByReader
    case ENOSPC, EDQUOT: self = .full
    default: self = .failed(code: code)
    }
  }

  /// One sentence for people.
  package var message: String {
    switch self {
    case .closedByReader: "the reader closed the pipe"
    case .full: "cannot write: no space is left"
    case .failed(let code): "cannot write: \(systemMessage(code))"
    }
  }
}

/// Makes writing to a closed pipe an error instead of a signal; called once at the start.
package func ignoreBrokenPipes() {
  _ = signal(SIGPIPE, SIG_IGN)
}

/// Text for people about an error number.
func systemMessage(_ code: CInt) -> String {
  // Safe: strerror returns a C string, and it is copied before anything else can run.
  unsafe String(cString: strerror(code))
}

/// A buffered writer to a file descriptor, which it does not close.
///
/// What is still in the buffer when the object goes away is lost: end with `flush()`.
package final class Output {
  private let descriptor: CInt
  private let bufferBytesMax: Int
  private var buffer: [UInt8] = []

  /// A writer that hands on what it has whenever `bufferBytesMax` are reached.
  package init(descriptor: CInt = STDOUT_FILENO, bufferBytesMax: Int = 1 << 16) {
    self.descriptor = descriptor
    self.bufferBytesMax = bufferBytesMax
    buffer.reserveCapacity(bufferBytesMax)
  }

  /// Writes text as it is.
  package func write(_ text: String) throws(OutputError) {
    buffer.append(contentsOf: text.utf8)
    try flushIfFull()
  }

  /// Writes bytes as they are.
  package func write(_ bytes: [UInt8]) throws(OutputError) {
    buffer.append(contentsOf: bytes)
    try flushIfFull()
  }

  /// Writes text and a line feed.
  package func line(_ text: String = "") throws(OutputError) {
    buffer.append(contentsOf: text.utf8)
    buffer.append(0x0A)
    try flushIfFull()
  }

  /// Hands everything to the system; after an error the buffer is empty.
  package func flush() throws(OutputError) {
    defer { buffer.removeAll(keepingCapacity: true) }
    try writeAll(buffer.span, to: descriptor)
  }

  private func flushIfFull() throws(OutputError) {
    if buffer.count >= bufferBytesMax { try flush() }
  }
}

/// Writes all of `bytes`, through short writes and interruptions.
func writeAll(_ bytes: Span<UInt8>, to descriptor: CInt) throws(OutputError) {
  var offset = 0
  while offset < bytes.count {
    let rest = bytes.extracting(offset..<bytes.count)
    let written = unsafe rest.withUnsafeBufferPointer { buffer in
      // Safe: pointer and length are of one buffer, and write(2) keeps neither.
      unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count)
    }
    if written >= 0 {
      offset += written
    } else if errno == EAGAIN {
      // Someone else made the descriptor non-blocking, as ssh and node do with terminals.
      waitUntilWritable(descriptor)
    } else if errno != EINTR {
      throw OutputError(code: errno)
    }
  }
}

private func waitUntilWritable(_ descriptor: CInt) {
  var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
  // Safe: one request, which poll(2) fills in and does not keep.
  _ = unsafe poll(&request, 1, -1)
}

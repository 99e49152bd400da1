internal import CShims
internal import Glibc
package import LedgerPorts
internal import Synchronization

/// Reads a source on a thread of its own, a few pieces ahead, so that inflating and parsing overlap.
package final class ReadAhead: ByteSource {
  private static let pieceCount: UInt32 = 4

  package let label: String
  private let queue: PieceQueue
  private let isInterrupted: @Sendable () -> Bool

  /// Takes `source` over: nobody else may use it from now on.
  package init(_ source: sending any ByteSource, isInterrupted: @escaping @Sendable () -> Bool) {
    label = source.label
    self.isInterrupted = isInterrupted
    queue = PieceQueue(source, ReadAhead.pieceCount)
    queue.start()
  }

  deinit { queue.stop() }

  package func read(appendingTo bytes: inout [UInt8]) throws(SourceError) -> Bool {
    switch queue.take(isInterrupted) {
    case .piece(let piece):
      if bytes.isEmpty { bytes = piece } else { bytes.append(contentsOf: piece) }
      return true
    case .end: return false
    case .failed(let error): throw error
    }
  }
}

/// Pieces on their way from the reading thread to the caller.
///
/// Safe to share: the source belongs to the thread alone, and all else is behind the mutex or is a semaphore.
@safe
private final class PieceQueue: @unchecked Sendable {
  enum Piece {
    case piece([UInt8])
    case end
    case failed(SourceError)
  }

  private struct Waiting {
    var pieces: [Piece] = []
    var isStopped = false
  }

  private let source: any ByteSource
  private let waiting = Mutex(Waiting())
  private let filled: UnsafeMutablePointer<sem_t>
  private let room: UnsafeMutablePointer<sem_t>

  init(_ source: any ByteSource, _ count: UInt32) {
    self.source = source
    guard let filled = unsafe shim_semaphore_new(0), let room = unsafe shim_semaphore_new(count)
    else { fatalError("out of memory") }
    unsafe self.filled = unsafe filled
    unsafe self.room = unsafe room
  }

  deinit {
    unsafe shim_semaphore_free(filled)
    unsafe shim_semaphore_free(room)
  }

  func start() {
    var thread = pthread_t()
    // The thread holds the queue until it ends.
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let status = unsafe pthread_create(&thread, nil, readAheadThread, context)
    guard status == 0 else {
      unsafe Unmanaged<PieceQueue>.fromOpaque(context).release()
      waiting.withLock { $0.pieces = [.failed(SourceError("cannot start a thread: \(status)"))] }
      _ = unsafe sem_post(filled)
      return
    }
    pthread_detach(thread)
  }

  func stop() {
    waiting.withLock { $0.isStopped = true }
    _ = unsafe sem_post(room)
  }

  func take(_ isInterrupted: () -> Bool) -> Piece {
    while unsafe sem_wait(filled) != 0 {
      if isInterrupted() { return .failed(SourceError("interrupted")) }
    }
    let piece = waiting.withLock { $0.pieces.removeFirst() }
    _ = unsafe sem_post(room)
    return piece
  }

  func run() {
    while true {
      while unsafe sem_wait(room) != 0 {}
      if waiting.withLock({ $0.isStopped }) { return }
      var bytes: [UInt8] = []
      var piece = Piece.end
      do throws(SourceError) {
        if try source.read(appendingTo: &bytes) { piece = .piece(bytes) }
      } catch { piece = .failed(error) }
      waiting.withLock { $0.pieces.append(piece) }
      _ = unsafe sem_post(filled)
      guard case .piece = piece else { return }
    }
  }
}

/// The thread's entry; a global constant, because closures written elsewhere may belong to an actor.
private let readAheadThread: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? =
  { context in
    if let context = unsafe context {
      unsafe Unmanaged<PieceQueue>.fromOpaque(context).takeRetainedValue().run()
    }
    return nil
  }

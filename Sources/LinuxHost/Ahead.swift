internal import CShims
internal import Glibc
package import LedgerPorts
internal import Synchronization

/// Makes elements on a thread of its own, a few ahead of whoever takes them.
package final class Ahead<Element: Sendable> {
  private let queue: AheadQueue<Element>

  /// Calls `produce` until it returns nil; `count` elements may wait.
  package init(_ count: UInt32, _ produce: sending @escaping () -> Element?) {
    queue = AheadQueue(produce, count)
    queue.start()
  }

  deinit { queue.stop() }

  /// The next element; nil at the end.
  ///
  /// Blocks; asks `isInterrupted` when a signal arrives.
  package func take(_ isInterrupted: () -> Bool) throws(SourceError) -> Element? {
    switch queue.take(isInterrupted) {
    case .element(let element): return element
    case .end: return nil
    case .failed(let error): throw error
    }
  }
}

/// Elements on their way from the producing thread to the caller.
///
/// Safe to share: the producer belongs to the thread alone, and all else is behind the mutex or is a semaphore.
@safe
private final class AheadQueue<Element: Sendable>: @unchecked Sendable {
  enum Taken {
    case element(Element)
    case end
    case failed(SourceError)
  }

  private struct Waiting {
    var elements: [Taken] = []
    var isStopped = false
  }

  private let produce: () -> Element?
  private let waiting = Mutex(Waiting())
  private let filled: UnsafeMutablePointer<sem_t>
  private let room: UnsafeMutablePointer<sem_t>

  init(_ produce: @escaping () -> Element?, _ count: UInt32) {
    self.produce = produce
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
    let body = unsafe Unmanaged.passRetained(ThreadBody { self.run() })
    let status = unsafe pthread_create(&thread, nil, threadEntry, body.toOpaque())
    guard status == 0 else {
      unsafe body.release()
      waiting.withLock { $0.elements = [.failed(SourceError("cannot start a thread: \(status)"))] }
      _ = unsafe sem_post(filled)
      return
    }
    pthread_detach(thread)
  }

  func stop() {
    waiting.withLock { $0.isStopped = true }
    _ = unsafe sem_post(room)
  }

  func take(_ isInterrupted: () -> Bool) -> Taken {
    while unsafe sem_wait(filled) != 0 {
      if isInterrupted() { return .failed(SourceError("interrupted")) }
    }
    let taken = waiting.withLock { $0.elements.removeFirst() }
    guard case .element = taken else {
      // Whoever asks again behind the end gets it again.
      waiting.withLock { $0.elements.append(taken) }
      _ = unsafe sem_post(filled)
      return taken
    }
    _ = unsafe sem_post(room)
    return taken
  }

  private func run() {
    while true {
      while unsafe sem_wait(room) != 0 {}
      if waiting.withLock({ $0.isStopped }) { return }
      let element = produce()
      waiting.withLock { $0.elements.append(element.map { .element($0) } ?? .end) }
      _ = unsafe sem_post(filled)
      if element == nil { return }
    }
  }
}

/// What a thread runs.
private final class ThreadBody {
  let run: () -> Void

  init(_ run: @escaping () -> Void) {
    self.run = run
  }
}

/// The thread's entry; a global constant, because closures written elsewhere may belong to an actor.
private let threadEntry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? =
  { context in
    if let context = unsafe context {
      unsafe Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
    }
    return nil
  }

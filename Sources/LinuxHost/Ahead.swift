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
  private let filled = Signal()
  private let room: Signal

  init(_ produce: @escaping () -> Element?, _ count: UInt32) {
    self.produce = produce
    room = Signal(count)
  }

  func start() {
    // The thread holds the queue until it ends.
    guard !startThread({ self.run() }) else { return }
    waiting.withLock { $0.elements = [.failed(SourceError("cannot start a thread"))] }
    filled.raise()
  }

  func stop() {
    waiting.withLock { $0.isStopped = true }
    room.raise()
  }

  func take(_ isInterrupted: () -> Bool) -> Taken {
    while !filled.waitOnce() {
      if isInterrupted() { return .failed(SourceError("interrupted")) }
    }
    let taken = waiting.withLock { $0.elements.removeFirst() }
    guard case .element = taken else {
      // Whoever asks again behind the end gets it again.
      waiting.withLock { $0.elements.append(taken) }
      filled.raise()
      return taken
    }
    room.raise()
    return taken
  }

  private func run() {
    while true {
      room.wait()
      if waiting.withLock({ $0.isStopped }) { return }
      let element = produce()
      waiting.withLock { $0.elements.append(element.map { .element($0) } ?? .end) }
      filled.raise()
      if element == nil { return }
    }
  }
}

internal import Synchronization

/// Work on a thread of its own that ends by itself.
package final class Background<Result: Sendable>: Sendable {
  private let result = Mutex<Result?>(nil)
  private let done = Signal()

  /// Starts `work`; nil where no thread can be had.
  package init?(_ work: @escaping @Sendable () -> Result) {
    let started = startThread { [self] in
      let found = work()
      result.withLock { $0 = found }
      done.raise()
    }
    guard started else { return nil }
  }

  /// What the work came to; nil while it is under way.
  package var outcome: Result? { result.withLock { $0 } }

  /// Blocks until the work is done, at most so long; nil where it is under way still, or a signal came first.
  package func wait(milliseconds: Int) -> Result? {
    guard done.wait(milliseconds: milliseconds) else { return nil }
    done.raise()
    return outcome
  }

  /// Blocks until the work is done.
  package func wait() -> Result? {
    done.wait()
    // Whoever asks again need not wait.
    done.raise()
    return outcome
  }
}

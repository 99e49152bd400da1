internal import CShims
internal import Glibc

/// Runs `work` on a thread of its own; false where none can be had.
func startThread(_ work: @escaping () -> Void) -> Bool {
  var thread = pthread_t()
  let body = unsafe Unmanaged.passRetained(ThreadBody(work))
  guard unsafe pthread_create(&thread, nil, threadEntry, body.toOpaque()) == 0 else {
    unsafe body.release()
    return false
  }
  pthread_detach(thread)
  return true
}

/// A counter that threads raise and wait for: a semaphore.
@safe
final class Signal: @unchecked Sendable {
  private let semaphore: UnsafeMutablePointer<sem_t>

  init(_ count: UInt32 = 0) {
    guard let semaphore = unsafe shim_semaphore_new(count) else { fatalError("out of memory") }
    unsafe self.semaphore = unsafe semaphore
  }

  deinit { unsafe shim_semaphore_free(semaphore) }

  func raise() { _ = unsafe sem_post(semaphore) }

  /// Waits until it was raised; false where a signal came first.
  func waitOnce() -> Bool { unsafe sem_wait(semaphore) == 0 }

  /// Waits at most so long; false where the time was over or a signal came first.
  func wait(milliseconds: Int) -> Bool {
    unsafe shim_semaphore_wait(semaphore, milliseconds) != 0
  }

  func wait() { while !waitOnce() {} }
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

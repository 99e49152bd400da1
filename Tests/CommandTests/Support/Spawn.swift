import CShims
import Foundation

/// Starts `path` with its three standard descriptors and returns its process id.
///
/// Signals that the test runner ignores or blocks are as usual in the new process.
func spawn(
  _ path: String, _ arguments: [String], environment: [String], directory: String?,
  descriptors: (input: CInt, output: CInt, errors: CInt)
) throws -> pid_t {
  // env(1) changes the directory, because the call that could is not part of POSIX.
  let command =
    directory.map { ["/usr/bin/env", "--chdir=\($0)", path] + arguments } ?? [path] + arguments
  var actions = unsafe posix_spawn_file_actions_t()
  unsafe posix_spawn_file_actions_init(&actions)
  defer { unsafe posix_spawn_file_actions_destroy(&actions) }
  unsafe posix_spawn_file_actions_adddup2(&actions, descriptors.input, 0)
  unsafe posix_spawn_file_actions_adddup2(&actions, descriptors.output, 1)
  unsafe posix_spawn_file_actions_adddup2(&actions, descriptors.errors, 2)
  // A server that lives on must not keep open what another thread is just about to hand to its own child.
  unsafe shim_spawn_closes_from(&actions, 3)

  var attributes = posix_spawnattr_t()
  unsafe posix_spawnattr_init(&attributes)
  defer { unsafe posix_spawnattr_destroy(&attributes) }
  var defaults = sigset_t()
  unsafe sigemptyset(&defaults)
  unsafe posix_spawnattr_setsigmask(&attributes, &defaults)
  for signal in [SIGPIPE, SIGINT, SIGTERM] { _ = unsafe sigaddset(&defaults, signal) }
  unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
  unsafe posix_spawnattr_setflags(
    &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

  var process: pid_t = 0
  // Safe: both lists end with a null pointer and live until posix_spawn has copied them.
  let status = unsafe withCStrings(command) { list in
    unsafe withCStrings(environment) { variables in
      descriptorLock.withLock {
        unsafe posix_spawnp(&process, command[0], &actions, &attributes, list, variables)
      }
    }
  }
  guard status == 0 else { throw SystemFailure("start \(path)", status) }
  return process
}

private func withCStrings<Value>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
  var pointers = unsafe strings.map { unsafe strdup($0) }
  unsafe pointers.append(nil)
  defer { for index in strings.indices { unsafe free(pointers[index]) } }
  return unsafe body(pointers)
}

/// A call of the system that failed although the tests rely on it.
struct SystemFailure: Error, CustomStringConvertible {
  let description: String

  init(_ operation: String, _ code: CInt = errno) {
    description = "cannot \(operation): error \(code)"
  }
}

/// Held while descriptors exist that a process started by another thread would inherit.
private let descriptorLock = NSLock()

/// A pipe whose ends no other process inherits.
func makePipe() throws -> (reading: CInt, writing: CInt) {
  try descriptorLock.withLock {
    var ends: [CInt] = [0, 0]
    guard unsafe pipe(&ends) == 0 else { throw SystemFailure("make a pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}

/// A file without a name, for what a program reads or writes.
func makeUnnamedFile() throws -> CInt {
  try descriptorLock.withLock {
    var template = Array((NSTemporaryDirectory() + "/allocledger-XXXXXX").utf8CString)
    let descriptor = unsafe mkstemp(&template)
    guard descriptor >= 0 else { throw SystemFailure("make a temporary file") }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = unsafe unlink(&template)
    return descriptor
  }
}

/// All bytes of a file, from its beginning.
func readAll(_ descriptor: CInt) -> [UInt8] {
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let size = unsafe pread(descriptor, &piece, piece.count, off_t(bytes.count))
    guard size > 0 else { return bytes }
    bytes += piece[..<size]
  }
}

/// Writes all of `bytes`; false when the reader has gone.
@discardableResult
func writeAll(_ bytes: [UInt8], to descriptor: CInt) -> Bool {
  var done = 0
  while done < bytes.count {
    let size = unsafe bytes.withUnsafeBytes { buffer in
      // Safe: the rest of the buffer is `bytes.count - done` bytes long.
      unsafe write(descriptor, buffer.baseAddress.unsafelyUnwrapped + done, bytes.count - done)
    }
    if size < 0, errno == EINTR { continue }
    guard size > 0 else { return false }
    done += size
  }
  return true
}

/// Makes writing to a reader that has gone an error instead of the end of the tests.
func ignoreClosedPipes() {
  _ = signal(SIGPIPE, SIG_IGN)
}

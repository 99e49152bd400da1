internal import CShims
internal import Glibc
package import LedgerCore
package import LedgerPorts

/// Commands that a user wrote for the shell.
package enum ShellCommand {
  /// Runs `command` with /bin/sh to its end; what it prints goes to standard error.
  ///
  /// - Parameters:
  ///   - command: as it would be typed.
  ///   - variables: environment variables that it gets besides those of this process.
  /// - Returns: the exit status; 128 and the number of the signal where one ended it.
  /// - Throws: `SourceError` when the shell cannot be started.
  package static func run(
    _ command: String, variables: [(name: String, value: String)]
  ) throws(SourceError) -> Int32 {
    // Values come as arguments, so that nothing in them is read as shell.
    let exports = variables.enumerated().map { "export \($1.name)=\"$\($0 + 1)\"; " }.joined()
    let words =
      ["/bin/sh", "-c", exports + "exec 1>&2; " + command, "sh"] + variables.map(\.value)
    var pointers = unsafe words.map { unsafe strdup($0) }
    defer { for index in words.indices { unsafe free(pointers[index]) } }
    unsafe pointers.append(nil)
    var process: pid_t = 0
    // Safe: the words live until the call returns, and posix_spawn(3) copies them into the new process.
    let failure = unsafe shim_spawn(&process, "/bin/sh", pointers)
    guard failure == 0 else { throw SourceError("cannot run /bin/sh (errno \(failure))") }
    var status: CInt = 0
    while unsafe waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else { throw SourceError("cannot wait for /bin/sh (errno \(errno))") }
    }
    // As in wait(2): the low seven bits are the signal, the next eight the status.
    return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
  }
}

extension LinuxDisk {
  /// When a file was last changed; nil for what is no regular file.
  package func modified(_ path: String) throws(DiskError) -> Timestamp? {
    var status = stat()
    // Safe: `status` lives across the call, which keeps neither pointer.
    guard unsafe stat(path, &status) == 0 else { throw DiskError("ask the time of", path) }
    guard status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Timestamp(
      microseconds: Int64(status.st_mtim.tv_sec) * Timestamp.microsecondsPerSecond
        + Int64(status.st_mtim.tv_nsec) / 1_000)
  }
}

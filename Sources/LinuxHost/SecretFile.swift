internal import CShims
internal import Glibc
package import LedgerPorts

/// A file that only its owner can read: mode 0600.
package enum SecretFile {
  /// Why a secret was not read or kept.
  package enum Failure: Error, Hashable, Sendable {
    case disk(DiskError)
    /// Others than the owner have permissions on the file.
    case exposed(path: String, mode: UInt32)
    case exists(path: String)
  }

  /// Larger files are no secrets of ours.
  private static let byteCountMax = 1 << 16

  /// Makes the file; what exists is never replaced.
  package static func create(_ bytes: [UInt8], at path: String) throws(Failure) {
    let descriptor = unsafe shim_open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      if errno == EEXIST { throw .exists(path: path) }
      throw .disk(DiskError("create", path))
    }
    defer { close(descriptor) }
    // Safe: the buffer is `bytes.count` bytes long. So short a write is not cut in two.
    let written = unsafe write(descriptor, bytes, bytes.count)
    guard written == bytes.count, fsync(descriptor) == 0 else {
      let error = DiskError("write", path)
      _ = unsafe unlink(path)
      throw .disk(error)
    }
  }

  /// Reads the file, unless others can.
  package static func read(_ path: String) throws(Failure) -> [UInt8] {
    let descriptor = unsafe shim_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)
    guard descriptor >= 0 else { throw .disk(DiskError("read", path)) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw .disk(DiskError("read", path)) }
    guard status.st_mode & 0o077 == 0 else {
      throw .exposed(path: path, mode: status.st_mode & 0o777)
    }
    var bytes = [UInt8](repeating: 0, count: byteCountMax)
    // Safe: the buffer is as long as said.
    let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
    guard count >= 0 else { throw .disk(DiskError("read", path)) }
    return Array(bytes[..<count])
  }
}

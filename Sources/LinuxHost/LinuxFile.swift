internal import CShims
internal import Glibc
package import LedgerPorts

/// An open file of the machine; closed when it is let go.
package final class LinuxFile: DiskFile {
  package let path: String
  private let descriptor: CInt

  init(_ path: String, _ mode: OpenMode) throws(DiskError) {
    let flags =
      switch mode {
      case .read: O_RDONLY
      case .update: O_RDWR
      case .create: O_RDWR | O_CREAT | O_EXCL
      case .updateOrCreate: O_RDWR | O_CREAT
      }
    let descriptor = unsafe shim_open(path, flags | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw DiskError("open", path) }
    self.descriptor = descriptor
    self.path = path
  }

  deinit {
    // A child that another thread is just starting shares the open file until its exec, and with it
    // the lock: so closing alone would let go of the lock too late.
    shim_unlock(descriptor)
    close(descriptor)
  }

  package func byteCount() throws(DiskError) -> Int {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw DiskError("ask the size of", path) }
    return Int(status.st_size)
  }

  package func read(
    at offset: Int, count: Int, into bytes: inout [UInt8]
  ) throws(DiskError) {
    if bytes.count < count {
      bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
    }
    var done = 0
    while done < count {
      // Safe: the rest of the buffer is `count - done` bytes long.
      let size = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe pread(
          descriptor, buffer.baseAddress.unsafelyUnwrapped + done, count - done,
          off_t(offset + done))
      }
      if size < 0, errno == EINTR { continue }
      guard size >= 0 else { throw DiskError("read", path) }
      if size == 0 { break }
      done += size
    }
    bytes.removeLast(bytes.count - done)
  }

  package func willRead(at offset: Int, count: Int) {
    // Advice: where it is not taken, the read takes longer and nothing else.
    _ = posix_fadvise(descriptor, off_t(offset), off_t(count), POSIX_FADV_WILLNEED)
  }

  package func write(_ bytes: [UInt8], at offset: Int) throws(DiskError) {
    var done = 0
    while done < bytes.count {
      // Safe: the rest of the buffer is `bytes.count - done` bytes long.
      let size = unsafe bytes.withUnsafeBytes { buffer in
        unsafe pwrite(
          descriptor, buffer.baseAddress.unsafelyUnwrapped + done, bytes.count - done,
          off_t(offset + done))
      }
      if size < 0, errno == EINTR { continue }
      guard size > 0 else { throw DiskError("write", path) }
      done += size
    }
  }

  package func resize(to byteCount: Int) throws(DiskError) {
    guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw DiskError("resize", path) }
  }

  package func sync() throws(DiskError) {
    guard fdatasync(descriptor) == 0 else { throw DiskError("sync", path) }
  }

  /// Makes everything durable, names and times too.
  func syncAll() throws(DiskError) {
    guard fsync(descriptor) == 0 else { throw DiskError("sync", path) }
  }

  package func lock() throws(DiskError) -> Bool {
    if shim_lock_exclusive(descriptor) == 0 { return true }
    guard errno == EAGAIN || errno == EACCES else { throw DiskError("lock", path) }
    return false
  }

  package func isLocked() throws(DiskError) -> Bool {
    let held = shim_lock_is_held(descriptor)
    guard held >= 0 else { throw DiskError("ask the lock of", path) }
    return held == 1
  }
}

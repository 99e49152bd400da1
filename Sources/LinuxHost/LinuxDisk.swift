internal import Glibc
package import LedgerPorts

/// The machine's file systems.
package struct LinuxDisk: Disk {
  package init() {}

  package func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
    try LinuxFile(path, mode)
  }

  package func list(_ directory: String) throws(DiskError) -> [String] {
    guard let stream = unsafe opendir(directory) else {
      throw DiskError("list", directory)
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      // Safe: readdir's name is a terminated string that lives until the next call.
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  package func makeDirectory(_ path: String) throws(DiskError) {
    if try exists(path) { return }
    if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
      try makeDirectory(String(path[..<slash]))
    }
    guard unsafe mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw DiskError("make directory", path)
    }
  }

  package func syncDirectory(_ path: String) throws(DiskError) {
    let directory = try LinuxFile(path, .read)
    try directory.syncAll()
  }

  package func rename(_ from: String, to path: String) throws(DiskError) {
    guard unsafe Glibc.rename(from, path) == 0 else { throw DiskError("rename to \(path)", from) }
  }

  package func remove(_ path: String) throws(DiskError) {
    guard unsafe unlink(path) == 0 else { throw DiskError("remove", path) }
  }

  package func exists(_ path: String) throws(DiskError) -> Bool {
    if unsafe access(path, F_OK) == 0 { return true }
    guard errno == ENOENT || errno == ENOTDIR else { throw DiskError("look for", path) }
    return false
  }

  package func freeByteCount(_ path: String) throws(DiskError) -> Int64 {
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else { throw DiskError("ask the space of", path) }
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    return overflow ? Int64.max : Int64(clamping: bytes)
  }
}

extension DiskError {
  /// The error of the call that just failed.
  init(_ operation: String, _ path: String) {
    let code = errno
    let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    let kind: Kind =
      switch code {
      case ENOENT, ENOTDIR: .missing
      case ENOSPC, EDQUOT, EFBIG: .full
      case EACCES, EPERM, EROFS: .forbidden
      case EEXIST: .exists
      default: .other
      }
    self.init(operation: operation, path: path, code: code, reason: reason, kind: kind)
  }
}

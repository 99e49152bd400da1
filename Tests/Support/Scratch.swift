internal import Glibc
package import LedgerCore
package import LedgerPorts
internal import LinuxHost
internal import Synchronization

/// A fresh directory, removed with all that is in it when the test is done with it.
package final class Scratch: Sendable {
  package let directory: String

  package init() {
    var template = Array("/tmp/allocledger-test-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> String? in
      // Safe: the template ends with NUL and is changed in place.
      guard let base = buffer.baseAddress, let start = unsafe mkdtemp(base) else { return nil }
      return unsafe String(cString: start)
    }
    guard let made else { preconditionFailure("there is room for a directory") }
    directory = made
  }

  deinit { Scratch.remove(directory) }

  /// Removes a file, or a directory with all that is in it.
  package static func remove(_ path: String) {
    if unsafe unlink(path) == 0 { return }
    for name in (try? LinuxDisk().list(path)) ?? [] { remove(path + "/" + name) }
    _ = unsafe rmdir(path)
  }
}

/// The bytes of a file.
package func bytes(of path: String) throws(DiskError) -> [UInt8] {
  let file = try LinuxDisk().open(path, .read)
  var bytes: [UInt8] = []
  try file.read(at: 0, count: try file.byteCount(), into: &bytes)
  return bytes
}

/// Makes `bytes` the contents of a file.
package func write(_ bytes: [UInt8], to path: String) throws(DiskError) {
  let file = try LinuxDisk().open(path, .updateOrCreate)
  try file.resize(to: 0)
  try file.write(bytes, at: 0)
}

/// Every file below a directory, by its path inside.
package func files(below directory: String, _ inside: String = "") throws(DiskError) -> [String] {
  var found: [String] = []
  for name in try LinuxDisk().list(directory + inside) {
    let path = inside + "/" + name
    if let inner = try? files(below: directory, path) {
      found += inner
    } else {
      found.append(path)
    }
  }
  return found
}

/// A clock that stands where it was set.
package final class FakeClock: Clock {
  private let time: Mutex<Timestamp>

  package init(_ start: Timestamp) { time = Mutex(start) }

  package func now() -> Timestamp { time.withLock { $0 } }

  package func set(_ moment: Timestamp) { time.withLock { $0 = moment } }
}

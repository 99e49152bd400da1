internal import LedgerPorts

extension Context {
  func write(_ bytes: [UInt8], to path: String) throws(Failure) {
    do throws(DiskError) {
      let file = try disk.open(path, .updateOrCreate)
      try file.resize(to: 0)
      try file.write(bytes, at: 0)
      try file.sync()
    } catch { throw Failure(error) }
  }

  func read(_ path: String) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    do throws(DiskError) {
      let file = try disk.open(path, .read)
      try file.read(at: 0, count: try file.byteCount(), into: &bytes)
    } catch { throw Failure(error) }
    return bytes
  }
}

internal import LedgerPorts

/// An open file of a simulated disk.
final class SimulatedFile: DiskFile {
  let path: String
  private let disk: SimulatedDisk
  private let node: Int
  private let handle: Int

  init(_ disk: SimulatedDisk, _ path: String, _ node: Int, _ handle: Int) {
    self.disk = disk
    self.path = path
    self.node = node
    self.handle = handle
  }

  deinit {
    try? disk.with { state in
      if state.locks[node] == handle { state.locks[node] = nil }
    }
  }

  func byteCount() throws(DiskError) -> Int {
    try disk.with { state in state.memory[file: node].cached.count }
  }

  func read(at offset: Int, count: Int, into bytes: inout [UInt8]) throws(DiskError) {
    bytes = try disk.with { state in
      let cached = state.memory[file: node].cached
      let start = min(offset, cached.count)
      return Array(cached[start..<min(start + count, cached.count)])
    }
  }

  func write(_ bytes: [UInt8], at offset: Int) throws(DiskError) {
    try disk.with { state throws(DiskError) in
      state.step("write \(bytes.count) bytes at \(offset) of \(path)")
      let grows = max(0, offset + bytes.count - state.memory[file: node].cached.count)
      let lacks = max(0, grows - Int(clamping: state.freeByteCount))
      var written = bytes.count - min(lacks, bytes.count)
      let fails = state.failsWrite()
      if fails { written = state.random.below(written + 1) }
      state.memory[file: node].write(bytes.prefix(written), at: offset)
      state.freeByteCount -= Int64(max(0, grows - (bytes.count - written)))
      if fails { throw DiskError("write", path, .other) }
      if lacks > 0 { throw DiskError("write", path, .full) }
    }
  }

  func resize(to byteCount: Int) throws(DiskError) {
    try disk.with { state in
      state.step("resize \(path) to \(byteCount)")
      state.memory[file: node].resize(to: byteCount)
    }
  }

  func sync() throws(DiskError) {
    try disk.with { state throws(DiskError) in
      guard state.memory[file: node].hasPending else { return }
      state.step("sync \(path)")
      guard !state.failsSync() else {
        var choices = Choices.random(state.random)
        state.memory[file: node].failSync(&choices)
        _ = state.random.next()
        throw DiskError("sync", path, .other)
      }
      state.memory[file: node].sync()
    }
  }

  func lock() throws(DiskError) -> Bool {
    try disk.with { state in
      guard state.locks[node] ?? handle == handle else { return false }
      state.locks[node] = handle
      return true
    }
  }

  func isLocked() throws(DiskError) -> Bool {
    try disk.with { state in state.locks[node].map { $0 != handle } ?? false }
  }
}

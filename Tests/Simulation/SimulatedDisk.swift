package import LedgerPorts
internal import Synchronization
internal import TestSupport

/// A file system in memory that can be cut off from power at any call, and fails when it is told to.
///
/// What is kept after a cut is said by `PageCache` and `DiskMemory`. The same calls and seeds give the same bytes.
package final class SimulatedDisk: Disk {
  /// A call that fails.
  package enum Fault: Sendable {
    /// A sync fails, and what was pending counts as clean from then on.
    case sync
    /// A write fails after some of its bytes.
    case write
    /// The disk takes so many more bytes.
    case full(Int)
  }

  /// The disk before a call.
  package struct Moment: Sendable {
    let memory: DiskMemory
    /// How many calls had been made.
    package let call: Int
    /// What `label` was.
    package let label: Int

    /// Disks with all that a power cut can leave; none where that is more than `limit`.
    package func images(atMost limit: Int) -> [SimulatedDisk] {
      (memory.everyCut(atMost: limit) { _ in false } ?? []).map { SimulatedDisk($0, seed: 1) }
    }
  }

  struct State {
    var memory = DiskMemory()
    var random: TestRandom
    var call = 0
    var label = 0
    var moments: [Moment] = []
    /// One call in so many is kept; 0 for none.
    var keepsOneIn = 0
    var fault: (call: Int, fault: Fault)?
    var freeByteCount: Int64 = 1 << 40
    var locks: [Int: Int] = [:]
    var nextHandle = 1
    /// The calls that changed something, in words; nil where nobody asks.
    var calls: [String]?

    /// Begins a call that changes something.
    mutating func step(_ words: @autoclosure () -> String) {
      calls?.append("\(call) [\(label)] \(words())\(fault.map { " (armed: \($0))" } ?? "")")
      if keepsOneIn > 0, random.chance(keepsOneIn) {
        moments.append(Moment(memory: memory, call: call, label: label))
      }
      call += 1
      guard let fault, fault.call <= call, case .full(let room) = fault.fault else { return }
      freeByteCount = Int64(room)
      self.fault = nil
    }

    /// Whether a sync that is due to fail does so now.
    mutating func failsSync() -> Bool {
      guard let fault, fault.call <= call, case .sync = fault.fault else { return false }
      self.fault = nil
      return true
    }

    mutating func failsWrite() -> Bool {
      guard let fault, fault.call <= call, case .write = fault.fault else { return false }
      self.fault = nil
      return true
    }
  }

  private let state: Mutex<State>

  /// An empty disk.
  package convenience init(seed: UInt64) { self.init(DiskMemory(), seed: seed) }

  init(_ memory: DiskMemory, seed: UInt64) {
    state = Mutex(State(memory: memory, random: TestRandom(seed: seed)))
  }

  func with<Value: Sendable>(
    _ body: (inout sending State) throws(DiskError) -> Value
  ) throws(DiskError) -> Value {
    let result: Result<Value, DiskError> = state.withLock { state in
      do throws(DiskError) { return .success(try body(&state)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  // MARK: - What a test does to it

  /// Keeps about one of so many calls' beginnings; 0 for none.
  package func keepMoments(oneIn count: Int) { state.withLock { $0.keepsOneIn = count } }

  /// Marks the moments from now on.
  package var label: Int {
    get { state.withLock { $0.label } }
    set { state.withLock { $0.label = newValue } }
  }

  package var callCount: Int { state.withLock { $0.call } }

  /// The moments that were kept, which are then forgotten, and the present one.
  package func takeMoments() -> [Moment] {
    state.withLock { state in
      defer { state.moments = [] }
      return state.moments
        + [Moment(memory: state.memory, call: state.call, label: state.label)]
    }
  }

  /// Lets something fail at one of the next `count` calls, or the first of its kind behind that.
  package func arm(_ fault: Fault, within count: Int) {
    state.withLock { $0.fault = ($0.call + 1 + $0.random.below(count), fault) }
  }

  /// Lets something fail behind the next `count` calls.
  package func arm(_ fault: Fault, after count: Int) {
    state.withLock { $0.fault = ($0.call + 1 + count, fault) }
  }

  var memory: DiskMemory { state.withLock { $0.memory } }

  /// Changes bits of a byte, on the disk and in the cache.
  func rot(_ path: String, at offset: Int, by bits: UInt8) {
    state.withLock { state in
      guard let node = state.memory.node(path) else { return }
      state.memory[file: node].rot(at: offset, by: bits)
    }
  }

  /// Notes calls from now on.
  func noteCalls() { state.withLock { $0.calls = [] } }

  /// The calls that were noted, in words.
  var calls: [String] { state.withLock { $0.calls ?? [] } }

  /// Lets nothing fail any more; the disk has room.
  package func repair() {
    state.withLock {
      $0.fault = nil
      $0.freeByteCount = 1 << 40
    }
  }

  // MARK: - Disk

  package func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
    let (node, handle) = try with { state throws(DiskError) in
      let found = state.memory.node(path)
      if found != nil, mode == .create { throw DiskError("open", path, .exists) }
      state.nextHandle += 1
      if let found { return (found, state.nextHandle) }
      guard mode == .create || mode == .updateOrCreate, let place = state.memory.place(path) else {
        throw DiskError("open", path, .missing)
      }
      state.step("create \(path)")
      return (state.memory.makeFile(place.name, in: place.directory), state.nextHandle)
    }
    return SimulatedFile(self, path, node, handle)
  }

  package func list(_ directory: String) throws(DiskError) -> [String] {
    try with { state throws(DiskError) in
      guard let node = state.memory.node(directory), state.memory.isDirectory(node) else {
        throw DiskError("list", directory, .missing)
      }
      return state.memory.names(node)
    }
  }

  package func makeDirectory(_ path: String) throws(DiskError) {
    try with { state throws(DiskError) in
      var made = ""
      for part in path.split(separator: "/") {
        made += "/" + part
        guard state.memory.node(made) == nil, let place = state.memory.place(made) else { continue }
        state.step("make directory \(made)")
        state.memory.makeDirectory(place.name, in: place.directory)
      }
    }
  }

  package func syncDirectory(_ path: String) throws(DiskError) {
    try with { state throws(DiskError) in
      guard let node = state.memory.node(path) else { throw DiskError("sync", path, .missing) }
      state.step("sync \(path)")
      guard !state.failsSync() else {
        var choices = Choices.random(state.random)
        state.memory.failSyncNames(node, &choices)
        _ = state.random.next()
        throw DiskError("sync", path, .other)
      }
      state.memory.syncNames(node)
    }
  }

  package func rename(_ from: String, to path: String) throws(DiskError) {
    try with { state throws(DiskError) in
      guard let old = state.memory.place(from), let new = state.memory.place(path),
        old.directory == new.directory, state.memory.node(from) != nil
      else { throw DiskError("rename", from, .missing) }
      state.step("rename \(from)")
      state.memory.rename(old.name, to: new.name, in: old.directory)
    }
  }

  package func remove(_ path: String) throws(DiskError) {
    try with { state throws(DiskError) in
      guard state.memory.node(path) != nil, let place = state.memory.place(path) else {
        throw DiskError("remove", path, .missing)
      }
      state.step("remove \(path)")
      state.memory.remove(place.name, from: place.directory)
    }
  }

  package func exists(_ path: String) throws(DiskError) -> Bool {
    try with { state in state.memory.node(path) != nil }
  }

  package func freeByteCount(_ path: String) throws(DiskError) -> Int64 {
    try with { state in state.freeByteCount }
  }
}

extension DiskError {
  init(_ operation: String, _ path: String, _ kind: Kind) {
    self.init(operation: operation, path: path, code: 5, reason: "simulated: \(kind)", kind: kind)
  }
}

internal import LedgerCore
internal import LedgerEngine
internal import LedgerFormat
internal import LedgerLog
internal import LedgerPorts
internal import LedgerProofs
internal import TestSupport

/// The ledger of a simulated disk, read as programs read it.
struct Reading {
  let disk: SimulatedDisk

  func reader(usesCaches: Bool = false) throws(LogError) -> LogReader {
    try LogReader(
      directory: Workload.directory, disk: disk, historyEntryCount: Workload.historyEntryCount,
      usesCaches: usesCaches, wait: { false })
  }

  /// What `verify` finds, of the log and its checkpoints.
  func damages() throws(LogError) -> [Damage] {
    var verification = Verification(directory: Workload.directory, disk: disk)
    try verification.run(wait: { false }, goOn: { _, _ in true })
    return verification.result.damages
  }

  /// The paths of the checkpoints that are kept.
  func checkpoints() throws(LogError) -> [String] {
    try StoredCheckpoints(disk: disk, layout: LogLayout(directory: Workload.directory)).paths()
  }

  /// Reads the entries, which must be `facts`, each once and in order; says how many there are before an error.
  func check(_ reader: LogReader, holds facts: [Fact]) throws -> (count: Int, error: LogError?) {
    var cursor = reader.entries(from: 1)
    var count = 0
    do throws(LogError) {
      while let step = try cursor.next() {
        guard count < facts.count, step.entry.fact == facts[count],
          step.entry.sequence == Int64(count + 1)
        else { throw LogError.noSuchSequence(step.entry.sequence, head: Int64(count)) }
        count += 1
      }
    } catch {
      if case .noSuchSequence = error { throw Violation("entry \(count + 1) is another") }
      return (count, error)
    }
    return (count, nil)
  }

  /// Whatever is left of snapshots, history and tree, answers at `sequence` are those of the entries, `facts`.
  func checkCaches(_ reader: LogReader, _ facts: [Fact], at sequence: Int) throws {
    let lines = modelLines(facts[..<sequence])
    let options = ReplayOptions(keepsNodeNames: true, keepsDetails: true)
    let state = try reader.project(.sequence(Int64(sequence)), options)
    try demand(
      state.state.lines(state.registry, nodeNames: state.nodeNames) == lines,
      "the state at \(sequence) is another")
    let believing = try self.reader(usesCaches: true)
    try demand(
      believing.map.blocks.map(\.frame) == reader.map.blocks.map(\.frame)
        && believing.map.blocks.map(\.offset) == reader.map.blocks.map(\.offset),
      "the headers that were kept are of other blocks")
    let hosts = try believing.projectHosts(.sequence(Int64(sequence))) { _ in }
    // Ids of nodes are not kept there.
    let nodeNames = NameColumn(hosts.state.nodes.states.map { _ in "" })
    let hostLines = hosts.state.lines(hosts.registry, nodeNames: nodeNames).filter {
      $0.hasPrefix("host ")
    }
    try demand(
      hostLines == lines.filter { $0.hasPrefix("host ") }, "the hosts at \(sequence) are others")
    try checkPostings(reader, state)
    var tree = try reader.tree()
    try demand(
      try tree.root(at: Int64(sequence)) == root(reader, count: sequence),
      "the tree at \(sequence) is another")
  }

  /// What postings say of hosts and nodes, if they say anything, is what `state` says.
  private func checkPostings(_ reader: LogReader, _ state: Projection) throws {
    let selection = Selection.sequence(state.sequence)
    let residents = state.residents
    for host in state.registry.hostNames {
      guard let found = try? reader.nodes(on: host, selection, { _ in }) else { continue }
      try demand(
        Set(found) == residents[host] ?? [], "other nodes are on \(host) at \(state.sequence)")
    }
    for node in state.nodeNames.prefix(4) {
      guard let found = try? reader.projectNode(node, selection, { _ in }) else { continue }
      try demand(
        found.about(node) == state.about(node), "\(node) at \(state.sequence) is another")
    }
  }

  /// Whatever is left of files of keys, each key is that of its entry.
  func checkKeys(_ facts: [Fact]) throws {
    let ledger = try WritableLedger(
      directory: Workload.directory, disk: disk, clock: FakeClock(moment(1_000_000)), process: 8,
      keyEntryCount: Workload.keyEntryCount)
    defer { ledger.writer.close() }
    try ledger.checkKeys(facts)
  }

  /// The root of the tree over the first `count` entries, from the entries alone.
  private func root(_ reader: LogReader, count: Int) throws(LogError) -> [UInt8] {
    var hash = MerkleLeaf()
    var rows = TreeRows()
    var entries = reader.entries(from: 1)
    while rows.size < count, let step = try entries.next() {
      let bytes = MerkleLeaf.bytes(of: step.entry)
      var leaf: [UInt8] = []
      hash.append(bytes.span, 0..<bytes.count, to: &leaf)
      rows.append(leaf) { _ in }
    }
    return rows.root
  }
}

extension WritableLedger {
  /// Each key is that of its entry, and others are of none.
  func checkKeys(_ facts: [Fact]) throws {
    for (index, fact) in facts.enumerated() {
      guard let key = fact.key else { continue }
      let found = try sequence(of: key)
      try demand(
        found == Int64(index + 1), "\(key) is of \(String(describing: found)), not \(index + 1)")
    }
    try demand(try sequence(of: "none") == nil, "a key is known that nobody told")
  }
}

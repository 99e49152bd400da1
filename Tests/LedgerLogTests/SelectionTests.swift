import LedgerCore
import LedgerLog
import TestSupport
import Testing

/// Folds selections of a log the plain way: all entries in memory, sorted, by id.
private struct PlainTwin {
  private let entries: [(entry: Entry, key: Name?)]

  /// Tells the nodes that shared an id apart, in the order of sequence.
  init(_ entries: [Entry]) {
    var generation: [Name: Int] = [:]
    var deleted: [Int64: Int] = [:]
    self.entries = entries.map { entry in
      let fact = entry.fact
      if fact.type == .entryVoided, let target = fact.rare.target, let old = deleted[target],
        let node = entries[Int(target) - 1].fact.node
      {
        generation[node] = old
      }
      guard let node = fact.node else { return (entry, nil) }
      if fact.type == .nodeCreated { generation[node, default: 0] = Int(entry.sequence) }
      if fact.type == .nodeDeleted { deleted[entry.sequence] = generation[node] }
      return (entry, Name("\(node)#\(generation[node] ?? 0)"))
    }
  }

  func lines(_ selection: Selection, _ policy: ReleasePolicy) -> [String] {
    var selected = entries.filter { isSelected($0.entry, selection) }
    if case .occurred = selection {
      selected.sort {
        ($0.entry.fact.occurred, $0.entry.sequence) < ($1.entry.fact.occurred, $1.entry.sequence)
      }
    }
    var voided: Set<Int64> = []
    let voids = selected.filter { $0.entry.fact.type == .entryVoided }
    for (entry, _) in voids.sorted(by: { $0.entry.sequence > $1.entry.sequence })
    where !voided.contains(entry.sequence) {
      if let target = entry.fact.rare.target { voided.insert(target) }
    }
    var model = NaiveModel(policy: policy, checksDeletions: false)
    for (entry, key) in selected where !voided.contains(entry.sequence) {
      _ = model.apply(entry.fact, key: key)
    }
    return model.lines
  }

  private func isSelected(_ entry: Entry, _ selection: Selection) -> Bool {
    switch selection {
    case .all: true
    case .sequence(let last): entry.sequence <= last
    case .recorded(let moment): entry.recorded <= moment
    case .occurred(let moment): entry.fact.occurred <= moment
    }
  }
}

@Suite("Selections against a plain twin")
struct SelectionTests {
  /// The hosts that anyone has heard of, with all that is known of them.
  private func hosts(_ projection: Projection) -> [Name: HostState] {
    let states = projection.state.hosts.states
    return Dictionary(
      uniqueKeysWithValues: zip(projection.registry.hostNames, states).filter {
        $0.1.phase != .unknown
      })
  }

  /// What the history says is what a replay says, and it is there where it can be.
  private func checkHistory(_ whole: LogReader, _ selections: [Selection]) throws {
    // What is kept of former questions changes no answer, nor does it when next to nothing is kept.
    for heldByteCountMax in [1, 1 << 30] {
      let reader = try LogReader(
        directory: whole.layout.directory, disk: whole.disk, historyEntryCount: 60,
        usesCaches: true, heldByteCountMax: heldByteCountMax
      ) { false }
      try reader.extendHistory { _ in }
      try check(reader, selections)
      #expect(try reader.historyDamages().isEmpty)
    }
  }

  private func check(_ reader: LogReader, _ selections: [Selection]) throws {
    var answered = 0
    for selection in selections {
      let replayed = try reader.project(selection, ReplayOptions(usesSnapshots: false))
      let found = try reader.projectHosts(selection) { _ in }
      #expect(hosts(found) == hosts(replayed), "\(selection)")
      #expect(found.sequence == replayed.sequence, "\(selection)")
      #expect(found.occurred == replayed.occurred, "\(selection)")
      let isAnswered = try reader.hostsFromHistory(selection) != nil
      if isAnswered { answered += 1 }
      let isByTime = if case .occurred = selection { true } else { false }
      if !reader.map.hasVoids, !isByTime || !reader.map.hasLate {
        #expect(isAnswered, "\(selection)")
      }
      for (name, state) in zip(replayed.registry.hostNames, replayed.state.hosts.states) {
        let one = try reader.hostFromHistory(name, selection)
        #expect((one != nil) == isAnswered, "\(name) \(selection)")
        if let one {
          #expect(one.state ?? HostState() == state, "\(name) \(selection)")
          #expect(one.sequence == replayed.sequence, "\(name) \(selection)")
        }
        let alone = hosts(try reader.projectHost(name, selection) { _ in })
        #expect(alone[name] == hosts(replayed)[name], "\(name) \(selection)")
      }
      if isAnswered {
        #expect(try reader.hostFromHistory("nobody", selection)?.state == nil)
      }
    }
    // By occurred time, late entries and voids need a replay; so does what lies behind the first void.
    #expect(reader.map.hasVoids ? answered > 0 : answered * 3 >= selections.count * 2)
  }

  /// What postings say of a node and of a host is what a replay says, and it is there where it can be.
  private func checkPostings(_ whole: LogReader, _ selections: [Selection]) throws {
    let reader = try LogReader(
      directory: whole.layout.directory, disk: whole.disk, historyEntryCount: 45
    ) { false }
    var answered = 0
    for selection in selections {
      let options = ReplayOptions(keepsNodeNames: true, keepsDetails: true)
      let replayed = try reader.project(selection, options)
      let residents = replayed.residents
      for host in replayed.registry.hostNames + ["nobody"] {
        guard let found = try reader.nodes(on: host, selection, { _ in }) else { continue }
        #expect(Set(found) == residents[host] ?? [], "\(host) \(selection)")
        #expect(found.count == Set(found).count)
        answered += 1
      }
      for node in Set(replayed.nodeNames + ["nobody"]) {
        guard let found = try reader.projectNode(node, selection, { _ in }) else { continue }
        #expect(found.about(node) == replayed.about(node), "\(node) \(selection)")
        #expect(found.sequence == replayed.sequence)
        answered += 1
      }
    }
    #expect(reader.map.hasVoids || answered > 100)
    #expect(try reader.postingsDamages().isEmpty)
  }

  private func check(_ reader: LogReader, _ policy: ReleasePolicy) throws {
    var entries: [Entry] = []
    var cursor = reader.entries()
    while let step = try cursor.next() { entries.append(step.entry) }
    #expect(entries.count > 80)
    let twin = PlainTwin(entries)
    var selections: [Selection] = [.all]
    for part in 0...12 {
      selections.append(.sequence(reader.head * Int64(part) / 12))
      selections.append(.occurred(moment(Int64(part) * 50 - 10)))
      selections.append(.recorded(entries[(entries.count - 1) * part / 12].recorded))
    }
    for selection in selections {
      let projection = try reader.project(selection, ReplayOptions(keepsNodeNames: true))
      let found = projection.state.lines(projection.registry, nodeNames: projection.nodeNames)
      let expected = twin.lines(selection, policy)
      let wrong = Set(found).symmetricDifference(expected).sorted()
      #expect(wrong.isEmpty, "\(selection): \(wrong)")
    }
    try checkHistory(reader, selections)
    try checkPostings(reader, selections)
  }

  @Test(
    "in order, late, voided, and both", arguments: [1 as UInt64, 2, 3, 4, 5, 6],
    [(false, false), (true, false), (false, true), (true, true)])
  func selections(seed: UInt64, kind: (late: Bool, voids: Bool)) throws {
    let scratch = Scratch()
    let policy = ReleasePolicy.allCases[Int(seed % 2)]
    let reader = try randomHistory(
      scratch, seed: seed, policy, late: kind.late, voids: kind.voids)
    try check(reader, policy)
  }
}

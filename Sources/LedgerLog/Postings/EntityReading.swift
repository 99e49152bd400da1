package import LedgerCore
internal import LedgerFormat

/// Entities are found through postings, where there are any: without a pass over what is about others.
extension LogReader {
  /// The state of one node alone after the entries that `selection` selects; nil where postings do not tell.
  ///
  /// - Complexity: a few pages of each group of postings, and one block for each entry about the node.
  package func projectNode(
    _ id: Name, _ selection: Selection, _ progress: (Int64) -> Void
  ) throws(LogError) -> Projection? {
    if let moment = lateMoment(selection) { return try nodeByTime(id, moment, progress) }
    guard let last = try postedSequence(selection, progress),
      let entries = try rows(ofNode: id, upTo: last)
    else { return nil }
    var registry = Registry(keepsNodeNames: true)
    for host in entries.hosts { registry.addHost(host) }
    _ = registry.openNode(id)
    // What other nodes do to hosts is left out, and what hosts are does not decide any more.
    let hosts = entries.hosts.map { _ in
      var host = HostState()
      host.phase = .registered
      return host
    }
    var projection = Projection(
      state: LedgerState(
        policy: manifest.policy, nodes: NodeTable(), hosts: HostTable(hosts), pools: [],
        containers: [], details: NodeDetails()), registry: registry)
    for row in entries.batches {
      projection.state.fold(row, 0..<1, slots: registry.counts)
    }
    // Without an entry there is no slot either.
    projection.nodeNames = entries.batches.isEmpty ? NameColumn() : registry.nodeNames
    projection.sequence = last
    return projection
  }

  /// The ids of the nodes on `host` after the entries that `selection` selects, in no order; nil where postings do not tell.
  ///
  /// - Complexity: a few pages of each group of postings, and one page for each node.
  package func nodes(
    on host: Name, _ selection: Selection, _ progress: (Int64) -> Void
  ) throws(LogError) -> [Name]? {
    if let moment = lateMoment(selection) { return try nodesByTime(on: host, moment, progress) }
    guard let last = try postedSequence(selection, progress),
      let groups = try postings(upTo: last)
    else { return nil }
    guard let slot = groups.lazy.flatMap(\.hostNames).enumerated().first(where: { $1 == host })
    else { return [] }
    // Asked for one after the other, pages that are not in memory would be waited for one by one.
    for group in groups { group.residents.expectDirectory() }
    for group in groups { try group.residents.expect(UInt64(slot.offset)) }
    var stays: [Int64: Int] = [:]
    for group in groups {
      for record in try group.residents.records(of: UInt64(slot.offset)) {
        let sequence = group.firstSequence + Int64(record.row)
        guard sequence <= last else { break }
        let creator = sequence &- Int64(bitPattern: record.note >> 1)
        stays[creator, default: 0] += record.note & 1 == 0 ? 1 : -1
      }
    }
    return try names(ofCreators: stays.filter { $0.value > 0 }.keys.sorted(), groups)
  }

  /// The ids of the nodes that the entries of some sequences created; nil where postings do not know such an entry.
  func names(
    ofCreators creators: [Int64], _ groups: [PostingsGroup]
  ) throws(LogError) -> [Name]? {
    var places: [(ids: NameRun, row: UInt32)] = []
    for creator in creators {
      let place = groups.partitioningIndex { $0.lastSequence >= creator }
      guard place < groups.count, creator >= groups[place].firstSequence else { return nil }
      places.append(
        (groups[place].ids, UInt32(truncatingIfNeeded: creator - groups[place].firstSequence)))
    }
    for place in places { place.ids.expectDirectory() }
    for place in places { try place.ids.expect(place.row) }
    var names: [Name] = []
    for place in places {
      if let name = try place.ids.name(of: place.row) { names.append(name) }
    }
    return names
  }

  /// The last entry that `selection` selects, with the postings up to there; nil where they do not tell.
  private func postedSequence(
    _ selection: Selection, _ progress: (Int64) -> Void
  ) throws(LogError) -> Int64? {
    guard head >= 2 * historyEntryCount, let last = try sequenceFromHistory(selection, progress),
      last > 0
    else { return nil }
    try? extendPostings(progress)
    return last
  }

  /// The entries about a node as batches of one row each, whose node has slot 0, and all hosts up to there.
  private func rows(
    ofNode id: Name, upTo last: Int64
  ) throws(LogError) -> (batches: [EntryBatch], hosts: [Name])? {
    guard let groups = try postings(upTo: last) else { return nil }
    let creators = try creators(of: id, groups, upTo: last)
    var sequences = creators
    for creator in creators {
      for group in groups {
        for record in try group.followers.records(of: UInt64(bitPattern: creator)) {
          let sequence = group.firstSequence + Int64(record.row)
          if sequence <= last { sequences.append(sequence) }
        }
      }
    }
    let hosts = groups.flatMap(\.hostNames)
    var batches: [EntryBatch] = []
    var fits = true
    try eachRow(sequences.sorted()) { batch, row in
      let host = batch.hosts[row]
      // What postings point to need not be what they say it is.
      fits =
        fits && RowKind.subject(of: batch.kinds[row]) == .node
        && (host == Slot.none || Int(host) < hosts.count)
      var single = batch.single(row)
      single.subjects[0] = 0
      batches.append(single)
    }
    return fits ? (batches, hosts) : nil
  }

  /// The entries up to `last` that created a node of this id, ascending.
  func creators(
    of id: Name, _ groups: [PostingsGroup], upTo last: Int64
  ) throws(LogError) -> [Int64] {
    var creators: [Int64] = []
    for group in groups {
      for record in try group.creations.records(of: PostingsGroup.key(of: id))
      where try group.ids.name(of: record.row) == id {
        let sequence = group.firstSequence + Int64(record.row)
        if sequence <= last { creators.append(sequence) }
      }
    }
    return creators
  }

  /// Hands over the rows of `sequences`, which ascend; slots of new nodes are not set.
  ///
  /// - Complexity: decodes each block once.
  func eachRow(
    _ sequences: [Int64], _ body: (EntryBatch, Int) -> Void
  ) throws(LogError) {
    var batch = EntryBatch()
    for sequence in sequences {
      if sequence < batch.firstSequence || sequence >= batch.nextSequence {
        guard let place = map.block(of: sequence) else { continue }
        var cursor = cursor(place..<place + 1)
        guard try cursor.next(into: &batch) != nil else { continue }
      }
      body(batch, Int(sequence - batch.firstSequence))
    }
  }
}

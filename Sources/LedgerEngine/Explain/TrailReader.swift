internal import LedgerCore
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts

/// Reads from history what concerns drifted entities: one replay, whatever has drifted.
struct TrailReader {
  let reader: LogReader
  /// What the store should have applied.
  let selection: Selection
  /// The latest occurred time of it.
  let occurred: Timestamp?
  private let hostNames: [Name]
  private let poolNames: [Name]
  private let nodeSlotCount: Int

  /// Reads what `selection` selects; `projection` is made of it.
  init(_ reader: LogReader, _ selection: Selection, _ projection: Projection) {
    self.reader = reader
    self.selection = selection
    occurred = projection.occurred
    hostNames = projection.registry.hostNames
    poolNames = projection.registry.poolNames
    nodeSlotCount = Int(projection.registry.nodeSlotCount)
  }

  /// Gives the drifted entities of `fleets` their history, and returns the last sequence at which a repair of `store` made
  /// it right; 0 for none.
  func fill(_ fleets: inout [DriftedFleet], _ store: String) throws(LogError) -> Int64 {
    let hosts = Places(fleets.flatMap { $0.hosts.map(\.host) })
    let nodes = Places(fleets.flatMap { $0.nodes.compactMap(\.id) })
    let pools = Places(fleets.flatMap { $0.pools.map(\.name) })
    let voided = try reader.voidedSequences()
    let collector = TrailCollector(
      hosts: hosts.bySlot(hostNames), hostCount: hosts.names.count, nodes: nodes.places,
      pools: PoolCollector(places: pools.bySlot(poolNames), names: pools.names, voided: voided),
      voided: voided, store: store, hostNames: hostNames, lastSequence: lastSequence,
      strays: StrayEntries(fleets.flatMap { $0.hosts.map(\.drift) }))
    collector.reserve(nodeSlots: nodeSlotCount)
    var observer = TrailObserver(collector: collector)
    var watcher = TrailWatcher(collector: collector)
    _ = try reader.project(
      selection, ReplayOptions(keepsTexts: true), observer: &observer, watcher: &watcher)
    collector.finish()
    // Fleets that share a host share its entries.
    let hostEvents = hosts.names.indices.map(collector.events)
    for fleet in fleets.indices {
      for index in fleets[fleet].hosts.indices {
        guard let place = hosts.places[fleets[fleet].hosts[index].host] else { continue }
        fleets[fleet].hosts[index].events = hostEvents[place]
        fleets[fleet].hosts[index].strays = collector.strays(fleets[fleet].hosts[index].drift)
      }
      for index in fleets[fleet].nodes.indices {
        guard let place = fleets[fleet].nodes[index].id.flatMap({ nodes.places[$0] }) else {
          continue
        }
        fleets[fleet].nodes[index].changes = collector.changes(of: place)
      }
      for index in fleets[fleet].pools.indices {
        guard let place = pools.places[fleets[fleet].pools[index].name] else { continue }
        fleets[fleet].pools[index].changes = collector.changes(ofPool: place)
      }
    }
    return collector.rightThrough
  }

  private var lastSequence: Int64 {
    if case .sequence(let last) = selection { last } else { reader.head }
  }
}

/// Names without repetitions, each with its place among them.
private struct Places {
  private(set) var names: [Name] = []
  private(set) var places: [Name: Int] = [:]

  init(_ names: [Name]) {
    for name in names where places[name] == nil {
      places[name] = self.names.count
      self.names.append(name)
    }
  }

  /// The place of the name of each slot; below zero for none.
  func bySlot(_ slotNames: [Name]) -> [Int32] { slotNames.map { Int32(places[$0] ?? -1) } }
}

extension DriftedFleet {
  /// The entities that differ, with both their sides and no history yet.
  init(_ differences: StoreDifferences) {
    self.init(
      hosts: [], nodes: [], parts: differences.live.optionalParts,
      hostCount: differences.projected.hosts.count)
    let (projected, live) = (differences.projected, differences.live)
    var seen: Set<Name> = []
    for finding in differences.findings {
      let id = finding.entity.id
      switch finding.entity.kind {
      case .host where finding.code == .hostCounters:
        guard let expected = projected.host(id), let actual = live.host(id) else { continue }
        hosts.append(
          HostTrail(
            host: id, projected: Effect(expected.counters), live: Effect(actual.counters),
            capacity: expected.capacity))
      case .node where seen.insert(id).inserted:
        nodes.append(NodeTrail(projected: projected.node(id), live: live.node(id)))
      case .pool:
        pools.append(PoolTrail(name: id, projected: projected.pool(id), live: live.pool(id)))
      default: continue
      }
    }
  }
}

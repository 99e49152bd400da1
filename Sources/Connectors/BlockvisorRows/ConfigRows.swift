package import LedgerCore
package import LedgerPorts

/// The configs of a Blockvisor: the table keeps every one that ever was.
package struct ConfigRows: Sendable {
  /// Those that declare numbers, sorted by id.
  package var configs = LiveConfigs()
  /// Those that declare nothing.
  package var legacy: [Name] = []
  package var undecodable: [UndecodableConfig] = []

  package init() {}

  /// Tells `seen`, which has the nodes, what they name.
  package func note(in seen: inout Observation) {
    seen.configs = configs
    let named = seen.nodes.namedConfigs(of: Set(legacy + undecodable.map(\.id)))
    seen.unknownConfigs = named.intersection(legacy)
    seen.undecodableConfigs = undecodable.filter { named.contains($0.id) }.sorted { $0.id < $1.id }
  }
}

extension LiveNodes {
  /// Those of `ids` that some node names as its config.
  fileprivate func namedConfigs(of ids: Set<Name>) -> Set<Name> {
    if ids.isEmpty { return [] }
    var named: Set<Name> = []
    for row in indices {
      if let id = configs[row], ids.contains(id) { named.insert(id) }
    }
    return named
  }
}

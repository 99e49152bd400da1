import LedgerCore

/// What a field of an entry holds, for both writers.
enum FieldValue {
  case absent
  case text(Name)
  case word(String)
  case number(Int64)
  case time(Timestamp)
  case bool(Bool)
  case list([Name])

  init(_ name: Name?) { self = name.map { .text($0) } ?? .absent }

  init(_ number: Int64?) { self = number.map { .number($0) } ?? .absent }

  init(_ names: [Name]?) { self = names.map { .list($0) } ?? .absent }
}

/// The fields of an entry, looked up one by one.
struct FieldSource {
  let entry: Entry
  /// Taken out once: reaching it through the fact costs a copy.
  let rare: RareFields
  /// Where the rules of the fact stand.
  let ruleIndex: Int

  init(_ entry: Entry) {
    self.entry = entry
    rare = entry.fact.hasRare ? entry.fact.rare : RareFields()
    ruleIndex =
      entry.fact.type == .stateAdopted
      ? FieldRules.index(adopting: FieldSource.adoptedKind(entry.fact, rare))
      : FieldRules.index(entry.fact.type)
  }

  private static func adoptedKind(_ fact: Fact, _ rare: RareFields) -> EntityKind {
    if fact.node != nil { return .node }
    if fact.pool != nil { return .pool }
    return rare.container != nil ? .container : .host
  }

  private var adoptsHost: Bool { ruleIndex == FieldRules.index(adopting: .host) }

  /// The number of the triple: of an adopted host a counter, otherwise the fact's own.
  private func number(
    _ counter: KeyPath<Resources, Int64>, _ plain: Int64?
  ) -> FieldValue {
    FieldValue(adoptsHost ? rare.counters?.resources[keyPath: counter] : plain)
  }

  /// What `field` holds.
  func value(of field: Field) -> FieldValue {
    // Reached in place: a copy of the whole fact for each field would cost more than all the rest.
    switch field {
    case .entry: return .number(entry.sequence)
    case .recorded: return .time(entry.recorded)
    case .time: return .time(entry.fact.occurred)
    case .type: return .word(entry.fact.type.name)
    case .host: return FieldValue(entry.fact.host)
    case .node: return FieldValue(entry.fact.node)
    case .pool: return FieldValue(entry.fact.pool)
    case .cpuMillicores: return number(\.cpuMillicores, entry.fact.cpuMillicores)
    case .memoryBytes: return number(\.memoryBytes, entry.fact.memoryBytes)
    case .diskBytes: return number(\.diskBytes, entry.fact.diskBytes)
    case .image: return FieldValue(entry.fact.attributes.image)
    case .config: return FieldValue(entry.fact.attributes.config)
    case .org: return FieldValue(entry.fact.attributes.org)
    case .name: return FieldValue(entry.fact.attributes.name)
    case .protocol: return FieldValue(entry.fact.attributes.protocol)
    case .protocolVersion: return FieldValue(entry.fact.attributes.protocolVersion)
    case .semanticVersion: return FieldValue(entry.fact.attributes.semanticVersion)
    case .workersBefore: return FieldValue(entry.fact.workersBefore)
    case .workersAfter: return FieldValue(entry.fact.workersAfter)
    case .lastIssued: return FieldValue(entry.fact.lastIssued)
    case .key: return FieldValue(entry.fact.key)
    case .actor: return FieldValue(entry.fact.actor)
    case .source: return FieldValue(entry.fact.source)
    case .cause: return FieldValue(entry.fact.cause)
    default: return rareValue(of: field)
    }
  }

  private func rareValue(of field: Field) -> FieldValue {
    switch field {
    case .container: return FieldValue(rare.container)
    case .added: return FieldValue(rare.added)
    case .removed: return FieldValue(rare.removed)
    case .status: return FieldValue(rare.status)
    case .template: return FieldValue(rare.template)
    case .cpuLimit: return FieldValue(rare.cpuLimit)
    case .memoryLimit: return FieldValue(rare.memoryLimit)
    case .diskLimit: return FieldValue(rare.diskLimit)
    case .sequence, .upgrade: return FieldValue(rare.target)
    case .upgradeKey: return FieldValue(rare.targetKey)
    case .present: return rare.present.map { .bool($0) } ?? .absent
    case .nodes: return FieldValue(rare.counters?.nodes)
    case .capacityCPUMillicores: return FieldValue(rare.capacity?.cpuMillicores)
    case .capacityMemoryBytes: return FieldValue(rare.capacity?.memoryBytes)
    case .capacityDiskBytes: return FieldValue(rare.capacity?.diskBytes)
    case .store: return FieldValue(rare.store)
    case .outcome: return FieldValue(rare.outcome)
    case .changes: return FieldValue(rare.changes)
    case .reason: return FieldValue(rare.reason)
    case .contradiction: return rare.contradiction.map { .word($0.code) } ?? .absent
    default: return .absent
    }
  }
}

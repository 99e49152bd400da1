import LedgerCore

/// From a record to a fact: the one place that knows what fields mean.
extension FieldRecord {
  /// Makes the fact of this record, whose nested objects have been spread into fields.
  ///
  /// Fields are visited in their order, so the first error is the same on every run.
  mutating func build(
    _ type: EventType, _ ruleIndex: Int, into item: inout FactItem,
    _ bytes: Span<UInt8>, _ scratch: Span<UInt8>
  ) throws(FactError) {
    let rules = rules[ruleIndex]
    if !present.intersection(.aliases).intersection(rules.used).isEmpty {
      try resolveAliases(rules, bytes)
    }
    let lacking = rules.required.subtracting(present)
    if !lacking.isEmpty { throw missing(lacking, rules) }
    if type == .nodeUpgradeRolledBack, !present.contains(.upgrade), !present.contains(.upgradeKey) {
      throw missing([.upgrade], rules)
    }
    let unsaid = rules.explicit.subtracting(present.union(nulls))
    if type == .nodeMoved, !unsaid.isEmpty { throw missing(unsaid, rules) }

    item.begin(type, try time(.time, bytes, scratch))
    let meant = present.intersection(rules.used)
    try assign(meant.subtracting(.rare), to: &item.fact, bytes, scratch)
    if !meant.intersection(.rare).isEmpty {
      var rare = RareFields()
      try assignRare(meant.intersection(.rare), to: &rare, bytes, scratch)
      if type == .stateAdopted { try adopt(&item.fact, &rare, bytes) }
      item.fact.rare = rare
    } else if type == .stateAdopted {
      var rare = RareFields()
      try adopt(&item.fact, &rare, bytes)
      item.fact.rare = rare
    }
    if present.intersection(.stamp) == .stamp {
      item.stamp = ExportedStamp(
        sequence: try count(.entry, bytes), recorded: try time(.recorded, bytes, scratch))
    }
  }

  private func missing(_ lacking: FieldSet, _ rules: FieldRules) -> FactError {
    let names = lacking.fields.map(\.name).joined(separator: ", ")
    return missing("\(rules.title) needs \(names)")
  }

  /// Moves the value of each second name to the first; where both are given, they must agree.
  private mutating func resolveAliases(
    _ rules: FieldRules, _ bytes: Span<UInt8>
  ) throws(FactError) {
    var rest = present.intersection(.aliases).intersection(rules.used)
    while let alias = rest.popFirst() {
      let field = alias.canonical
      let scale = alias == .cpuCores ? 3 : 0
      let value = try unusualCount(alias, bytes, scale: scale)
      if present.contains(field) {
        guard try count(field, bytes) == value else {
          throw error(.wrongType, alias, "says \(value), and \(field.name) says another number")
        }
      }
      var token = token(alias)
      token.kind = .integer
      token.integer = value
      tokens[Int(field.rawValue)] = token
      present.insert(field)
      present.remove(alias)
    }
  }

  private func assign(
    _ fields: FieldSet, to fact: inout Fact, _ bytes: Span<UInt8>, _ scratch: Span<UInt8>
  ) throws(FactError) {
    var rest = fields
    while let field = rest.popFirst() {
      switch field {
      case .host: fact.host = try text(field, bytes, scratch)
      case .node: fact.node = try text(field, bytes, scratch)
      case .cpuMillicores: fact.cpuMillicores = try count(field, bytes)
      case .memoryBytes: fact.memoryBytes = try count(field, bytes)
      case .diskBytes: fact.diskBytes = try count(field, bytes)
      case .image: fact.attributes.image = try text(field, bytes, scratch)
      case .config: fact.attributes.config = try text(field, bytes, scratch)
      case .org: fact.attributes.org = try text(field, bytes, scratch)
      case .name: fact.attributes.name = try text(field, bytes, scratch)
      case .protocol: fact.attributes.protocol = try text(field, bytes, scratch)
      case .protocolVersion: fact.attributes.protocolVersion = try text(field, bytes, scratch)
      case .semanticVersion: fact.attributes.semanticVersion = try text(field, bytes, scratch)
      case .pool: fact.pool = try text(field, bytes, scratch)
      case .workersBefore: fact.workersBefore = try count(field, bytes)
      case .workersAfter: fact.workersAfter = try count(field, bytes)
      case .lastIssued: fact.lastIssued = try count(field, bytes)
      case .key: fact.key = try text(field, bytes, scratch)
      case .actor: fact.actor = try text(field, bytes, scratch)
      case .source: fact.source = try text(field, bytes, scratch)
      case .cause: fact.cause = try count(field, bytes)
      default: break
      }
    }
  }

  private func assignRare(
    _ fields: FieldSet, to rare: inout RareFields, _ bytes: Span<UInt8>, _ scratch: Span<UInt8>
  ) throws(FactError) {
    var rest = fields
    while let field = rest.popFirst() {
      switch field {
      case .container: rare.container = try text(field, bytes, scratch)
      case .added: rare.added = try list(field, bytes, scratch)
      case .removed: rare.removed = try list(field, bytes, scratch)
      case .status: rare.status = try text(field, bytes, scratch)
      case .template: rare.template = try text(field, bytes, scratch)
      case .cpuLimit: rare.cpuLimit = try count(field, bytes)
      case .memoryLimit: rare.memoryLimit = try count(field, bytes)
      case .diskLimit: rare.diskLimit = try count(field, bytes)
      case .sequence: rare.target = try count(field, bytes)
      case .upgrade:
        if token(field).isText {
          rare.targetKey = try text(field, bytes, scratch)
        } else {
          rare.target = try count(field, bytes)
        }
      case .upgradeKey:
        guard rare.targetKey == nil else { throw error(.wrongType, field, "repeats upgrade") }
        rare.targetKey = try text(field, bytes, scratch)
      case .present:
        guard token(field).kind == .bool else { throw wrongType(field, "true or false") }
        rare.present = token(field).integer != 0
      case .store: rare.store = try text(field, bytes, scratch)
      case .outcome: rare.outcome = try text(field, bytes, scratch)
      case .changes: rare.changes = try text(field, bytes, scratch)
      case .reason: rare.reason = try text(field, bytes, scratch)
      case .contradiction: rare.contradiction = try contradiction(bytes, scratch)
      default: break
      }
    }
  }

  /// The numbers of an adopted host are its counters, and its capacity stands apart.
  private func adopt(
    _ fact: inout Fact, _ rare: inout RareFields, _ bytes: Span<UInt8>
  ) throws(FactError) {
    guard FieldRules.adoptedKind(present) == .host else { return }
    if try whole(.counters, "counters") {
      rare.counters = Counters(
        nodes: try count(.nodes, bytes),
        resources: Resources(
          cpuMillicores: try count(.cpuMillicores, bytes),
          memoryBytes: try count(.memoryBytes, bytes), diskBytes: try count(.diskBytes, bytes)))
    }
    if try whole(.capacity, "capacity") {
      rare.capacity = Resources(
        cpuMillicores: try count(.capacityCPUMillicores, bytes),
        memoryBytes: try count(.capacityMemoryBytes, bytes),
        diskBytes: try count(.capacityDiskBytes, bytes))
    }
    fact.setResources(
      Resources(
        cpuMillicores: Resources.unchanged, memoryBytes: Resources.unchanged,
        diskBytes: Resources.unchanged))
  }

  /// Whether all of `fields` are there; some of them are not enough.
  private func whole(_ fields: FieldSet, _ title: String) throws(FactError) -> Bool {
    guard !present.intersection(fields).isEmpty else { return false }
    let lacking = fields.subtracting(present)
    guard lacking.isEmpty else {
      let names = lacking.fields.map(\.name).joined(separator: ", ")
      throw missing("the \(title) of an adopted host need \(names) as well")
    }
    return true
  }
}

extension Field {
  /// The field that a second name stands for.
  var canonical: Field {
    switch self {
    case .cpuCores, .nodeCPUMillicores: .cpuMillicores
    case .nodeMemoryBytes: .memoryBytes
    case .nodeDiskBytes: .diskBytes
    case .nodeCount: .nodes
    case .workerCount: .workersAfter
    default: self
    }
  }
}

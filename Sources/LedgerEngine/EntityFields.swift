package import LedgerCore
package import LedgerLog

/// One value that an entity holds.
package enum FieldContent: Hashable, Sendable {
  case integer(Int64)
  case name(Name)
  case bool(Bool)
}

/// What a host, node, pool or container is at one moment, field by field.
package struct EntityFields: Hashable, Sendable {
  package let kind: EntityKind
  /// In the order of `names(of:)`; nil where nothing is known.
  package let values: [FieldContent?]

  /// The fields of a kind, as results call them.
  package static func names(of kind: EntityKind) -> [String] {
    switch kind {
    case .host:
      Counters.fieldNames + Resources.fieldNames.map { "capacity_" + $0 } + ["retired"]
    case .node:
      ["host"] + Resources.fieldNames + NodeAttributes.fieldNames + ["deletion_requested"]
    case .pool: ["workers", "last_issued"]
    case .container: ["status", "template", "cpu_limit", "memory_limit", "disk_limit"]
    }
  }

  /// The value of a field.
  package subscript(_ name: String) -> FieldContent? {
    EntityFields.names(of: kind).firstIndex(of: name).flatMap { values[$0] }
  }

  /// A host's fields, or nil where it is unknown.
  package init?(_ host: HostState) {
    guard host.phase != .unknown else { return nil }
    kind = .host
    values =
      (host.counters.values + host.capacity.values).map { .integer($0) }
      + [.bool(host.phase == .retired)]
  }

  /// A node's fields, or nil where it does not live; `host` is the id of the host that it is on.
  package init?(_ node: NodeState, host: Name?, _ attributes: NodeAttributes) {
    guard node.isLive else { return nil }
    kind = .node
    values =
      [host.map { .name($0) }] + node.resources.values.map { .integer($0) }
      + attributes.values.map { text in text.map { .name($0) } }
      + [.bool(node.flags & NodeState.requested != 0)]
  }

  /// A pool's fields, or nil where it is unknown.
  package init?(_ pool: PoolState) {
    guard pool.isKnown else { return nil }
    kind = .pool
    values = [.integer(pool.workers), .integer(pool.lastIssued)]
  }

  /// A container's fields, or nil where it does not live.
  package init?(_ container: ContainerState) {
    guard container.isLive else { return nil }
    kind = .container
    values =
      [container.status, container.template].map { text in text.map { .name($0) } }
      + [container.cpuLimit, container.memoryLimit, container.diskLimit].map { limit in
        limit.map { .integer($0) }
      }
  }
}

extension EntityFields {
  /// The fields of what an entry is about, or nil where that is not there.
  package init?(_ subject: SubjectState?) {
    switch subject {
    case nil: return nil
    case .host(let host): self.init(host)
    case .node(let node, let host, let attributes): self.init(node, host: host, attributes)
    case .pool(let pool): self.init(pool)
    case .container(let container): self.init(container)
    }
  }
}

/// A field that is not what it was.
package struct FieldChange: Hashable, Sendable {
  package var name: String
  package var before: FieldContent?
  package var after: FieldContent?

  /// By how much a number changed; a number that was not there counts as zero.
  ///
  /// Nil where neither is a number, or the difference leaves 64 bits.
  package var difference: Int64? {
    switch (before, after) {
    case (.integer(let before), .integer(let after)):
      let (difference, overflow) = after.subtractingReportingOverflow(before)
      return overflow ? nil : difference
    case (nil, .integer(let after)): return after
    case (.integer(let before), nil): return before == .min ? nil : -before
    default: return nil
    }
  }

  /// What differs between two moments of one entity, in the order of its fields.
  package static func between(
    _ before: EntityFields?, _ after: EntityFields?
  ) -> [FieldChange] {
    guard before != after, let kind = (before ?? after)?.kind else { return [] }
    return EntityFields.names(of: kind).enumerated().compactMap { index, name in
      let change = FieldChange(
        name: name, before: before?.values[index], after: after?.values[index])
      return change.before == change.after ? nil : change
    }
  }
}

extension Projection {
  /// The fields of the host in `slot`, or nil where it is unknown.
  package func hostFields(_ slot: Int) -> EntityFields? {
    slot < state.hosts.count ? EntityFields(state.hosts[slot]) : nil
  }

  /// The fields of the node in `slot`, or nil where it does not live.
  package func nodeFields(_ slot: Int) -> EntityFields? {
    let node = state.nodes[slot]
    return EntityFields(
      node, host: node.host == Slot.none ? nil : hostName(node.host),
      state.nodeDetails?.attributes(of: slot) ?? NodeAttributes())
  }
}

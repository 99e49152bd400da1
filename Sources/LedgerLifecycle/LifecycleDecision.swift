package import LedgerCore
package import LedgerPorts

/// What a command comes to: the rows to write, and the fact for the ledger.
package struct LifecycleDecision: Sendable {
  /// A host whose counters were not the sum of its nodes before the command.
  package struct Drift: Hashable, Sendable {
    package var host: Name
    package var counted: Counters
    package var sum: Counters
    package var isRepaired: Bool
  }

  package var write: CommandWrite
  package var fact: Fact
  /// What the node took, or the host offered, before and after.
  package var old: Resources?
  package var new: Resources?
  package var drift: [Drift] = []

  /// Decides about `command` by what the locked rows hold.
  ///
  /// - Throws: why it is refused.
  package static func decide(
    _ command: LifecycleCommand, _ view: CommandView, _ policy: LifecyclePolicy,
    _ identity: LifecycleIdentity
  ) throws(LifecycleRefusal) -> LifecycleDecision {
    var run = LifecycleRun(command, view, policy, identity)
    return try run.decide()
  }
}

/// One decision in the making.
struct LifecycleRun {
  let command: LifecycleCommand
  let view: CommandView
  let policy: LifecyclePolicy
  let identity: LifecycleIdentity
  var result: LifecycleDecision

  init(
    _ command: LifecycleCommand, _ view: CommandView, _ policy: LifecyclePolicy,
    _ identity: LifecycleIdentity
  ) {
    self.command = command
    self.view = view
    self.policy = policy
    self.identity = identity
    var write = CommandWrite(
      action: command.action, moment: identity.now, logID: identity.logID,
      queueID: identity.queueID)
    write.attributes = command.attributes
    write.org = command.attributes.org ?? view.node?.org
    write.settings = command.settings
    write.author = command.author
    var fact = Fact(type: command.action.eventType, occurred: identity.now)
    if command.isAboutNode { fact.node = command.id } else { fact.host = command.id }
    result = LifecycleDecision(write: write, fact: fact)
  }

  mutating func decide() throws(LifecycleRefusal) -> LifecycleDecision {
    try checkIDs()
    switch command.action {
    case .createNode: try createNode()
    case .upgradeNode: try upgradeNode()
    case .moveNode: try moveNode()
    case .renameNode: try renameNode()
    case .deleteNode: try deleteNode()
    case .registerHost: try registerHost()
    case .resizeHost: try resizeHost()
    case .retireHost: try retireHost()
    }
    return result
  }

  private func checkIDs() throws(LifecycleRefusal) {
    guard view.needsUUIDs else { return }
    let ids: [(String, Name?)] = [
      (command.isAboutNode ? "node" : "host", command.id), ("host", command.host),
      ("image", command.image), ("config", command.config), ("org", command.attributes.org),
    ]
    for (kind, id) in ids {
      guard let id, id.uuid == nil else { continue }
      throw LifecycleRefusal(
        .invalidID, "the \(kind) '\(id)' is no UUID in lower case, which this store needs")
    }
  }

  // MARK: - Nodes

  private mutating func createNode() throws(LifecycleRefusal) {
    if let node = view.node {
      throw LifecycleRefusal(
        .nodeExists,
        node.isDeleted
          ? "node '\(command.id)' was deleted, and its row is still there; take another id"
          : "node '\(command.id)' exists already")
    }
    let new = try requirement()
    let config = try makeConfig(new)
    var node = LiveNode(
      id: command.id, host: command.host, image: command.image, config: config, resources: new)
    node.created = identity.now
    let node1 = Counters(nodes: 1, resources: new)
    if let host = command.host { try change(try openHost(host), gaining: node1, losing: .zero) }
    result.write.nodeAfter = node
    result.new = new
    result.fact.host = command.host
    tell(new, config)
  }

  private mutating func upgradeNode() throws(LifecycleRefusal) {
    let before = try liveNode()
    if let image = command.image, image == before.image {
      throw LifecycleRefusal(
        .sameImage,
        "node '\(command.id)' has image '\(image)' already; name another, or change its "
          + "size with --cpu, --memory and --disk alone")
    }
    let new = try requirement()
    try checkOldConfig(before)
    let config = try makeConfig(new)
    var after = before
    after.resources = new
    after.image = command.image ?? before.image
    after.config = config ?? before.config
    after.updated = identity.now
    if let host = before.host {
      try change(
        try knownHost(host), gaining: Counters(nodes: 1, resources: new),
        losing: Counters(nodes: 1, resources: before.resources))
    }
    set(before, after)
    tell(new, config)
  }

  private mutating func moveNode() throws(LifecycleRefusal) {
    let before = try liveNode()
    let node = Counters(nodes: 1, resources: before.resources)
    if let host = command.host, host == before.host {
      try change(try openHost(host), gaining: node, losing: node)
    } else {
      if let old = before.host { try change(try knownHost(old), gaining: .zero, losing: node) }
      if let new = command.host { try change(try openHost(new), gaining: node, losing: .zero) }
    }
    var after = before
    after.host = command.host
    after.updated = identity.now
    set(before, after)
    result.fact.host = command.host
  }

  private mutating func renameNode() throws(LifecycleRefusal) {
    let before = try liveNode()
    var after = before
    after.updated = identity.now
    set(before, after)
    result.fact.attributes.name = command.attributes.name
  }

  private mutating func deleteNode() throws(LifecycleRefusal) {
    let before = try liveNode()
    if let host = before.host {
      try change(
        try knownHost(host), gaining: .zero,
        losing: Counters(nodes: 1, resources: before.resources))
    }
    result.write.nodeBefore = before
    result.old = before.resources
  }

  private func liveNode() throws(LifecycleRefusal) -> LiveNode {
    guard let node = view.node else {
      throw LifecycleRefusal(.unknownNode, "the store has no node '\(command.id)'")
    }
    guard !node.isDeleted else {
      throw LifecycleRefusal(.unknownNode, "node '\(command.id)' is marked as deleted")
    }
    return node.row
  }

  private mutating func set(_ before: LiveNode, _ after: LiveNode) {
    result.write.nodeBefore = before
    result.write.nodeAfter = after
    result.old = before.resources
    result.new = after.resources
  }

  /// What the ledger is told of a node that is made or upgraded.
  private mutating func tell(_ resources: Resources, _ config: Name?) {
    result.fact.setResources(resources)
    result.fact.attributes = command.attributes
    result.fact.attributes.image = command.image
    result.fact.attributes.config = config
  }

  /// The config that the node gets: a new one where the store keeps such, with the id of this decision.
  private mutating func makeConfig(_ resources: Resources) throws(LifecycleRefusal) -> Name? {
    if let named = command.config { return named }
    guard view.keepsConfigs else { return nil }
    let image = command.image ?? view.node?.row.image
    result.write.newConfig = LiveConfig(
      id: identity.configID, image: image, resources: resources)
    return identity.configID
  }
}

extension CommandAction {
  /// What the ledger records.
  package var eventType: EventType {
    switch self {
    case .createNode: .nodeCreated
    case .upgradeNode: .nodeUpgraded
    case .moveNode: .nodeMoved
    case .renameNode: .nodeRenamed
    case .deleteNode: .nodeDeleted
    case .registerHost: .hostRegistered
    case .resizeHost: .hostResized
    case .retireHost: .hostRetired
    }
  }
}

package import LedgerCore
package import LedgerPorts

/// What somebody asks for: one change of a node or host, in database and ledger together.
package struct LifecycleCommand: Hashable, Sendable {
  package var action: CommandAction
  /// The node or host that it is about.
  package var id: Name
  /// Where a node goes; nil leaves it without a host.
  package var host: Name?
  package var image: Name?
  /// A config that is there and declares the requirement.
  package var config: Name?
  /// The properties that differ from what the image declares.
  package var properties: [Name] = []
  /// Numbers that are told, `Resources.unchanged` where one is not.
  package var numbers = Resources(
    cpuMillicores: Resources.unchanged, memoryBytes: Resources.unchanged,
    diskBytes: Resources.unchanged)
  /// What is said of a node besides: name, organisation, protocol, versions.
  package var attributes = NodeAttributes()
  /// A host's name and organisation lie in `attributes` too.
  package var settings: [CommandSetting] = []
  package var author: CommandAuthor?

  package init(_ action: CommandAction, _ id: Name) {
    self.action = action
    self.id = id
  }

  /// Whether it is about a node; else it is about a host.
  package var isAboutNode: Bool {
    switch action {
    case .createNode, .upgradeNode, .moveNode, .renameNode, .deleteNode: true
    case .registerHost, .resizeHost, .retireHost: false
    }
  }

  /// The rows that have to be looked at.
  package var scope: CommandScope {
    var scope = CommandScope()
    scope.node = isAboutNode ? id : nil
    scope.hosts = isAboutNode ? host.map { [$0] } ?? [] : [id]
    scope.image = image
    scope.properties = properties
    scope.config = config
    return scope
  }
}

/// What a command may do where the store is not as it should be.
package struct LifecyclePolicy: Hashable, Sendable {
  /// What to do when a host's counters are not the sum of its nodes already.
  package enum OnDrift: String, CaseIterable, Sendable {
    /// Say so and change the counters by the difference.
    case report
    /// Change nothing.
    case refuse
    /// Begin from the sum of the nodes.
    case repair
  }

  package var onDrift = OnDrift.refuse
  /// Whether a node may take nothing.
  package var allowsZero = false
  /// Whether a host may get more than it offers.
  package var allowsOverCapacity = false
  /// Whether an upgrade may do without the config that the node had.
  package var allowsMissingConfig = false

  package init() {}
}

/// What is new in a change and must not depend on chance or time below: the callers bring it.
package struct LifecycleIdentity: Sendable {
  package var now: Timestamp
  package var configID: Name
  package var logID: Name
  package var queueID: Name

  package init(now: Timestamp, configID: Name, logID: Name, queueID: Name) {
    self.now = now
    self.configID = configID
    self.logID = logID
    self.queueID = queueID
  }
}

package import LedgerCore

/// The rows of nodes, in some 50 bytes each where their ids are UUIDs.
package struct LiveNodes: RowTable {
  package private(set) var ids = NameColumn()
  package private(set) var hosts = CodedNames()
  package private(set) var images = CodedNames()
  package private(set) var configs = OptionalNameColumn()
  package private(set) var orgs = CodedNames()
  package private(set) var resources = CodedResources()
  private var created = MomentColumn()
  private var updated = MomentColumn()

  package init() {}

  package subscript(_ row: Int) -> LiveNode {
    get {
      var node = LiveNode(
        id: ids[row], host: hosts[row], image: images[row], config: configs[row],
        resources: resources[row])
      node.org = orgs[row]
      node.created = created[row]
      node.updated = updated[row]
      return node
    }
    set {
      ids[row] = newValue.id
      hosts[row] = newValue.host
      images[row] = newValue.image
      configs[row] = newValue.config
      orgs[row] = newValue.org
      resources[row] = newValue.resources
      created[row] = newValue.created
      updated[row] = newValue.updated
    }
  }

  package mutating func reserveCapacity(_ rows: Int) {
    ids.reserveCapacity(rows)
    hosts.reserveCapacity(rows)
    images.reserveCapacity(rows)
    configs.reserveCapacity(rows)
    orgs.reserveCapacity(rows)
    resources.reserveCapacity(rows)
  }

  package mutating func append(_ node: LiveNode) {
    ids.append(node.id)
    hosts.append(node.host)
    images.append(node.image)
    configs.append(node.config)
    orgs.append(node.org)
    resources.append(node.resources)
    created.append(node.created)
    updated.append(node.updated)
  }

  /// Appends a row whose ids are UUIDs, as those of PostgreSQL are; quicker than making names of them.
  package mutating func append(
    id: UUIDWords, host: UUIDWords?, image: UUIDWords?, config: UUIDWords?, org: UUIDWords?,
    resources: Resources
  ) {
    ids.append(id)
    hosts.append(host)
    images.append(image)
    configs.append(config)
    orgs.append(org)
    self.resources.append(resources)
    created.append(nil)
    updated.append(nil)
  }

  /// The codes that a row's values have in its columns; 0 is a name that is missing.
  package struct Codes {
    package var host: UInt32 = 0
    package var image: UInt32 = 0
    package var org: UInt32 = 0
    package var resources: UInt32

    package init(resources: UInt32) { self.resources = resources }
  }

  /// Appends a row of which whoever has few different values looked up the codes once.
  package mutating func append(
    id: Name, config: Name?, codes: Codes, created: Timestamp?, updated: Timestamp?
  ) {
    ids.append(id)
    hosts.append(code: codes.host)
    images.append(code: codes.image)
    configs.append(config)
    orgs.append(code: codes.org)
    resources.append(code: codes.resources)
    self.created.append(created)
    self.updated.append(updated)
  }

  package mutating func code(ofHost name: Name?) -> UInt32 { hosts.coded(name) }
  package mutating func code(ofImage name: Name?) -> UInt32 { images.coded(name) }
  package mutating func code(ofOrg name: Name?) -> UInt32 { orgs.coded(name) }
  package mutating func code(of resources: Resources) -> UInt32 { self.resources.coded(resources) }

  package mutating func replaceSubrange(
    _ rows: Range<Int>, with nodes: some Collection<LiveNode>
  ) {
    var other = LiveNodes()
    for node in nodes { other.append(node) }
    ids.replace(rows, with: other.ids)
    hosts.replace(rows, with: other.hosts)
    images.replace(rows, with: other.images)
    configs.replace(rows, with: other.configs)
    orgs.replace(rows, with: other.orgs)
    resources.replace(rows, with: other.resources)
    created.replace(rows, with: other.created)
    updated.replace(rows, with: other.updated)
  }

  package mutating func reorder(_ order: [UInt32]) {
    ids.reorder(order)
    hosts.reorder(order)
    images.reorder(order)
    configs.reorder(order)
    orgs.reorder(order)
    resources.reorder(order)
    created.reorder(order)
    updated.reorder(order)
  }
}

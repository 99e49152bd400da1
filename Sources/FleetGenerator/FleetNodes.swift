extension Fleet {
  mutating func createNode() -> Bool {
    let shape = random.pick(Catalog.fleetShapes)
    let isPlaced = !random.chance(2)
    let host = isPlaced ? host(for: shape) : nil
    guard host != nil || !isPlaced else { return false }
    var reused: RandomUUID?
    if !deletedIDs.isEmpty, random.chance(1) {
      reused = deletedIDs.remove(at: random.below(deletedIDs.count))
    }
    let id = reused ?? RandomUUID(high: random.next(), low: random.next())
    // A reused id is not late: its first life may have ended just now.
    let earliest = reused == nil ? host.map { hosts[$0].registered } ?? now - 1 : now
    let time = begin("node_created", notBefore: earliest)
    addNode(id)
    if let host { line.field("host", hostName(host)) } else { line.raw(",\"host\":null") }
    addShape(shape, fields: 0b111)
    var node = FleetNode(
      id: id, host: host, shape: shape, protocolIndex: random.below(Catalog.protocols.count),
      touched: time)
    if random.chance(90) { addImage(node.protocolIndex) }
    if random.chance(30) { addProtocol(node.protocolIndex) }
    if random.chance(20) { line.field("config", "cfg-\(random.below(40))") }
    if random.chance(25) { line.field("org", "org-\(random.below(9))") }
    if random.chance(40) { line.field("name", newName()) }
    _ = addKey(percent: 8)
    place(&node, on: host)
    nodes.append(node)
    return true
  }

  mutating func upgradeNode() -> Bool {
    guard let index = settledNode() else { return false }
    let before = nodes[index].shape
    var after = before
    // Which of the three numbers are said: all of them, some, or none beside a new image.
    let fields = random.chance(50) ? 0b111 : random.below(7)
    let wanted = random.chance(40) ? before : random.pick(Catalog.fleetShapes)
    if fields & 1 != 0 { after.cpuMillicores = wanted.cpuMillicores }
    if fields & 2 != 0 { after.memoryBytes = wanted.memoryBytes }
    if fields & 4 != 0 { after.diskBytes = wanted.diskBytes }
    guard fits(after, insteadOf: before, on: nodes[index].host) else { return false }
    touch(index, random.chance(10) ? "node_resized" : "node_upgraded")
    addShape(after, fields: fields)
    if fields == 0 || random.chance(60) { addImage(nodes[index].protocolIndex) }
    if random.chance(15) { line.field("config", "cfg-\(random.below(40))") }
    if random.chance(10) { addProtocol(nodes[index].protocolIndex) }
    let hasKey = addKey(percent: 15)
    resize(index, to: after)
    nodes[index].upgrade = (sequence, hasKey, before)
    return true
  }

  mutating func rollBackUpgrade() -> Bool {
    for _ in 0..<8 {
      guard let index = settledNode(), let upgrade = nodes[index].upgrade,
        fits(upgrade.shapeBefore, insteadOf: nodes[index].shape, on: nodes[index].host)
      else { continue }
      touch(index, "node_upgrade_rolled_back")
      if upgrade.hasKey, random.chance(50) {
        line.field("upgrade", key(of: upgrade.sequence))
      } else {
        line.field("upgrade", Int64(upgrade.sequence))
      }
      resize(index, to: upgrade.shapeBefore)
      nodes[index].upgrade = nil
      return true
    }
    return false
  }

  mutating func moveNode() -> Bool {
    guard let index = settledNode(),
      let target = host(for: nodes[index].shape, besides: nodes[index].host)
    else { return false }
    var node = nodes[index]
    node.touched = begin(
      "node_moved", notBefore: max(node.touched, hosts[target].registered))
    addNode(node.id)
    line.field("host", hostName(target))
    _ = addKey(percent: 5)
    if let source = node.host {
      hosts[source].used = hosts[source].used - node.shape
      hosts[source].nodeCount -= 1
      hosts[source].touched = max(hosts[source].touched, node.touched)
    }
    place(&node, on: target)
    nodes[index] = node
    return true
  }

  mutating func renameNode() -> Bool {
    guard let index = settledNode() else { return false }
    touch(index, "node_renamed")
    line.field("name", newName())
    return true
  }

  mutating func transferNode() -> Bool {
    guard let index = settledNode() else { return false }
    touch(index, "node_transferred")
    line.field("org", "org-\(random.below(9))")
    return true
  }

  mutating func requestDeletion() -> Bool {
    guard let index = settledNode() else { return false }
    touch(index, "node_deletion_requested")
    nodes[index].isDeletionRequested = true
    return true
  }

  mutating func deleteNode() -> Bool {
    guard !nodes.isEmpty else { return false }
    var index = random.below(nodes.count)
    // Nodes whose deletion was requested go first, where a few tries find one.
    for _ in 0..<6 where !nodes[index].isDeletionRequested { index = random.below(nodes.count) }
    touch(index, "node_deleted")
    let node = nodes[index]
    if random.chance(30), let host = node.host {
      line.field("host", hostName(host))
      addShape(node.shape, fields: 0b111)
    }
    _ = addKey(percent: 5)
    if let host = node.host {
      hosts[host].used = hosts[host].used - node.shape
      hosts[host].nodeCount -= 1
    }
    deletedIDs.append(node.id)
    nodes.swapAt(index, nodes.count - 1)
    nodes.removeLast()
    return true
  }

  // MARK: Parts

  /// Begins a line about a live node, and notes when it and its host were touched.
  private mutating func touch(_ index: Int, _ type: StaticString) {
    let time = begin(type, notBefore: nodes[index].touched)
    nodes[index].touched = time
    if let host = nodes[index].host { hosts[host].touched = max(hosts[host].touched, time) }
    addNode(nodes[index].id)
  }

  private mutating func place(_ node: inout FleetNode, on host: Int?) {
    node.host = host
    guard let host else { return }
    hosts[host].used = hosts[host].used + node.shape
    hosts[host].nodeCount += 1
    hosts[host].touched = max(hosts[host].touched, node.touched)
  }

  private mutating func resize(_ index: Int, to shape: Catalog.Shape) {
    if let host = nodes[index].host {
      hosts[host].used = hosts[host].used - nodes[index].shape + shape
    }
    nodes[index].shape = shape
  }

  private func fits(
    _ shape: Catalog.Shape, insteadOf other: Catalog.Shape, on host: Int?
  ) -> Bool {
    guard let host else { return true }
    return (hosts[host].used - other + shape).fits(in: hosts[host].capacity)
  }

  private mutating func newName() -> String {
    "node-\(random.below(10_000))-\(random.pick(Catalog.nameEndings))"
  }
}

internal import LedgerCore
internal import LedgerPorts
internal import LedgerText

/// Live rows as JSON objects, for plan files.
enum RowText {
  static func write(_ change: LiveChange, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("table")
    switch change {
    case .host(let before, let after):
      writer.string("hosts")
      write(before, after, &writer, write)
    case .org(let before, let after):
      writer.string("orgs")
      write(before, after, &writer, write)
    case .node(let before, let after):
      writer.string("nodes")
      write(before, after, &writer, write)
    case .pool(let before, let after):
      writer.string("worker_pools")
      write(before, after, &writer, write)
    case .container(let before, let after):
      writer.string("containers")
      write(before, after, &writer, write)
    }
    writer.endObject()
  }

  private static func write<Row>(
    _ before: Row?, _ after: Row?, _ writer: inout JSONWriter,
    _ body: (Row, inout JSONWriter) -> Void
  ) {
    for (key, row) in [("before", before), ("after", after)] {
      writer.key(key)
      guard let row else {
        writer.null()
        continue
      }
      writer.beginObject()
      body(row, &writer)
      writer.endObject()
    }
  }

  private static func write(_ host: LiveHost, _ writer: inout JSONWriter) {
    writer.member("id", host.id)
    writer.members(Resources.fieldNames, host.capacity.values)
    writer.member("node_count", host.counters.nodes)
    writer.members(Resources.fieldNames.map { "node_" + $0 }, host.counters.resources.values)
    writer.key("retired")
    writer.bool(host.retired)
    if let org = host.org { writer.member("org_id", org) }
  }

  private static func write(_ org: LiveOrg, _ writer: inout JSONWriter) {
    writer.member("id", org.id)
    writer.member("host_count", org.hosts)
    writer.member("node_count", org.nodes)
  }

  private static func write(_ node: LiveNode, _ writer: inout JSONWriter) {
    writer.member("id", node.id)
    writer.member("host_id", node.host)
    writer.member("image", node.image)
    writer.member("config_id", node.config)
    if let org = node.org { writer.member("org_id", org) }
    writer.members(Resources.fieldNames, node.resources.values)
    writer.member("created_at", node.created.map { Name($0.rfc3339) })
    writer.member("updated_at", node.updated.map { Name($0.rfc3339) })
  }

  private static func write(_ pool: LivePool, _ writer: inout JSONWriter) {
    writer.member("name", pool.name)
    writer.member("worker_count", pool.workers)
    writer.member("last_issued", pool.lastIssued)
  }

  private static func write(_ container: LiveContainer, _ writer: inout JSONWriter) {
    writer.member("id", container.id)
    writer.member("name", container.name)
    writer.member("status", container.status)
    writer.member("template", container.template)
    writer.member("cpu_limit", container.cpuLimit)
    writer.member("memory_limit", container.memoryLimit)
    writer.member("disk_limit", container.diskLimit)
  }
}

// MARK: - Reading

extension RowText {
  /// The change of a JSON object, or nil where it is none.
  static func change(_ value: JSONValue) -> LiveChange? {
    guard let before = value["before"], let after = value["after"],
      !(before.isNull && after.isNull)
    else { return nil }
    func sides<Row>(_ read: (JSONValue) -> Row?) -> (before: Row?, after: Row?)? {
      let rows = (read(before), read(after))
      guard (rows.0 == nil) == before.isNull, (rows.1 == nil) == after.isNull else { return nil }
      return rows
    }
    switch value["table"]?.string {
    case "hosts": return sides(host).map { .host(before: $0.before, after: $0.after) }
    case "orgs":
      guard let sides = sides(org), let before = sides.before, let after = sides.after else {
        return nil
      }
      return .org(before: before, after: after)
    case "nodes": return sides(node).map { .node(before: $0.before, after: $0.after) }
    case "worker_pools": return sides(pool).map { .pool(before: $0.before, after: $0.after) }
    case "containers":
      return sides(container).map { .container(before: $0.before, after: $0.after) }
    default: return nil
    }
  }

  private static func resources(_ value: JSONValue, _ prefix: String = "") -> Resources? {
    guard let cpu = value[prefix + "cpu_millicores"]?.integer,
      let memory = value[prefix + "memory_bytes"]?.integer,
      let disk = value[prefix + "disk_bytes"]?.integer
    else { return nil }
    return Resources(cpuMillicores: cpu, memoryBytes: memory, diskBytes: disk)
  }

  private static func name(_ value: JSONValue, _ key: String) -> Name? {
    value[key]?.string.map { Name($0) }
  }

  private static func host(_ value: JSONValue) -> LiveHost? {
    guard let id = name(value, "id"), let capacity = resources(value),
      let nodes = value["node_count"]?.integer, let taken = resources(value, "node_"),
      let retired = value["retired"]?.bool
    else { return nil }
    var host = LiveHost(
      id: id, capacity: capacity, counters: Counters(nodes: nodes, resources: taken),
      retired: retired)
    host.org = name(value, "org_id")
    return host
  }

  private static func org(_ value: JSONValue) -> LiveOrg? {
    name(value, "id").map {
      LiveOrg(id: $0, hosts: value["host_count"]?.integer, nodes: value["node_count"]?.integer)
    }
  }

  private static func node(_ value: JSONValue) -> LiveNode? {
    guard let id = name(value, "id"), let resources = resources(value) else { return nil }
    var node = LiveNode(
      id: id, host: name(value, "host_id"), image: name(value, "image"),
      config: name(value, "config_id"), resources: resources)
    node.org = name(value, "org_id")
    node.created = value["created_at"]?.string.flatMap { Timestamp(rfc3339: $0) }
    node.updated = value["updated_at"]?.string.flatMap { Timestamp(rfc3339: $0) }
    return node
  }

  private static func pool(_ value: JSONValue) -> LivePool? {
    guard let name = name(value, "name"), let workers = value["worker_count"]?.integer,
      let lastIssued = value["last_issued"]?.integer
    else { return nil }
    return LivePool(name: name, workers: workers, lastIssued: lastIssued)
  }

  private static func container(_ value: JSONValue) -> LiveContainer? {
    guard let id = name(value, "id"), let label = name(value, "name"),
      let status = name(value, "status"), let template = name(value, "template")
    else { return nil }
    return LiveContainer(
      id: id, name: label, status: status, template: template,
      cpuLimit: value["cpu_limit"]?.integer, memoryLimit: value["memory_limit"]?.integer,
      diskLimit: value["disk_limit"]?.integer)
  }
}

extension JSONWriter {
  mutating func member(_ key: String, _ value: Name?) {
    self.key(key)
    name(value)
  }

  mutating func member(_ key: String, _ value: Int64?) {
    self.key(key)
    if let value { integer(value) } else { null() }
  }

  mutating func members(_ keys: [String], _ values: [Int64]) {
    for (key, value) in zip(keys, values) { member(key, value) }
  }
}

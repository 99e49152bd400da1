internal import LedgerCore
internal import LedgerPorts

/// The names of a host's counters, as the reference schema has them.
let counterFieldNames = [
  "node_count", "node_cpu_millicores", "node_memory_bytes", "node_disk_bytes",
]

/// Those of `names` where two lists of numbers differ.
func differences(
  _ names: [String], projected: [Int64], live: [Int64]
) -> [FieldDifference] {
  var found: [FieldDifference] = []
  for (index, name) in names.enumerated() where projected[index] != live[index] {
    found.append(FieldDifference(name, projected[index], live[index]))
  }
  return found
}

extension LiveNode {
  /// Where the row differs from what the ledger says, its place apart.
  ///
  /// An image or config that the ledger does not know, or that the store has no column for, is not compared.
  func differences(from projected: LiveNode, _ parts: Set<String>) -> [FieldDifference] {
    var found: [FieldDifference] = []
    if resources != projected.resources {
      found = LedgerForensics.differences(
        Resources.fieldNames, projected: projected.resources.values, live: resources.values)
    }
    if let expected = projected.image, expected != image, parts.contains("nodes.image") {
      found.append(FieldDifference("image", expected, image))
    }
    if let expected = projected.config, expected != config, parts.contains("nodes.config_id") {
      found.append(FieldDifference("config_id", expected, config))
    }
    return found
  }
}

extension LiveHost {
  func counterDifferences(from projected: Counters) -> [FieldDifference] {
    guard counters != projected else { return [] }
    return differences(counterFieldNames, projected: projected.values, live: counters.values)
  }
}

extension LivePool {
  func differences(from projected: LivePool) -> [FieldDifference] {
    LedgerForensics.differences(
      ["worker_count", "last_issued"], projected: [projected.workers, projected.lastIssued],
      live: [workers, lastIssued])
  }
}

extension LiveContainer {
  static let limitNames = ["cpu_limit", "memory_limit", "disk_limit"]

  var limits: [Int64?] { [cpuLimit, memoryLimit, diskLimit] }

  /// Where the row differs from what the ledger says; a template or limit that it does not know is not compared.
  func differences(from projected: LiveContainer) -> [FieldDifference] {
    var found: [FieldDifference] = []
    if status != projected.status {
      found.append(FieldDifference("status", projected.status, status))
    }
    if projected.template.utf8Count > 0, template != projected.template {
      found.append(FieldDifference("template", projected.template, template))
    }
    for (index, name) in LiveContainer.limitNames.enumerated() {
      guard let expected = projected.limits[index], expected != limits[index] else { continue }
      found.append(FieldDifference(name, expected, limits[index]))
    }
    return found
  }
}

extension [FieldDifference] {
  /// The differences for people.
  var text: String { map(\.text).joined(separator: ", ") }
}

internal import LedgerCore
internal import LedgerPorts

/// Walks the nodes that a ledger demands and those of a live store side by side, both sorted by id.
///
/// Rows are compared by the codes of their values, so that only rows which differ are ever looked at.
struct NodeJoin {
  private let projected: LiveNodes
  private let live: LiveNodes

  init(_ projected: LiveNodes, _ live: LiveNodes) {
    self.projected = projected
    self.live = live
  }

  /// The rows that differ in what is compared, and those that only one side has, in order of id.
  ///
  /// - Complexity: linear in both.
  func unequalRows(_ parts: Set<String>) -> [(projected: LiveNode?, live: LiveNode?)] {
    let comparer = RowComparer(projected, live, parts)
    var found: [(projected: LiveNode?, live: LiveNode?)] = []
    var (left, right) = (0, 0)
    while left < projected.count, right < live.count {
      if projected.ids.equals(left, live.ids, right) {
        if !comparer.areEqual(left, right) { found.append((projected[left], live[right])) }
        left += 1
        right += 1
      } else if projected.ids[left] < live.ids[right] {
        found.append((projected[left], nil))
        left += 1
      } else {
        found.append((nil, live[right]))
        right += 1
      }
    }
    for row in left..<projected.count { found.append((projected[row], nil)) }
    for row in right..<live.count { found.append((nil, live[row])) }
    return found
  }
}

/// Compares two rows of one node; see `LiveNode.differences`.
private struct RowComparer {
  private let projected: LiveNodes
  private let live: LiveNodes
  private let comparesImages: Bool
  private let comparesConfigs: Bool
  /// The live codes of the projected values; no code of a row where the store has no such value.
  private let hosts: [UInt32]
  private let images: [UInt32]
  private let resources: [UInt32]

  init(_ projected: LiveNodes, _ live: LiveNodes, _ parts: Set<String>) {
    self.projected = projected
    self.live = live
    comparesImages = parts.contains("nodes.image")
    comparesConfigs = parts.contains("nodes.config_id")
    hosts = live.hosts.codes(of: projected.hosts.values)
    images = live.images.codes(of: projected.images.values)
    resources = live.resources.codes(of: projected.resources.values)
  }

  func areEqual(_ left: Int, _ right: Int) -> Bool {
    hosts[Int(projected.hosts.codes[left])] == live.hosts.codes[right]
      && resources[Int(projected.resources.codes[left])] == live.resources.codes[right]
      && (!comparesImages || haveEqualImages(left, right))
      && (!comparesConfigs || haveEqualConfigs(left, right))
  }

  /// An image that the ledger does not know is not compared.
  private func haveEqualImages(_ left: Int, _ right: Int) -> Bool {
    let code = Int(projected.images.codes[left])
    return images[code] == live.images.codes[right] || projected.images.values[code] == nil
  }

  /// Neither is such a config.
  private func haveEqualConfigs(_ left: Int, _ right: Int) -> Bool {
    guard projected.configs.has(left) else { return true }
    return live.configs.has(right)
      && projected.configs.names.equals(left, live.configs.names, right)
  }
}

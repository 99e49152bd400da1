internal import LedgerCore
internal import LedgerPorts

extension LiveChange {
  /// The change for people.
  var cells: [Cell] {
    func numbers(_ values: [Int64]) -> String { values.map(String.init).joined(separator: "/") }
    func verb<Value>(_ before: Value?, _ after: Value?) -> Cell {
      .text(before == nil ? "insert" : after == nil ? "delete" : "update")
    }
    switch self {
    case .host(let before, let after):
      func text(_ host: LiveHost?) -> Cell {
        guard let host else { return .none }
        return .text(
          numbers(host.counters.values) + " of " + numbers(host.capacity.values)
            + (host.retired ? " retired" : ""))
      }
      return [
        verb(before, after), .text("host"), Cell((before ?? after)?.id), text(before), text(after),
      ]
    case .org(let before, let after):
      func text(_ org: LiveOrg) -> Cell {
        let told = [(org.hosts, "host"), (org.nodes, "node")].compactMap { count, noun in
          count.map { counted($0, noun) }
        }
        return .text(told.joined(separator: ", "))
      }
      return [verb(before, after), .text("org"), Cell(before.id), text(before), text(after)]
    case .node(let before, let after):
      func text(_ node: LiveNode?) -> Cell {
        guard let node else { return .none }
        let attributes = [node.image, node.config].compactMap { $0?.description }
        return .text(
          ([numbers(node.resources.values) + " on " + (node.host?.description ?? "no host")]
            + attributes).joined(separator: " "))
      }
      return [
        verb(before, after), .text("node"), Cell((before ?? after)?.id), text(before), text(after),
      ]
    case .pool(let before, let after):
      func text(_ pool: LivePool?) -> Cell {
        pool.map { .text("\($0.workers), last issued \($0.lastIssued)") } ?? .none
      }
      return [
        verb(before, after), .text("pool"), Cell((before ?? after)?.name), text(before),
        text(after),
      ]
    case .container(let before, let after):
      func text(_ container: LiveContainer?) -> Cell { Cell(container?.status) }
      return [
        verb(before, after), .text("container"), Cell((before ?? after)?.id), text(before),
        text(after),
      ]
    }
  }
}

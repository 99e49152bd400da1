internal import LedgerCore
internal import LedgerForensics

/// Creations that have exactly the effect which a drifted host has too much of, on hosts that agree and were empty since.
///
/// Counted on the wrong host, such an entry leaves nothing to be seen on the right one, where counters are kept at zero.
/// Memory is bounded by the effects that are wanted and by the hosts.
struct StrayEntries {
  private struct Stray {
    var host: UInt32
    var event: HostEvent
  }

  /// Entries that are kept of an effect: the last ones.
  private static let keptMax = 64

  private let wanted: Set<Effect>
  private var found: [Effect: [Stray]] = [:]
  /// By slot: the last entry behind which the host was empty.
  private var emptied: [Int64] = []

  /// The strays that can explain one of `drifts`: one node too many, and nothing else.
  init(_ drifts: [Effect]) {
    wanted = Set(drifts.filter { $0[0] == 1 && $0[1] >= 0 && $0[2] >= 0 && $0[3] >= 0 })
  }

  var isEmpty: Bool { wanted.isEmpty }

  /// Notes a change of a host that agrees, and says whether it is one that is wanted.
  mutating func note(
    _ host: UInt32, from before: Counters, to after: Counters, _ sequence: Int64
  ) -> Bool {
    if after == .zero {
      while emptied.count <= Int(host) { emptied.append(0) }
      emptied[Int(host)] = sequence
    }
    return after.nodes &- before.nodes == 1 && wanted.contains(Effect(after) &- Effect(before))
  }

  /// Keeps the creation of a node on `host`, which is wanted.
  mutating func keep(_ event: HostEvent, of host: UInt32) {
    let effect = event.effect
    var alike = found.removeValue(forKey: effect) ?? []
    alike.append(Stray(host: host, event: event))
    if alike.count >= 2 * StrayEntries.keptMax {
      // Those that are known to fit stay.
      alike = Array(
        (alike.filter { !isHidden($0) } + alike.filter(isHidden)).suffix(StrayEntries.keptMax))
    }
    found[effect] = alike
  }

  private func isHidden(_ stray: Stray) -> Bool {
    Int(stray.host) < emptied.count && emptied[Int(stray.host)] >= stray.event.sequence
  }

  /// The strays with this effect, in the order of sequence.
  func events(_ effect: Effect) -> [HostEvent] {
    (found[effect] ?? []).filter(isHidden).map(\.event).sorted { $0.sequence < $1.sequence }
      .suffix(StrayEntries.keptMax)
  }
}

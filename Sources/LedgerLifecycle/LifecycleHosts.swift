internal import LedgerCore
internal import LedgerPorts

/// What commands do to hosts: their rows, and the counters of those whose nodes change.
extension LifecycleRun {
  mutating func registerHost() throws(LifecycleRefusal) {
    let known = view.hosts.first { $0.row.id == command.id }
    if let known, !known.row.retired {
      throw LifecycleRefusal(.hostExists, "host '\(command.id)' exists already")
    }
    let capacity = try capacity(over: nil)
    let counters = known?.row.counters ?? .zero
    let after = LiveHost(id: command.id, capacity: capacity, counters: counters, retired: false)
    result.write.hosts = [CommandWrite.Host(before: known?.row, after: after)]
    result.new = capacity
    result.fact.setResources(capacity)
  }

  mutating func resizeHost() throws(LifecycleRefusal) {
    let host = try openHost(command.id)
    let capacity = try capacity(over: host.row.capacity)
    try change(host, gaining: .zero, losing: .zero, capacity: capacity)
    result.old = host.row.capacity
    result.new = capacity
    result.fact.setResources(capacity)
  }

  mutating func retireHost() throws(LifecycleRefusal) {
    let host = try openHost(command.id)
    guard host.sum?.nodes == 0 else {
      throw LifecycleRefusal(
        .hostHasNodes,
        "host '\(command.id)' still holds \(host.sum?.nodes ?? 0) nodes; move or delete them first")
    }
    try change(host, gaining: .zero, losing: .zero)
    result.write.hosts[0].after.retired = true
    result.old = host.row.capacity
  }

  private func capacity(over old: Resources?) throws(LifecycleRefusal) -> Resources {
    let capacity = old.map { command.numbers.over($0) } ?? command.numbers
    guard capacity.isWhole else {
      throw LifecycleRefusal(
        .missingRequirement, "a host needs --cpu, --memory and --disk: what it offers")
    }
    try checkCores(capacity, "host '\(command.id)'")
    return capacity
  }

  func knownHost(_ id: Name) throws(LifecycleRefusal) -> CommandView.Host {
    guard let host = view.hosts.first(where: { $0.row.id == id }) else {
      throw LifecycleRefusal(.unknownHost, "the store has no host '\(id)'")
    }
    return host
  }

  func openHost(_ id: Name) throws(LifecycleRefusal) -> CommandView.Host {
    let host = try knownHost(id)
    guard !host.row.retired else {
      throw LifecycleRefusal(.retiredHost, "host '\(id)' is retired")
    }
    return host
  }

  /// Writes a host's counters: what they were, with `gained` in and `lost` out, also where both are the same.
  mutating func change(
    _ host: CommandView.Host, gaining gained: Counters, losing lost: Counters,
    capacity: Resources? = nil
  ) throws(LifecycleRefusal) {
    let base = try base(of: host)
    let counters = try LifecycleArithmetic.changed(
      base, gaining: gained, losing: lost, host: host.row.id)
    var after = host.row
    after.capacity = capacity ?? host.row.capacity
    after.counters = counters
    try checkRoom(after, base: base, before: host.row.capacity)
    result.write.hosts.append(CommandWrite.Host(before: host.row, after: after))
  }

  /// The counters to begin from: those of the row, or the sum of the nodes where it is to be repaired.
  private mutating func base(of host: CommandView.Host) throws(LifecycleRefusal) -> Counters {
    let counted = host.row.counters
    guard let sum = host.sum else {
      throw LifecycleRefusal(
        .overflow,
        "the nodes of host '\(host.row.id)' take together more than 64 bits can say; correct their "
          + "rows first")
    }
    guard counted != sum else { return counted }
    let told =
      "the counters of host '\(host.row.id)' are \(LifecycleArithmetic.text(counted)) and its "
      + "nodes add up to \(LifecycleArithmetic.text(sum))"
    guard policy.onDrift != .refuse else {
      throw LifecycleRefusal(
        .hostDrift,
        told + ", before the command; look with validate, then repair, or begin from the sum with "
          + "--on-drift repair")
    }
    let isRepaired = policy.onDrift == .repair
    result.drift.append(
      LifecycleDecision.Drift(
        host: host.row.id, counted: counted, sum: sum, isRepaired: isRepaired))
    return isRepaired ? sum : counted
  }

  private func checkRoom(
    _ after: LiveHost, base: Counters, before: Resources
  ) throws(LifecycleRefusal) {
    if policy.allowsOverCapacity { return }
    for (index, name) in Resources.fieldNames.enumerated() {
      let used = after.counters.resources.values[index]
      let offered = after.capacity.values[index]
      // A host that is too full already may still get emptier.
      let isTighter = used > base.resources.values[index] || offered < before.values[index]
      guard used > offered, isTighter else { continue }
      throw LifecycleRefusal(
        .noCapacity,
        "host '\(after.id)' offers \(name) \(offered), and its nodes would take \(used); choose "
          + "another host, or insist with --over-capacity")
    }
  }
}

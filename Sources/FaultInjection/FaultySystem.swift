internal import LedgerCore
package import LedgerPorts

/// A small live system: node rows, and counters of hosts that it keeps as it goes, with mistakes on order.
///
/// It is written as such systems are, from its own rows: a deletion releases what the row says, an upgrade adds the
/// difference to the row. It shares nothing with the program that explains its mistakes.
package struct FaultySystem {
  private struct Row {
    var host: Int32
    var size: Resources
    var older: Resources?
    var image: Name?
    var config: Name?
    var created: Timestamp
    var updated: Timestamp
  }

  private let story: FleetStory
  private var faults: [Int: InjectedFault]
  private let clamps: Bool
  /// Whether it is another system but for `otherRows` and counters.
  private var isLinear = false
  private var rows: [Row?]
  /// What differs from `rows`, by the node's number: most systems make mistakes about one of many nodes.
  private var otherRows: [Int: Row?] = [:]
  private var counters: [[Int64]]
  /// Whether some counter was kept at zero.
  package private(set) var didClamp = false

  package init(_ story: FleetStory, _ faults: [InjectedFault]) {
    self.story = story
    self.faults = Dictionary(faults.map { ($0.step, $0) }) { first, _ in first }
    clamps = faults.contains { $0.kind == .clamped }
    rows = Array(repeating: nil, count: story.nodeNames.count)
    counters = Array(repeating: [0, 0, 0, 0], count: story.hostNames.count)
    run()
  }

  /// A system that hears the story of `clean`, which made no mistake, with `faults`.
  ///
  /// A mistake about a node changes nothing of others, so only what is about its nodes is heard again, where no counter is kept
  /// at zero, put back or adopted.
  package init(_ clean: FaultySystem, _ faults: [InjectedFault]) {
    let nodes = Set(faults.map { clean.story.steps[$0.step].node })
    let isLinear = faults.allSatisfy { fault in
      fault.kind != .clamped && fault.kind != .restoredFleet && fault.kind != .restoredHost
    }
    guard isLinear, !clean.story.adoptsCounters, !nodes.contains(where: { $0 < 0 }) else {
      self.init(clean.story, faults)
      return
    }
    self = clean
    self.isLinear = true
    self.faults = Dictionary(faults.map { ($0.step, $0) }) { first, _ in first }
    for node in nodes {
      let before = clean.share(of: Int(node))
      let after = share(of: Int(node))
      otherRows[Int(node)] = .some(after.row)
      for host in counters.indices where before.counters[host] != after.counters[host] {
        for index in 0..<4 {
          counters[host][index] += after.counters[host][index] - before.counters[host][index]
        }
      }
    }
  }

  /// A node's row, and what the system counts of it on every host.
  private func share(of node: Int) -> (row: Row?, counters: [[Int64]]) {
    var alone = self
    alone.counters = Array(repeating: [0, 0, 0, 0], count: story.hostNames.count)
    var row: Row?
    for step in story.nodeSteps[node] {
      row = alone.heard(row, story.steps[step], faults[step])
    }
    return (row, alone.counters)
  }

  private mutating func run() {
    let steps = story.steps
    let restore = faults.values.first { $0.kind == .restoredFleet || $0.kind == .restoredHost }
    var earlier: (rows: [Row?], counters: [[Int64]])?
    for index in steps.indices {
      apply(steps[index], faults[index])
      guard let restore, restore.step == index else { continue }
      if restore.kind == .restoredFleet { return }
      earlier = (rows, counters)
    }
    if let restore, let earlier { putBack(steps[restore.step], earlier.rows, earlier.counters) }
  }

  /// Puts one host and the nodes on it back.
  private mutating func putBack(
    _ step: FleetStory.Step, _ oldRows: [Row?], _ oldCounters: [[Int64]]
  ) {
    let host = step.node >= 0 ? oldRows[Int(step.node)]?.host ?? step.host : step.host
    guard host >= 0 else { return }
    for node in rows.indices where oldRows[node]?.host == host || rows[node]?.host == host {
      // A node that lives elsewhere now stays there.
      if let now = rows[node], now.host != host { continue }
      rows[node] = oldRows[node]?.host == host ? oldRows[node] : nil
    }
    counters[Int(host)] = oldCounters[Int(host)]
  }

  // MARK: - Steps

  private mutating func apply(_ step: FleetStory.Step, _ fault: InjectedFault?) {
    if step.node < 0 {
      if fault?.kind == .skipped { return }
      if let adopted = step.counters, step.host >= 0 {
        counters[Int(step.host)] = [adopted.nodes] + adopted.resources.values
      }
      return
    }
    let node = Int(step.node)
    rows[node] = heard(rows[node], step, fault)
  }

  /// A node's row behind a step, which is counted on its hosts.
  private mutating func heard(
    _ old: Row?, _ step: FleetStory.Step, _ fault: InjectedFault?
  ) -> Row? {
    if fault?.kind == .skipped { return old }
    var new = changed(old, step)
    if old == nil, new == nil { return nil }
    var counted = new
    if let fault { disturb(&new, &counted, old, fault) }
    count(old, counted, fault)
    var kept = fault?.kind == .countersAlone ? old : new
    if fault?.kind == .strangeRow {
      kept?.size.memoryBytes += Int64(fault?.choice ?? 0) * 7_919 + 1
    }
    return kept
  }

  /// The row behind a step.
  private func changed(_ old: Row?, _ step: FleetStory.Step) -> Row? {
    if step.type == .nodeDeleted || step.ends { return nil }
    let isNew = step.type == .nodeCreated || step.type == .stateAdopted && old == nil
    if isNew {
      return Row(
        host: step.host, size: step.size.over(.zero), image: step.image, config: step.config,
        created: step.occurred, updated: step.occurred)
    }
    guard var row = old else { return nil }
    row.size = step.size.over(row.size)
    if row.size != old?.size { row.older = old?.size }
    if step.type == .nodeMoved || step.type == .stateAdopted { row.host = step.host }
    row.image = step.image ?? row.image
    row.config = step.config ?? row.config
    row.updated = step.occurred
    return row
  }

  /// Makes the row, or what is counted of it, what a mistake makes of it.
  private func disturb(
    _ new: inout Row?, _ counted: inout Row?, _ old: Row?, _ fault: InjectedFault
  ) {
    switch fault.kind {
    case .otherHost, .otherCounters:
      guard let place = new?.host, place >= 0, story.hostNames.count > 1 else { return }
      let shift = 1 + fault.choice % (story.hostNames.count - 1)
      let other = Int32((Int(place) + shift) % story.hostNames.count)
      counted?.host = other
      if fault.kind == .otherHost { new?.host = other }
    case .truncated:
      guard let size = new?.size else { return }
      let short = FaultySystem.truncated(size, fault.choice)
      counted?.size = short
      if fault.choice % 2 == 0 { new?.size = short }
    default: return
    }
  }

  private static func truncated(_ size: Resources, _ choice: Int) -> Resources {
    var size = size
    let unit: Int64 = [1 << 30, 1_000_000_000, 1 << 20, 1_000_000][choice / 2 % 4]
    if choice / 8 % 3 != 1 { size.memoryBytes -= size.memoryBytes % unit }
    if choice / 8 % 3 != 2 { size.diskBytes -= size.diskBytes % unit }
    if choice / 24 % 2 == 0 { size.cpuMillicores -= size.cpuMillicores % 1_000 }
    return size
  }

  // MARK: - Counters

  private mutating func count(_ old: Row?, _ new: Row?, _ fault: InjectedFault?) {
    if fault?.kind == .rowAlone { return }
    let times = fault?.kind == .duplicated || fault?.kind == .clamped ? 2 : 1
    for _ in 0..<times {
      if let old, old.host >= 0 {
        let size = fault?.kind == .oldSize ? old.older ?? old.size : old.size
        // A counter that went below zero would be seen at once, so a row that is replaced is one subtraction.
        add([-1] + size.values.map { -$0 }, to: old.host, old, new, fault)
      }
      if let new, new.host >= 0 { add([1] + new.size.values, to: new.host, old, new, fault) }
    }
    clampAll(old, new)
  }

  private mutating func add(
    _ change: [Int64], to host: Int32, _ old: Row?, _ new: Row?, _ fault: InjectedFault?
  ) {
    var change = change
    if fault?.kind == .swappedColumns { change.swapAt(2, 3) }
    for index in 0..<4 {
      // One to fourteen: at least one of the four is missed, and never all.
      let missed = (fault?.choice ?? 0) % 14 + 1
      if fault?.kind == .someCounters, missed & (1 << index) != 0 { continue }
      counters[Int(host)][index] += change[index]
    }
    if fault?.kind == .strangeCounter {
      counters[Int(host)][(fault?.choice ?? 0) % 4] += Int64(fault?.choice ?? 0) % 100_003 + 17
    }
  }

  private mutating func clampAll(_ old: Row?, _ new: Row?) {
    guard clamps else { return }
    for host in [old?.host, new?.host].compactMap(\.self) where host >= 0 {
      for index in 0..<4 where counters[Int(host)][index] < 0 {
        counters[Int(host)][index] = 0
        didClamp = true
      }
    }
  }

  // MARK: - What it holds

  /// What the system holds now; whatever it does not follow is as in `base`.
  package func contents(_ base: Observation) -> Observation {
    var contents = base
    for index in contents.hosts.indices {
      guard let counters = counters(of: contents.hosts[index].id) else { continue }
      contents.hosts[index].counters = counters
    }
    contents.nodes = LiveNodes(rows.indices.compactMap(node))
    contents.nodes.sortByID()
    return contents
  }

  /// What makes a store that holds what `clean` holds this system's; `base` has the rows of the hosts.
  package func changes(from clean: FaultySystem, _ base: Observation) -> [LiveChange] {
    var changes: [LiveChange] = []
    for host in base.hosts {
      guard let right = clean.counters(of: host.id), let wrong = counters(of: host.id),
        right != wrong
      else { continue }
      var (before, after) = (host, host)
      before.counters = right
      after.counters = wrong
      changes.append(.host(before: before, after: after))
    }
    for number in isLinear ? Array(otherRows.keys.sorted()) : Array(rows.indices) {
      let (before, after) = (clean.node(number), node(number))
      if before.map(FaultySystem.untimed) != after.map(FaultySystem.untimed) {
        changes.append(.node(before: before, after: after))
      }
    }
    return changes
  }

  /// The row without its times, which nobody compares.
  private static func untimed(_ node: LiveNode) -> LiveNode {
    LiveNode(
      id: node.id, host: node.host, image: node.image, config: node.config,
      resources: node.resources)
  }

  private func counters(of host: Name) -> Counters? {
    guard let number = story.hostNumbers[host] else { return nil }
    let values = counters[Int(number)]
    return Counters(
      nodes: values[0],
      resources: Resources(cpuMillicores: values[1], memoryBytes: values[2], diskBytes: values[3]))
  }

  private func node(_ number: Int) -> LiveNode? {
    (otherRows[number] ?? rows[number]).map { live(story.nodeNames[number], $0) }
  }

  private func live(_ id: Name, _ row: Row) -> LiveNode {
    var node = LiveNode(
      id: id, host: row.host < 0 ? nil : story.hostNames[Int(row.host)], image: row.image,
      config: row.config, resources: row.size)
    node.created = row.created
    node.updated = row.updated
    return node
  }
}

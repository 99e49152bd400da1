/// A history for benchmarks: the same proportions at every size, valid in order, sorted by time.
package struct WorkloadHistory: Sendable {
  private let options: WorkloadOptions

  /// 2026-01-01T00:00:00Z.
  private static let start: Int64 = 1_767_225_600_000_000

  /// The history of these options; less than a thousand events stop the program.
  package init(_ options: WorkloadOptions) {
    precondition(
      options.eventCount >= WorkloadOptions.eventCountMin, "a workload needs a thousand events")
    self.options = options
  }

  /// Calls `body` with each fact, a line of JSON with its line feed.
  package func forEachLine<Failure: Error>(
    _ body: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    var random = RandomSource(seed: options.seed)
    let plan = WorkloadPlan(options.eventCount, &random)
    var writer = WorkloadWriter(plan: plan, seed: options.seed)
    for index in TimeOrder(plan.times).indices {
      writer.write(Int(index), at: WorkloadHistory.start + plan.times[Int(index)])
      try body(writer.line.bytes)
    }
  }
}

/// Turns events of a plan into lines.
private struct WorkloadWriter {
  let plan: WorkloadPlan
  let seed: UInt64
  var line = FactLine()
  private var workers: [Int64]
  private var lastIssued: [Int64]
  private var random: RandomSource

  private let images = Catalog.images.map { Array("\",\"image\":\"\($0)".utf8) }
  private let sizes = Catalog.workloadShapes.map { Array(sizeFields($0).utf8) }
  private let capacity = Array(
    sizeFields(Catalog.Shape(millicores: 128_000, gibibytes: 1_024, disk: 16_000)).utf8)
  private let registered = Array("\"type\":\"host_registered\",\"host\":\"host-".utf8)
  private let created = Array("\"type\":\"node_created\",\"node\":\"".utf8)
  private let upgraded = Array("\"type\":\"node_upgraded\",\"node\":\"".utf8)
  private let deleted = Array("\"type\":\"node_deleted\",\"node\":\"".utf8)
  private let scaled = Array("\"type\":\"worker_scaled\",\"pool\":\"pool-".utf8)
  private let host = Array("\",\"host\":\"host-".utf8)
  private let before = Array("\",\"workers_before\":".utf8)
  private let after = Array(",\"workers_after\":".utf8)
  private let issued = Array(",\"last_issued\":".utf8)

  init(plan: WorkloadPlan, seed: UInt64) {
    self.plan = plan
    self.seed = seed
    workers = Array(repeating: 0, count: plan.hostCount)
    lastIssued = workers
    random = RandomSource(seed: mixed(seed))
  }

  mutating func write(_ index: Int, at time: Int64) {
    var place = index
    if place < plan.hostCount { return register(place, time) }
    place -= plan.hostCount
    if place < plan.createCount { return create(place, time) }
    place -= plan.createCount
    if place < plan.upgradeCount { return upgrade(place, time) }
    place -= plan.upgradeCount
    if place < plan.nodeOfDeletion.count { return delete(place, time) }
    scale(Int(plan.hostOfScaling[place - plan.nodeOfDeletion.count]), time)
  }

  private mutating func register(_ place: Int, _ time: Int64) {
    line.begin(time, registered)
    hostNumber(place)
    line.raw(capacity)
    line.end()
  }

  private mutating func create(_ node: Int, _ time: Int64) {
    line.begin(time, created)
    line.uuid(uuid(of: node))
    line.raw(host)
    hostNumber(Int(plan.hostOfNode[node]))
    line.raw(images[Int(plan.imageOfNode[node])])
    line.raw(sizes[Int(plan.shapeOfNode[node])])
    line.end()
  }

  private mutating func upgrade(_ place: Int, _ time: Int64) {
    line.begin(time, upgraded)
    line.uuid(uuid(of: Int(plan.nodeOfUpgrade[place])))
    line.raw(images[Int(plan.imageOfUpgrade[place])])
    line.raw(sizes[Int(plan.shapeOfUpgrade[place])])
    line.end()
  }

  private mutating func delete(_ place: Int, _ time: Int64) {
    line.begin(time, deleted)
    line.uuid(uuid(of: Int(plan.nodeOfDeletion[place])))
    line.raw([0x22])
    line.end()
  }

  private mutating func scale(_ pool: Int, _ time: Int64) {
    let target = Int64(random.below(65))
    line.begin(time, scaled)
    hostNumber(pool)
    line.raw(before)
    line.number(workers[pool])
    line.raw(after)
    line.number(target)
    lastIssued[pool] += max(0, target - workers[pool])
    workers[pool] = target
    line.raw(issued)
    line.number(lastIssued[pool])
    line.end()
  }

  /// The id of a node: mixed from its number, so that none has to be kept.
  private func uuid(of node: Int) -> RandomUUID {
    let base = mixed(seed) &+ UInt64(node) &* 2
    return RandomUUID(high: mixed(base), low: mixed(base &+ 1))
  }

  private mutating func hostNumber(_ host: Int) {
    let number = Int64(host + 1)
    var bound: Int64 = 10_000
    while bound > number {
      line.number(0)
      bound /= 10
    }
    line.number(number)
  }
}

/// The three numbers of a fact after a text: the quote before them ends that text.
private func sizeFields(_ shape: Catalog.Shape) -> String {
  "\",\"cpu_millicores\":\(shape.cpuMillicores),\"memory_bytes\":\(shape.memoryBytes)"
    + ",\"disk_bytes\":\(shape.diskBytes)"
}

/// When everything of a workload happens, and to which host and node, before it is put in order.
///
/// Of E events there are E/500 hosts; 40 % create nodes, of which E/10 live at the end; 20 % upgrade,
/// the rest scales one pool for each host. Times are microseconds after the beginning.
struct WorkloadPlan {
  static let span: Int64 = 90 * 86_400_000_000

  let hostCount: Int
  let createCount: Int
  let upgradeCount: Int

  /// Hosts, then creations, upgrades, deletions and scalings, each in the order of the arrays below.
  private(set) var times: [Int64] = []
  private(set) var hostOfNode: [Int32] = []
  private(set) var shapeOfNode: [UInt8] = []
  private(set) var imageOfNode: [UInt8] = []
  private(set) var nodeOfUpgrade: [Int32] = []
  private(set) var shapeOfUpgrade: [UInt8] = []
  private(set) var imageOfUpgrade: [UInt8] = []
  private(set) var nodeOfDeletion: [Int32] = []
  private(set) var hostOfScaling: [Int32] = []

  init(_ eventCount: Int, _ random: inout RandomSource) {
    hostCount = eventCount / 500
    createCount = eventCount * 4 / 10
    upgradeCount = eventCount * 2 / 10
    let hosts = Weights.zipf(hostCount, offset: 20, &random)
    times.reserveCapacity(eventCount)
    for _ in 0..<hostCount {
      let part = WorkloadPlan.span / (random.chance(80) ? 100 : 2)
      times.append(Int64(random.below(Int(part))))
    }
    create(hosts, &random)
    let ends = endTimes(liveCount: eventCount / 10, &random)
    upgrade(ends, &random)
    for node in nodeOfDeletion { times.append(ends[Int(node)]) }
    while times.count < eventCount {
      let host = hosts.draw(&random)
      hostOfScaling.append(Int32(host))
      times.append(random.strictlyBetween(times[host], WorkloadPlan.span))
    }
  }

  private mutating func create(_ hosts: Weights, _ random: inout RandomSource) {
    let shapes = Weights(Catalog.shapeWeights)
    let images = Weights.harmonic(Catalog.images.count, offset: 2, &random)
    for _ in 0..<createCount {
      let host = hosts.draw(&random)
      hostOfNode.append(Int32(host))
      shapeOfNode.append(UInt8(shapes.draw(&random)))
      imageOfNode.append(UInt8(images.draw(&random)))
      times.append(random.strictlyBetween(times[host], WorkloadPlan.span - 10))
    }
  }

  /// When each node ends: all but `liveCount`, chosen at random, are deleted, mostly early.
  private mutating func endTimes(liveCount: Int, _ random: inout RandomSource) -> [Int64] {
    var ends = [Int64](repeating: WorkloadPlan.span, count: createCount)
    var toDelete = createCount - liveCount
    for node in 0..<createCount where random.below(createCount - node) < toDelete {
      toDelete -= 1
      nodeOfDeletion.append(Int32(node))
      ends[node] = random.strictlyBetween(
        times[hostCount + node] + 1, WorkloadPlan.span, isEarly: true)
    }
    return ends
  }

  private mutating func upgrade(_ ends: [Int64], _ random: inout RandomSource) {
    let shapes = Weights(Catalog.shapeWeights)
    for _ in 0..<upgradeCount {
      let node = random.below(createCount)
      nodeOfUpgrade.append(Int32(node))
      let keepsShape = random.chance(70)
      shapeOfUpgrade.append(keepsShape ? shapeOfNode[node] : UInt8(shapes.draw(&random)))
      let versions = Catalog.versions.count
      let family = Int(imageOfNode[node]) / versions * versions
      imageOfUpgrade.append(UInt8(family + random.below(versions)))
      times.append(random.strictlyBetween(times[hostCount + node], ends[node]))
    }
  }
}

extension RandomSource {
  /// A time after `low` and before `high`; early ones are the u^1.5 of a uniform u.
  fileprivate mutating func strictlyBetween(
    _ low: Int64, _ high: Int64, isEarly: Bool = false
  ) -> Int64 {
    let room = UInt64(high - low - 1)
    var fraction = next()
    if isEarly {
      // Root and product of IEEE 754 are rounded exactly, so every machine gives the same number.
      let part = Double(fraction &>> 11) * 0x1p-53
      fraction = UInt64(part * part.squareRoot() * 0x1p53) &<< 11
    }
    return low + 1 + Int64(fraction.multipliedFullWidth(by: room).high)
  }
}

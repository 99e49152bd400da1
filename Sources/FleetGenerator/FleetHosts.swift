extension Fleet {
  mutating func registerHost(_ index: Int) {
    begin("host_registered", at: now)
    line.field("host", hostName(index))
    addShape(hosts[index].capacity, fields: 0b111)
    hosts[index].isRegistered = true
    hosts[index].registered = now
    hosts[index].touched = now
  }

  /// Gives a host another size that its nodes still fit in.
  mutating func resizeHost() -> Bool {
    let index = random.below(hosts.count)
    let capacity = random.pick(Catalog.hostShapes)
    guard hosts[index].isOpen, hosts[index].used.fits(in: capacity) else { return false }
    begin("host_resized", at: now)
    line.field("host", hostName(index))
    addShape(capacity, fields: 0b111)
    hosts[index].capacity = capacity
    hosts[index].touched = now
    return true
  }

  /// Retires an empty host, as long as at least half of the hosts stay.
  mutating func retireHost() -> Bool {
    let retired = hosts.count(where: \.isRetired)
    guard (retired + 1) * 2 <= hosts.count,
      let index = hosts.firstIndex(where: { $0.isOpen && $0.nodeCount == 0 })
    else { return false }
    begin("host_retired", at: max(now, hosts[index].touched))
    line.field("host", hostName(index))
    hosts[index].isRetired = true
    return true
  }

  /// Adds workers to a pool or takes some out.
  mutating func scaleWorkers() {
    let index = random.below(pools.count)
    var pool = pools[index]
    let before = pool.workers.count
    var added: [String] = []
    var removed: [String] = []
    if pool.workers.isEmpty || (pool.workers.count < 40 && random.chance(60)) {
      for _ in 0...random.below(4) {
        pool.lastIssued += 1
        pool.workers.append(pool.lastIssued)
        added.append("worker-\(pool.lastIssued)")
      }
    } else {
      for _ in 0...random.below(min(4, pool.workers.count)) {
        let worker = pool.workers.remove(at: random.below(pool.workers.count))
        removed.append("worker-\(worker)")
      }
    }
    pool.touched = begin("worker_scaled", notBefore: max(pool.touched, options.startMicroseconds))
    line.field("pool", "pool-" + padded(index + 1, to: 3))
    line.field("workers_before", Int64(before))
    line.field("workers_after", Int64(pool.workers.count))
    line.field("last_issued", pool.lastIssued)
    line.field("added", added)
    line.field("removed", removed)
    if random.chance(30) { line.field("reason", added.isEmpty ? "idle" : "queue is long") }
    _ = addKey(percent: 5)
    pools[index] = pool
  }

  /// Creates, changes or deletes a container.
  mutating func changeContainers() -> Bool {
    let roll = random.below(10)
    if containers.isEmpty || roll < 4 {
      containersIssued += 1
      begin("container_created", at: now)
      addContainer(containersIssued)
      line.field("status", "stopped")
      line.field("template", random.pick(["alpine", "busybox", "debian"]))
      addLimits()
      containers.append(FleetContainer(number: containersIssued, touched: now))
      return true
    }
    let index = random.below(containers.count)
    let earliest = containers[index].touched
    if roll < 7 {
      containers[index].touched = begin("container_changed", notBefore: earliest)
      addContainer(containers[index].number)
      line.field("status", random.pick(["running", "stopped", "frozen", "error"]))
      if random.chance(20) { addLimits() }
    } else {
      _ = begin("container_deleted", notBefore: earliest)
      addContainer(containers[index].number)
      containers.remove(at: index)
    }
    return true
  }

  private mutating func addContainer(_ number: Int) {
    line.field("container", "ct-" + padded(number, to: 4))
  }

  private mutating func addLimits() {
    let cores = Int64(1 + random.below(8))
    line.raw(",\"limits\":{\"cpu_limit\":\(cores),\"memory_limit\":\(cores * Catalog.gibibyte)")
    line.raw(",\"disk_limit\":\(cores * 10 * Catalog.gibibyte)}")
  }
}

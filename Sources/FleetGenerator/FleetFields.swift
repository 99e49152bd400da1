extension Fleet {
  func hostName(_ index: Int) -> String { "host-" + padded(index + 1, to: 5) }

  mutating func addNode(_ id: RandomUUID) {
    line.raw(",\"node\":\"")
    line.uuid(id)
    line.raw("\"")
  }

  /// Appends those of the three numbers whose bit is set in `fields`.
  mutating func addShape(_ shape: Catalog.Shape, fields: Int) {
    if fields & 1 != 0 { addCPU(shape.cpuMillicores) }
    if fields & 2 != 0 { line.field("memory_bytes", shape.memoryBytes) }
    if fields & 4 != 0 { line.field("disk_bytes", shape.diskBytes) }
  }

  /// Appends the CPU in millicores, or now and then in cores: 1500 is 1.5.
  private mutating func addCPU(_ millicores: Int64) {
    guard random.chance(15) else { return line.field("cpu_millicores", millicores) }
    var fraction = padded(Int(millicores % 1_000), to: 3)
    while fraction.hasSuffix("0") { fraction.removeLast() }
    line.raw(",\"cpu_cores\":\(millicores / 1_000)" + (fraction.isEmpty ? "" : "." + fraction))
  }

  mutating func addImage(_ protocolIndex: Int) {
    let versions = Catalog.versions.count
    line.field("image", Catalog.images[protocolIndex * versions + random.below(versions)])
  }

  mutating func addProtocol(_ index: Int) {
    line.field("protocol", Catalog.protocols[index])
    line.field("protocol_version", "v\(1 + random.below(3))")
    line.field("semantic_version", random.pick(Catalog.versions))
  }

  func padded(_ number: Int, to width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}

/// The sizes and images that generated fleets are made of.
enum Catalog {
  static let gibibyte: Int64 = 1 << 30

  /// A size of nodes.
  struct Shape: Hashable {
    var cpuMillicores: Int64
    var memoryBytes: Int64
    var diskBytes: Int64

    static let zero = Shape(cpuMillicores: 0, memoryBytes: 0, diskBytes: 0)

    init(cpuMillicores: Int64, memoryBytes: Int64, diskBytes: Int64) {
      self.cpuMillicores = cpuMillicores
      self.memoryBytes = memoryBytes
      self.diskBytes = diskBytes
    }

    init(millicores: Int64, gibibytes memory: Int64, disk: Int64) {
      self.init(
        cpuMillicores: millicores, memoryBytes: memory * gibibyte, diskBytes: disk * gibibyte)
    }

    static func + (left: Shape, right: Shape) -> Shape {
      Shape(
        cpuMillicores: left.cpuMillicores + right.cpuMillicores,
        memoryBytes: left.memoryBytes + right.memoryBytes,
        diskBytes: left.diskBytes + right.diskBytes)
    }

    static func - (left: Shape, right: Shape) -> Shape {
      Shape(
        cpuMillicores: left.cpuMillicores - right.cpuMillicores,
        memoryBytes: left.memoryBytes - right.memoryBytes,
        diskBytes: left.diskBytes - right.diskBytes)
    }

    /// Whether it fits into `other` in every dimension.
    func fits(in other: Shape) -> Bool {
      cpuMillicores <= other.cpuMillicores && memoryBytes <= other.memoryBytes
        && diskBytes <= other.diskBytes
    }
  }

  /// The twelve sizes of the workload, with their weights in hundredths.
  static let workloadShapes = [
    (1, 1, 10), (1, 2, 20), (2, 4, 40), (2, 8, 80), (4, 8, 100), (4, 16, 200), (8, 16, 250),
    (8, 32, 500), (16, 64, 1_000), (32, 128, 2_000), (48, 192, 3_000), (64, 256, 4_000),
  ].map { Shape(millicores: $0 * 1_000, gibibytes: $1, disk: $2) }

  static let shapeWeights: [UInt64] = [8, 14, 20, 16, 12, 10, 7, 5, 4, 2, 1, 1]

  /// The sizes of fleets: some take parts of a core.
  static let fleetShapes = [
    (250, 1, 5), (500, 1, 10), (1_000, 2, 20), (1_500, 3, 40), (2_000, 4, 40), (2_000, 8, 80),
    (4_000, 8, 100), (4_000, 16, 200), (6_500, 24, 250), (8_000, 32, 500), (16_000, 64, 1_000),
    (32_000, 128, 2_000),
  ].map { Shape(millicores: $0, gibibytes: $1, disk: $2) }

  static let hostShapes = [
    Shape(millicores: 32_000, gibibytes: 128, disk: 4_000),
    Shape(millicores: 64_000, gibibytes: 256, disk: 8_000),
    Shape(millicores: 128_000, gibibytes: 1_024, disk: 16_000),
  ]

  static let protocols = [
    "geth", "lighthouse", "nimbus", "besu", "reth", "erigon", "solana", "cosmos", "polkadot",
    "avalanche", "near", "aptos",
  ]
  static let versions = ["1.0.4", "1.1.0", "1.2.3", "1.3.1", "2.0.0"]

  /// The images, five versions of each protocol in order.
  static let images = protocols.flatMap { name in
    versions.map { "ghcr.io/acme/\(name):\($0)" }
  }

  /// Endings of names, some of which have to be escaped or are longer than their letters.
  static let nameEndings = [
    "main", "replica", "archive", "canary", "blå", "東京", "\"quoted\"", "back\\slash", "tab\there",
  ]
}

package import LedgerCore

/// The rows of configs: every node of a large fleet has one of its own.
package struct LiveConfigs: RowTable {
  package private(set) var ids = NameColumn()
  package private(set) var images = CodedNames()
  package private(set) var resources = CodedResources()

  package init() {}

  package subscript(_ row: Int) -> LiveConfig {
    get { LiveConfig(id: ids[row], image: images[row], resources: resources[row]) }
    set {
      ids[row] = newValue.id
      images[row] = newValue.image
      resources[row] = newValue.resources
    }
  }

  package mutating func reserveCapacity(_ rows: Int) {
    ids.reserveCapacity(rows)
    images.reserveCapacity(rows)
    resources.reserveCapacity(rows)
  }

  package mutating func append(_ config: LiveConfig) {
    ids.append(config.id)
    images.append(config.image)
    resources.append(config.resources)
  }

  /// Appends a row whose ids are UUIDs, as those of PostgreSQL are; quicker than making names of them.
  package mutating func append(id: UUIDWords, image: UUIDWords?, resources: Resources) {
    ids.append(id)
    images.append(image)
    self.resources.append(resources)
  }

  package mutating func replaceSubrange(
    _ rows: Range<Int>, with configs: some Collection<LiveConfig>
  ) {
    var other = LiveConfigs()
    for config in configs { other.append(config) }
    ids.replace(rows, with: other.ids)
    images.replace(rows, with: other.images)
    resources.replace(rows, with: other.resources)
  }

  package mutating func reorder(_ order: [UInt32]) {
    ids.reorder(order)
    images.reorder(order)
    resources.reorder(order)
  }
}

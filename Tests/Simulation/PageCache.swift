/// A file's bytes: what the programs see, what is on the disk, and what was changed since.
///
/// Until they are synced, each sector and the size reach the disk on their own, in any version that they had.
/// A cut and what is written behind it keep their order, as a journal keeps it.
struct PageCache {
  static let sectorByteCount = 512

  private(set) var cached: [UInt8] = []
  private var durable: [UInt8] = []
  private var pending: [Change] = []

  private struct Change {
    /// Whole sectors, as they were after it.
    var image: [UInt8]
    var firstSector: Int
    var sizeAfter: Int
    /// Whether all behind the image is gone.
    var isCut = false

    /// What the sector is after it; nil where it leaves the sector alone.
    func version(_ sector: Int) -> ArraySlice<UInt8>? {
      let start = (sector - firstSector) * PageCache.sectorByteCount
      guard start >= 0 else { return nil }
      if start < image.count { return image[start..<start + PageCache.sectorByteCount] }
      return isCut ? [] : nil
    }
  }

  var hasPending: Bool { !pending.isEmpty }

  /// Changes a byte on the disk and in the cache.
  mutating func rot(at offset: Int, by bits: UInt8) {
    if offset < durable.count { durable[offset] ^= bits }
    if offset < cached.count { cached[offset] ^= bits }
  }

  mutating func write(_ bytes: ArraySlice<UInt8>, at offset: Int) {
    guard !bytes.isEmpty else { return }
    let end = offset + bytes.count
    if cached.count < end {
      cached.append(contentsOf: repeatElement(0, count: end - cached.count))
    }
    cached.replaceSubrange(offset..<end, with: bytes)
    note(from: offset, to: end)
  }

  mutating func resize(to byteCount: Int) {
    guard byteCount < cached.count else {
      cached.append(contentsOf: repeatElement(0, count: byteCount - cached.count))
      return note(from: byteCount, to: byteCount)
    }
    cached.removeLast(cached.count - byteCount)
    note(from: byteCount, to: byteCount, isCut: true)
  }

  private mutating func note(from start: Int, to end: Int, isCut: Bool = false) {
    let size = PageCache.sectorByteCount
    let first = start / size * size
    let last = (end + size - 1) / size * size
    var image = first < cached.count ? Array(cached[first..<min(last, cached.count)]) : []
    image.append(contentsOf: repeatElement(0, count: last - first - image.count))
    pending.append(
      Change(
        image: image, firstSector: first / size, sizeAfter: cached.count, isCut: isCut))
  }

  mutating func sync() {
    durable = cached
    pending = []
  }

  /// A sync that failed: some of what was pending is on the disk, and nothing is pending any more.
  mutating func failSync(_ choices: inout Choices) {
    durable = image(&choices)
    pending = []
  }

  /// What a power cut leaves.
  func afterCut(_ choices: inout Choices) -> PageCache {
    var file = PageCache()
    file.durable = pending.isEmpty ? durable : image(&choices)
    file.cached = file.durable
    return file
  }

  /// The same file with all of it on the disk.
  var whole: PageCache {
    var file = self
    file.sync()
    return file
  }

  // MARK: - Images

  private func image(_ choices: inout Choices) -> [UInt8] {
    let applied = choices.below(pending.count + 1)
    let byteCount = applied == 0 ? durable.count : pending[applied - 1].sizeAfter
    var image = Array(durable.prefix(byteCount))
    image.append(contentsOf: repeatElement(0, count: byteCount - image.count))
    // Chance alone hardly ever keeps all of many sectors, or none.
    let mode: Mode = if case .random = choices { Mode(choices.below(4)) } else { .each }
    for sector in touched where sector * PageCache.sectorByteCount < byteCount {
      let versions = self.versions(of: sector, sizeAfter: applied)
      let chosen =
        switch mode {
        case .newest: versions.count - 1
        case .oldest: 0
        case .likely: choices.below(8) == 0 ? choices.below(versions.count) : versions.count - 1
        case .each: choices.below(versions.count)
        }
      put(versions[chosen], at: sector, &image)
    }
    return image
  }

  private enum Mode {
    case newest, oldest, likely, each

    init(_ number: Int) { self = [.newest, .oldest, .likely, .each][number] }
  }

  /// The sectors that some change wrote, in order; the others behind a cut read as zeros.
  private var touched: [Int] {
    var sectors: Set<Int> = []
    for change in pending {
      let count = change.image.count / PageCache.sectorByteCount
      sectors.formUnion(change.firstSector..<change.firstSector + count)
      guard change.isCut else { continue }
      let end = (durable.count + PageCache.sectorByteCount - 1) / PageCache.sectorByteCount
      if end > change.firstSector { sectors.formUnion(change.firstSector..<end) }
    }
    return sectors.sorted()
  }

  /// What a sector can be, without repetitions, where the size is that after so many changes.
  private func versions(of sector: Int, sizeAfter applied: Int) -> [ArraySlice<UInt8>] {
    let start = sector * PageCache.sectorByteCount
    var versions: [ArraySlice<UInt8>] = [
      start < durable.count
        ? durable[start..<min(start + PageCache.sectorByteCount, durable.count)] : []
    ]
    for (index, change) in pending.enumerated() {
      guard let version = change.version(sector) else { continue }
      if change.isCut {
        // What was there before is freed together with the change of size.
        guard index < applied else { break }
        versions = [version]
      } else if versions.last.map({ !PageCache.isSame($0, version) }) ?? true {
        versions.append(version)
      }
    }
    return versions
  }

  private static func isSame(_ one: ArraySlice<UInt8>, _ other: ArraySlice<UInt8>) -> Bool {
    let shared = min(one.count, other.count)
    return one.prefix(shared).elementsEqual(other.prefix(shared))
      && one.dropFirst(shared).allSatisfy { $0 == 0 }
      && other.dropFirst(shared).allSatisfy { $0 == 0 }
  }

  private func put(_ version: ArraySlice<UInt8>, at sector: Int, _ image: inout [UInt8]) {
    let start = sector * PageCache.sectorByteCount
    let end = min(start + PageCache.sectorByteCount, image.count)
    let kept = min(version.count, end - start)
    image.replaceSubrange(start..<start + kept, with: version.prefix(kept))
    for place in start + kept..<end { image[place] = 0 }
  }
}

internal import LedgerCore

/// Lists of sizes in one array, whose places are used again.
struct OlderSizes {
  static let none: Int32 = -1

  private var entries: [(size: Resources, next: Int32)] = []
  private var free = none

  /// Puts `size` before the list that begins at `first`.
  mutating func add(_ size: Resources, to first: inout Int32) {
    if free == OlderSizes.none {
      entries.append((size, first))
      first = Int32(entries.count - 1)
    } else {
      let place = free
      free = entries[Int(place)].next
      entries[Int(place)] = (size, first)
      first = place
    }
  }

  /// Empties the list that begins at `first` and returns it, the oldest first, without repetitions.
  mutating func take(_ first: inout Int32) -> [Resources] {
    var sizes: [Resources] = []
    while first != OlderSizes.none {
      let place = first
      let entry = entries[Int(place)]
      if !sizes.contains(entry.size) { sizes.append(entry.size) }
      first = entry.next
      entries[Int(place)].next = free
      free = place
    }
    return sizes.reversed()
  }
}

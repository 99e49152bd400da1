/// The order of events by time: stable, by radix, because ten million are sorted.
struct TimeOrder {
  /// The indices of the events, earliest first.
  let indices: [UInt32]

  /// Sorts times that are not negative.
  init(_ times: [Int64]) {
    var keys = times.map { UInt64($0) }
    var indices = (0..<UInt32(times.count)).map { $0 }
    var otherKeys = keys
    var otherIndices = indices
    let bits = 64 - (keys.max() ?? 0).leadingZeroBitCount
    for shift in stride(from: 0, to: bits, by: 11) {
      TimeOrder.pass(keys, indices, &otherKeys, &otherIndices, UInt64(shift))
      swap(&keys, &otherKeys)
      swap(&indices, &otherIndices)
    }
    self.indices = indices
  }

  /// Sorts by eleven bits, and keeps the order of what is equal there.
  private static func pass(
    _ keys: [UInt64], _ indices: [UInt32], _ sortedKeys: inout [UInt64],
    _ sortedIndices: inout [UInt32], _ shift: UInt64
  ) {
    var starts = [Int](repeating: 0, count: 2_049)
    for key in keys { starts[Int(key &>> shift & 2_047) + 1] += 1 }
    for digit in 1..<starts.count { starts[digit] += starts[digit - 1] }
    var keySpan = sortedKeys.mutableSpan
    var indexSpan = sortedIndices.mutableSpan
    for position in keys.indices {
      let digit = Int(keys[position] &>> shift & 2_047)
      let target = starts[digit]
      starts[digit] = target + 1
      keySpan[target] = keys[position]
      indexSpan[target] = indices[position]
    }
  }
}

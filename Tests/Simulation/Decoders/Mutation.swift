internal import TestSupport

/// Changes bytes at random: bits, bytes, numbers that are extreme, pieces that are moved, cut out or repeated.
struct Mutation {
  var random: TestRandom

  private static let extremes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, 0x22, 0x2C, 0x5B, 0x7B]

  mutating func changed(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0...random.below(4) where !bytes.isEmpty { change(&bytes) }
    return bytes
  }

  private mutating func change(_ bytes: inout [UInt8]) {
    let place = random.below(bytes.count)
    let count = 1 + random.below(min(16, bytes.count - place))
    switch random.below(7) {
    case 0: bytes[place] ^= 1 << UInt8(random.below(8))
    case 1: bytes[place] = random.pick(Mutation.extremes)
    case 2: for index in place..<place + count { bytes[index] = 0xFF }
    case 3: bytes.removeSubrange(place..<place + count)
    case 4: bytes.insert(contentsOf: bytes[place..<place + count], at: place)
    case 5: bytes.insert(contentsOf: random.bytes(count), at: place)
    default: bytes.removeLast(bytes.count - place)
    }
  }
}

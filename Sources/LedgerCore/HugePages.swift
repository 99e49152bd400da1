internal import CShims

extension Array {
  /// Makes room for `count` elements, at least twice as many as there are, and asks the system for huge pages.
  ///
  /// Rows of a large fleet are read at random places, and with pages of 4 KiB the processor looks up where a page is more
  /// often than it finds it known.
  mutating func reserveOnHugePages(_ count: Int) {
    guard capacity < count else { return }
    // The advice must come before the first touch, so the old elements move into an array that has it already.
    var larger: [Element] = []
    larger.reserveCapacity(Swift.max(count, self.count * 2, 1 << 10))
    let capacity = larger.capacity
    // Safe: the advice covers the array's own storage and changes nothing in it.
    unsafe larger.withUnsafeMutableBufferPointer { buffer in
      unsafe shim_advise_huge(buffer.baseAddress, capacity * MemoryLayout<Element>.stride)
    }
    larger.append(contentsOf: self)
    self = larger
  }
}

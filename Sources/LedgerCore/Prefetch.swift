internal import CShims

/// Where the elements of an array stand, so that a loop can ask for one some rows before it needs it.
///
/// It keeps nothing alive: an array that grows or goes leaves an address behind that is of no use and does no harm.
struct PrefetchBase<Element> {
  /// How many rows ahead an element at a random place is asked for.
  static var distance: Int { 16 }

  private let address: UInt

  @inline(__always)
  init(_ array: [Element]) {
    // Safe: the address is only ever handed to the prefetch instruction, which cannot fault.
    address = unsafe array.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
  }

  /// Asks for an element, whatever its index.
  @inline(__always)
  func ask(for index: Int) {
    let offset = UInt(bitPattern: index &* MemoryLayout<Element>.stride)
    unsafe shim_prefetch(UnsafeRawPointer(bitPattern: address &+ offset))
  }
}

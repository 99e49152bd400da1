internal import CShims

/// CRC-32C (Castagnoli), which guards every stored byte against accidents.
package enum CRC32C {
  /// The checksum of `range` of `bytes`.
  package static func of(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      // Safe: the slice checks the range, and the function only reads.
      let part = unsafe UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[range])
      return unsafe shim_crc32c(0, part.baseAddress, part.count)
    }
  }

  /// The checksum of all `bytes`.
  package static func of(_ bytes: [UInt8]) -> UInt32 { of(bytes.span, 0..<bytes.count) }
}

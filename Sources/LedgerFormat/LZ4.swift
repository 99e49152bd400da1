internal import CLZ4

/// LZ4 block compression (lz4 Block Format); frames carry their own lengths and checksums.
package enum LZ4 {
  /// `bytes` compressed, or nil when that would not be shorter.
  package static func compress(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count > 12, bytes.count <= Int(LZ4_MAX_INPUT_SIZE) else { return nil }
    let written = bytes.count - 1
    let packed = unsafe [UInt8](unsafeUninitializedCapacity: written) { output, count in
      // Safe: both lengths are those of the buffers; 0 means that the output did not suffice.
      let size = unsafe bytes.withUnsafeBytes { input in
        unsafe LZ4_compress_default(
          input.baseAddress, output.baseAddress, CInt(input.count), CInt(written))
      }
      count = Int(max(size, 0))
    }
    return packed.isEmpty ? nil : packed
  }

  /// Expands `range` of `bytes` into `output`, which becomes `count` bytes and `padding` zeros long.
  ///
  /// - Returns: whether the bytes were a valid block of exactly that length.
  package static func expand(
    _ bytes: Span<UInt8>, _ range: Range<Int>, count: Int, padding: Int, into output: inout [UInt8]
  ) -> Bool {
    // No byte of the format stands for more than 255, so that few bytes cannot ask for much memory.
    guard count / 256 <= range.count else { return false }
    resize(&output, to: count + padding)
    let size = unsafe output.withUnsafeMutableBytes { target in
      unsafe bytes.withUnsafeBytes { source in
        // Safe: the slice checks the range; LZ4_decompress_safe never leaves either buffer.
        let part = unsafe UnsafeRawBufferPointer(rebasing: source[range])
        return unsafe LZ4_decompress_safe(
          part.baseAddress, target.baseAddress, CInt(part.count), CInt(count))
      }
    }
    guard size == count else { return false }
    for index in count..<count + padding { output[index] = 0 }
    return true
  }

  /// Makes `output` `count` bytes long without clearing what is there.
  package static func resize(_ output: inout [UInt8], to count: Int) {
    if output.count > count {
      output.removeLast(output.count - count)
    } else if output.count < count {
      output.append(contentsOf: repeatElement(0, count: count - output.count))
    }
  }
}

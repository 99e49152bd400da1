#if OpenSSL
internal import CCrypto
#endif

/// Ed25519 (RFC 8032) by libcrypto; without the trait OpenSSL there is none.
package enum Ed25519 {
  package static let keyByteCount = 32
  package static let signatureByteCount = 64

  #if OpenSSL
  package static let isAvailable = true

  /// The public key of a private one of 32 bytes.
  static func publicKey(of seed: [UInt8]) -> [UInt8]? {
    guard let key = unsafe privateKey(seed) else { return nil }
    defer { unsafe EVP_PKEY_free(key) }
    var bytes = [UInt8](repeating: 0, count: keyByteCount)
    var count = bytes.count
    // Safe: the function writes at most `count` bytes.
    let status = unsafe EVP_PKEY_get_raw_public_key(key, &bytes, &count)
    return status == 1 && count == keyByteCount ? bytes : nil
  }

  /// The signature of `message` by a private key of 32 bytes.
  static func sign(_ message: [UInt8], seed: [UInt8]) -> [UInt8]? {
    guard let key = unsafe privateKey(seed) else { return nil }
    defer { unsafe EVP_PKEY_free(key) }
    guard let context = unsafe EVP_MD_CTX_new() else { return nil }
    defer { unsafe EVP_MD_CTX_free(context) }
    var signature = [UInt8](repeating: 0, count: signatureByteCount)
    var count = signature.count
    // Safe: the message is as long as said, and at most `count` bytes are written.
    guard unsafe EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
      unsafe EVP_DigestSign(context, &signature, &count, message, message.count) == 1,
      count == signatureByteCount
    else { return nil }
    return signature
  }

  /// Whether `signature` is one of `message` by the owner of a public key.
  static func isValid(_ signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool {
    guard publicKey.count == keyByteCount, signature.count == signatureByteCount,
      let key = unsafe EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, nil, publicKey, publicKey.count)
    else { return false }
    defer { unsafe EVP_PKEY_free(key) }
    guard let context = unsafe EVP_MD_CTX_new() else { return false }
    defer { unsafe EVP_MD_CTX_free(context) }
    // Safe: both arrays are as long as said, and neither is kept.
    return unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
      && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }

  /// The caller frees it.
  private static func privateKey(_ seed: [UInt8]) -> OpaquePointer? {
    guard seed.count == keyByteCount else { return nil }
    return unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count)
  }
  #else
  package static let isAvailable = false

  static func publicKey(of seed: [UInt8]) -> [UInt8]? { nil }

  static func sign(_ message: [UInt8], seed: [UInt8]) -> [UInt8]? { nil }

  static func isValid(_ signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool {
    false
  }
  #endif
}

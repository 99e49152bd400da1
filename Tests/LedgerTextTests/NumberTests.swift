import LedgerText
import Testing

/// A slow twin of the number parsing, on strings of digits.
private func slowly(_ text: String, scale: Int) -> ExactDecimal {
  var rest = Substring(text)
  let isNegative = rest.hasPrefix("-")
  if isNegative { rest = rest.dropFirst() }
  let parts = rest.split(whereSeparator: { $0 == "e" || $0 == "E" })
  let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
  let halves = parts[0].split(separator: ".")
  var digits = String(halves[0])
  var power = exponent + scale
  if halves.count > 1 {
    digits += halves[1]
    power -= halves[1].count
  }
  if power >= 0 { digits += String(repeating: "0", count: power) }
  if power < 0 {
    digits = String(repeating: "0", count: -power) + digits
    let fraction = digits.suffix(-power)
    guard fraction.allSatisfy({ $0 == "0" }) else { return .inexact }
    digits.removeLast(-power)
  }
  return Int64((isNegative ? "-" : "") + (digits.isEmpty ? "0" : digits)).map { .whole($0) }
    ?? .tooLarge
}

private func exact(_ text: String, scale: Int = 0) -> ExactDecimal {
  let bytes = Array(text.utf8)
  return ExactDecimal(bytes.span, 0..<bytes.count, scale: scale)
}

@Suite("numbers are exact")
struct NumberTests {
  @Test(
    "decimals",
    arguments: [
      ("1.0", 0, ExactDecimal.whole(1)), ("1e3", 0, .whole(1000)), ("1.5", 0, .inexact),
      ("0.5", 3, .whole(500)), ("6.152", 3, .whole(6152)), ("6.1525", 3, .inexact),
      ("1e-3", 3, .whole(1)), ("1e-4", 3, .inexact), ("0e999999999999", 0, .whole(0)),
      ("1e999999999999", 0, .tooLarge), ("1e-999999999999", 0, .inexact),
      ("9223372036854775807", 0, .whole(.max)), ("9223372036854775808", 0, .tooLarge),
      ("-9223372036854775808", 0, .whole(.min)), ("-9223372036854775809", 0, .tooLarge),
      ("9223372036854775.807", 3, .whole(.max)), ("9223372036854775.808", 3, .tooLarge),
      ("100000000000000000000000e-20", 0, .whole(1000)), ("0.1", 0, .inexact),
      ("-0.0", 0, .whole(0)), ("0.00000000000000000000000001e26", 0, .whole(1)),
    ])
  func decimals(text: String, scale: Int, expected: ExactDecimal) {
    #expect(exact(text, scale: scale) == expected)
    if !text.contains("999999999999") { #expect(slowly(text, scale: scale) == expected) }
  }

  @Test("random numbers are what the slow twin says")
  func differential() throws {
    var random = TestRandom(seed: 7)
    for _ in 0..<50_000 {
      var text = random.chance(4) ? "-" : ""
      let digits = (0..<random.below(21)).map { _ in String(random.below(10)) }.joined()
      let whole = digits.drop { $0 == "0" }
      text += whole.isEmpty ? "0" : whole
      let isPlain = random.chance(2)
      if !isPlain {
        if random.chance(2) {
          text += "." + (0...random.below(6)).map { _ in String(random.below(3)) }.joined()
        }
        if random.chance(2) {
          text += ["e", "E", "e+", "e-"][random.below(4)] + "\(random.below(9))"
        }
      }
      let scale = random.chance(2) ? 3 : 0
      let expected = slowly(text, scale: scale)
      #expect(exact(text, scale: scale) == expected, "\(text)")

      // The reader says the same of whole numbers, whatever follows them.
      for wrapper in [(text, 0), ("[\(text)]", 1), ("[\(text),0]", 1), ("[\(text) ]", 1)] {
        var value = try JSONValue(parsing: wrapper.0)
        if wrapper.1 == 1 { value = try #require(value[0]) }
        if case .whole(let number) = slowly(text, scale: 0) {
          #expect(value.integer == number, "\(text)")
        } else {
          #expect(value.integer == nil, "\(text)")
        }
      }
    }
  }
}

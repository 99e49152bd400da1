/// What a drawn number counts.
package enum Quantity: Hashable, Sendable {
  case count
  case millicores
  case bytes

  /// The unit that numbers up to `maximum` are written in, and how much it is.
  func unit(for maximum: Int64) -> (name: String, size: Double) {
    switch self {
    case .count: return ("", 1)
    case .millicores: return ("cores", 1_000)
    case .bytes:
      var unit = (name: "bytes", size: 1.0)
      for name in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        // Capacities of disks are read in GiB for longer than others.
        guard Double(maximum) >= unit.size * 1_024 * (name == "TiB" ? 10 : 1) else { break }
        unit = (name, unit.size * 1_024)
      }
      return unit
    }
  }
}

/// A vertical axis from zero: round steps in a unit that fits.
struct ValueAxis {
  let unit: String
  private let unitSize: Double
  private let step: Double
  private let decimals: Int
  private let stepCount: Int

  /// An axis for values from zero to `maximum`, with two to five steps.
  init(_ quantity: Quantity, maximum: Int64) {
    let unit = quantity.unit(for: maximum)
    self.unit = unit.name
    unitSize = unit.size
    let top = max(Double(maximum) / unit.size, quantity == .count ? 1 : 1e-3)
    // 1, 2 and 5 times a power of ten.
    var power = 1.0
    var decimals = 0
    while power * 10 <= top / 4 { power *= 10 }
    while power > top / 4, decimals < 6 {
      power /= 10
      decimals += 1
    }
    var step = power
    for factor in [1.0, 2, 5, 10] {
      step = power * factor
      if top / step <= 5 { break }
    }
    if quantity == .count, step < 1 { step = 1 }
    self.step = step
    self.decimals = step >= 1 ? 0 : decimals
    stepCount = max(1, Int((top / step).rounded(.up)))
  }

  /// The values with a line and a label, in what the data counts in.
  var ticks: [(value: Double, label: String)] {
    (0...stepCount).map { index in
      let value = Double(index) * step
      return (value * unitSize, Markup.number(value, decimals: decimals))
    }
  }

  /// The highest value of the axis.
  var top: Double { Double(stepCount) * step * unitSize }
}

extension Quantity {
  /// A value in a unit of its own, with at most two digits behind the point.
  func text(_ value: Int64) -> String {
    let unit = unit(for: value)
    var text = Markup.number(Double(value) / unit.size, decimals: 2)
    while text.contains("."), text.hasSuffix("0") || text.hasSuffix(".") { text.removeLast() }
    return text + (unit.name.isEmpty ? "" : " " + unit.name)
  }
}

package import LedgerCore

/// Adds up what each host held, over time: the integral of its counters in an interval.
///
/// Sums are exact: counters times microseconds, in 128 bits.
package struct UsageMeter: FoldObserver {
  private struct Account {
    var since: Int64
    var counters = Counters.zero
    var sums = InlineArray<4, Int128>(repeating: 0)
  }

  private let start: Int64
  private let end: Int64
  private let usesRecordedTime: Bool
  private var accounts: [Account] = []

  /// A meter of the half-open interval from `start` to `end`.
  package init(from start: Timestamp, to end: Timestamp, usesRecordedTime: Bool) {
    self.start = start.microseconds
    self.end = end.microseconds
    self.usesRecordedTime = usesRecordedTime
  }

  package mutating func hostChanged(
    _ host: UInt32, from before: Counters, to after: Counters, row: Int, in batch: EntryBatch
  ) {
    while accounts.count <= Int(host) { accounts.append(Account(since: start)) }
    let time = usesRecordedTime ? batch.recorded(of: row).microseconds : batch.occurred[row]
    settle(Int(host), upTo: time)
    accounts[Int(host)].counters = after
  }

  private mutating func settle(_ host: Int, upTo time: Int64) {
    let moment = min(max(time, start), end)
    let length = Int128(moment - accounts[host].since)
    guard length > 0 else { return }
    for (index, value) in accounts[host].counters.values.enumerated() {
      accounts[host].sums[index] += Int128(value) * length
    }
    accounts[host].since = moment
  }

  /// The sums of a host up to the end of the interval, in seconds, as exact decimals.
  package mutating func totals(of host: UInt32) -> [String] {
    guard Int(host) < accounts.count else { return ["0", "0", "0", "0"] }
    settle(Int(host), upTo: end)
    let sums = accounts[Int(host)].sums
    return sums.indices.map { UsageMeter.seconds(sums[$0]) }
  }

  /// Microseconds as decimal seconds without needless zeros.
  static func seconds(_ value: Int128) -> String {
    let (whole, rest) = value.quotientAndRemainder(dividingBy: 1_000_000)
    guard rest != 0 else { return String(whole) }
    var digits = String(rest.magnitude)
    digits = String(repeating: "0", count: 6 - digits.count) + digits
    while digits.hasSuffix("0") { digits.removeLast() }
    return (value < 0 && whole == 0 ? "-" : "") + "\(whole).\(digits)"
  }
}

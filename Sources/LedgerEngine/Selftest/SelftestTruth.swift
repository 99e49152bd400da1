internal import FaultInjection
internal import LedgerForensics

/// What was injected, as an explanation would say it.
struct Truth {
  private var causes: [(fault: Fault, sequence: Int64?)] = []
  /// How many faults were injected.
  let count: Int

  init(_ faults: [InjectedFault], didClamp: Bool) {
    count = faults.count
    for injected in faults {
      let sequence: Int64? = injected.sequence
      switch injected.kind {
      case .skipped, .poolSkipped: causes.append((.skipped, sequence))
      case .duplicated, .poolDuplicated: causes.append((.duplicated, sequence))
      case .rowAlone, .countersAlone, .someCounters, .poolPartial:
        causes.append((.partial, sequence))
      case .otherHost, .otherCounters: causes.append((.wrongHost, sequence))
      case .oldSize: causes.append((.oldSizeUsed, sequence))
      case .clamped:
        causes.append((.duplicated, sequence))
        if didClamp { causes.append((.clamped, nil)) }
      case .truncated: causes.append((.unitTruncated, sequence))
      case .restoredHost, .restoredFleet: causes.append((.restored, nil))
      case .strangeCounter, .swappedColumns, .strangeRow: causes.append((.outOfBand, nil))
      }
    }
  }

  var summary: String {
    causes.map { $0.fault.rawValue + ($0.sequence.map { " of \($0)" } ?? "") }
      .joined(separator: " and ")
  }

  /// The same for the explainer, to look for it among all its answers.
  var sought: SoughtAnswer {
    SoughtAnswer(sequences: Set(causes.compactMap(\.sequence)), accepts: accepts)
  }

  /// Whether every cause of an explanation was injected.
  func accepts(_ said: [Cause]) -> Bool { !said.isEmpty && said.allSatisfy(accepts) }

  private func accepts(_ cause: Cause) -> Bool {
    causes.contains { truth in
      truth.fault == cause.fault && (truth.sequence == nil || truth.sequence == cause.sequence)
    }
  }
}

extension Cause {
  /// The cause in a few words.
  var summary: String { fault.rawValue + (sequence.map { " of \($0)" } ?? "") }
}
